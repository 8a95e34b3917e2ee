//! Searches by value sets and hierarchies of codes (search.html#modifiers: `:in`, `:not-in`, `:above`, `:below`).

use conformance_tests::{Client, Labelled, encode, foreign_base, program, samples::*, skipped, unique};
use serde_json::{Value, json};

/// Metals: gold and silver are noble, brass is beneath copper and zinc.
fn metals(url: &str) -> Value {
    json!({
        "resourceType": "CodeSystem", "url": url, "status": "active", "content": "complete", "caseSensitive": true,
        "property": [{"code": "noble", "type": "boolean"}, {"code": "parent", "type": "code"}],
        "concept": [{"code": "metal", "concept": [
            {"code": "gold", "property": [{"code": "noble", "valueBoolean": true}]},
            {"code": "silver", "property": [{"code": "noble", "valueBoolean": true}]},
            {"code": "copper"},
            {"code": "zinc", "concept": [
                {"code": "brass", "property": [{"code": "parent", "valueCode": "copper"}]}]}]}]
    })
}

fn set(url: &str, compose: Value) -> Value {
    json!({"resourceType": "ValueSet", "url": url, "status": "active", "compose": compose})
}

/// Observations of metals, one without any code of the system, and what the terminology is called.
struct Forge<'a> {
    ward: Labelled<'a>,
    system: String,
    set: String,
}

impl<'a> Forge<'a> {
    async fn new(client: &'a Client) -> Forge<'a> {
        let (system, set_url) = (format!("urn:metals:{}", unique()), format!("urn:noble:{}", unique()));
        let of = |code: &str| with(observation("x"), json!({"code": {"coding": [{"system": system, "code": code}]}}));
        let patient = json!({"resourceType": "Patient", "active": true});
        let mut ward = Labelled::create(client, vec![("smith", patient)]).await;
        let subject = json!({"subject": {"reference": format!("Patient/{}", ward.id("smith"))}});
        let noble =
            json!({"include": [{"system": system, "filter": [{"property": "noble", "op": "=", "value": "true"}]}]});
        ward.add(vec![
            ("gold", with(of("gold"), subject)),
            ("brass", of("brass")),
            ("zinc", of("zinc")),
            ("metal", of("metal")),
            ("other", with(observation("x"), json!({"code": {"coding": [{"system": "urn:other", "code": "gold"}]}}))),
            ("text", with(observation("x"), json!({"code": {"text": "gold"}}))),
            ("system", metals(&system)),
            ("set", set(&set_url, noble)),
        ])
        .await;
        Forge { ward, system, set: set_url }
    }

    /// Rows of (type, parameter, value, labels found); `{system}` and `{set}` in a value are its own.
    async fn check(&self, rows: &[(&str, &str, &str, &str)]) {
        let query = |of: &str, name: &str, value: &str| {
            let value = value.replace("{system}", &self.system).replace("{set}", &self.set);
            let value = value.replace("{set-id}", self.ward.id("set"));
            format!("{of}?{name}={}", encode(&value))
        };
        let rows: Vec<(String, &str)> =
            rows.iter().map(|(of, name, value, found)| (query(of, name, value), *found)).collect();
        self.ward.check(&rows).await;
    }
}

/// The tenant's own code systems and value sets, through every way that a token can be asked for.
#[tokio::test]
async fn codes_are_found_by_the_tenants_own_terminology() {
    let client = Client::fresh();
    let forge = Forge::new(&client).await;
    forge
        .check(&[
            ("Observation", "code:in", "{set}", "gold"),
            ("Observation", "code:in", "ValueSet/{set-id}", "gold"),
            ("Observation", "code:in", "{system}?fhir_vs", "gold brass zinc metal"),
            ("Observation", "code:in", "{system}?fhir_vs=isa/copper", "brass"),
            ("Observation", "code:in", "{set},{system}?fhir_vs=isa/zinc", "gold brass zinc"),
            ("Observation", "code:not-in", "{set}", "brass zinc metal other text"),
            ("Observation", "code:below", "{system}|zinc", "zinc brass"),
            ("Observation", "code:below", "{system}|copper", "brass"),
            ("Observation", "code:below", "{system}|metal", "gold brass zinc metal"),
            ("Observation", "code:above", "{system}|brass", "brass zinc metal"),
            ("Observation", "_filter", "code sb {system}|zinc", "zinc brass"),
            ("Observation", "_filter", "code ss {system}|gold", "gold metal"),
            ("Observation", "_filter", "not (code in {set})", "brass zinc metal other text"),
            ("Patient", "_has:Observation:subject:code:in", "{set}", "smith"),
            ("Patient", "_has:Observation:subject:code:below", "{system}|zinc", ""),
            ("Observation", "subject:Patient._has:Observation:subject:code:below", "{system}|metal", "gold"),
        ])
        .await;
}

/// What was found is found again as soon as the value set is another one.
#[tokio::test]
async fn a_changed_value_set_counts_at_once() {
    let client = Client::fresh();
    let forge = Forge::new(&client).await;
    forge.check(&[("Observation", "code:in", "{set}", "gold")]).await;
    let id = forge.ward.id("set").to_owned();
    let now = with(
        set(&forge.set, json!({"include": [{"system": forge.system, "concept": [{"code": "zinc"}]}]})),
        json!({"id": id}),
    );
    client.put(&format!("ValueSet/{id}"), &now).await.expect(200);
    forge.check(&[("Observation", "code:in", "{set}", "zinc")]).await;
    client.delete(&format!("ValueSet/{id}")).await.expect_in(200..=204);
    client.get(&format!("Observation?code:in={}", forge.set)).await.expect_outcome(400..=400);
}

/// Criteria of conditional interactions (http.html#cond-update) take the same modifiers.
#[tokio::test]
async fn conditional_interactions_take_value_sets() {
    let client = Client::fresh();
    let forge = Forge::new(&client).await;
    let noble = client.narrowed(&format!("Observation?code:in={}", forge.set));
    client.delete(&noble).await.expect_in(200..=204);
    forge.check(&[("Observation", "code:in", "{set}", "")]).await;
}

/// R4's own terminology is there: hierarchies, and value sets made by rules and of others.
#[tokio::test]
async fn codes_are_found_by_r4s_terminology() {
    let client = Client::fresh();
    let roles = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let of = |code: &str| {
        json!({"resourceType": "RelatedPerson", "patient": {"reference": "Patient/1"},
            "relationship": [{"coding": [{"system": roles, "code": code}]}]})
    };
    let relatives = vec![("mother", of("MTH")), ("father", of("NFTH")), ("twin", of("TWIN")), ("guard", of("GUARD"))];
    Labelled::create(&client, relatives)
        .await
        .check(&[
            (format!("RelatedPerson?relationship:below={roles}|PRN"), "mother father"),
            (format!("RelatedPerson?relationship:above={roles}|NFTH"), "father"),
            (
                "RelatedPerson?relationship:in=http://terminology.hl7.org/ValueSet/v3-FamilyMember".into(),
                "mother father twin",
            ),
            ("RelatedPerson?relationship:not-in=http://terminology.hl7.org/ValueSet/v3-FamilyMember".into(), "guard"),
        ])
        .await;
}

/// What cannot be answered is said, and never an empty or a widened result.
#[tokio::test]
async fn what_is_not_there_is_told_by_name() {
    let client = Client::fresh();
    for (query, told) in [
        ("code:in=urn:nobody", "urn:nobody"),
        ("code:not-in=urn:nobody", "urn:nobody"),
        ("code:in=ValueSet/nobody", "ValueSet/nobody"),
        ("code:in=http://snomed.info/sct?fhir_vs", "http://snomed.info/sct"),
        ("code:in=http://hl7.org/fhir/ValueSet/observation-codes", "http://loinc.org"),
        ("code:below=http://snomed.info/sct|1", "http://snomed.info/sct"),
        ("code:below=http://terminology.hl7.org/CodeSystem/v3-RoleCode|nothing", "nothing"),
        ("code:below=PRN", "[system]|[code]"),
        ("_has:Provenance:target:agent-type:in=urn:nobody", "urn:nobody"),
    ] {
        let outcome = client.get(&format!("Observation?{query}")).await.expect_outcome(400..=400);
        assert!(outcome.to_string().contains(told), "{query}: {outcome}");
    }
}

/// A value set tells what is in it: who may not search value sets does not learn it by a search for its codes.
#[tokio::test]
async fn stored_terminology_is_seen_by_who_may_search_it() {
    if foreign_base().is_some() {
        return skipped("tokens are issued for the server's own program only");
    }
    let (program, root) = program();
    let tenant = format!("codes-{}", unique());
    program.create_tenant(&tenant);
    let all = Client::new(&format!("{root}/fhir/{tenant}"), Some(program.token(&tenant, "system/*.*")));
    let forge = Forge::new(&all).await;
    let with_scope = |scope: &str| all.with_token(Some(program.token(&tenant, scope)));
    let observer = with_scope("system/Observation.rs");
    let own = format!("Observation?code:in={}", forge.set);
    // Whether or not the answer is known already.
    observer.get(&own).await.expect_outcome(403..=403);
    all.get(&own).await.expect(200);
    observer.get(&own).await.expect_outcome(403..=403);
    let half = with_scope("system/Observation.rs system/ValueSet.rs");
    half.get(&own).await.expect_outcome(403..=403);
    let whole = with_scope("system/Observation.rs system/ValueSet.rs system/CodeSystem.rs");
    whole.get(&own).await.expect(200);
    observer.get("Observation?status:in=http://hl7.org/fhir/ValueSet/observation-status").await.expect(200);
}
