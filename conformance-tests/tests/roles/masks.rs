//! Elements that a role does not show (security.html, resource.html#simple-tags): gone from every answer, no way to ask for
//! them, and nobody who does not see them loses them by a write.

use super::{call, member, soon};
use crate::smart::place::Place;
use conformance_tests::samples::{bare_entry, entry, patient, with};
use conformance_tests::{Answer, Client};
use serde_json::{Value, json};

/// What is hidden: these words are nowhere in what a masked caller is sent.
const SECRETS: [&str; 3] = ["secret-number", "secret-note", "555-0100"];
const RULES: &str = "user/Patient.cruds?_mask=Patient.identifier,Patient.telecom.value \
                     user/Observation.cruds?_mask=Observation.note user/List.rs user/Bundle.rs";

/// A place with a patient `p` and an observation `o`, each of which says what is to be hidden in several ways.
async fn place() -> Option<Place<'static>> {
    let place = Place::new()?;
    let narrative =
        json!({ "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">secret-number</div>" });
    let patient = json!({
        "resourceType": "Patient", "id": "p", "text": narrative, "birthDate": "1970-01-01",
        "identifier": [{ "system": "urn:n", "value": "secret-number" }], "name": [{ "family": "Weiss" }],
        "telecom": [{ "system": "phone", "value": "555-0100" }],
    });
    let observation = json!({
        "resourceType": "Observation", "id": "o", "status": "final", "code": { "coding": [{ "system": "urn:c", "code": "x" }] },
        "contained": [{ "resourceType": "Patient", "id": "c", "identifier": [{ "value": "secret-number" }] }],
        "subject": { "reference": "Patient/p", "identifier": { "system": "urn:n", "value": "secret-number" } },
        "note": [{ "text": "secret-note" }], "focus": [{ "reference": "#c" }], "valueString": "seen",
    });
    let entries = vec![entry("PUT", "Patient/p", patient), entry("PUT", "Observation/o", observation)];
    place.admin.bundle("transaction", entries).await.expect(200);
    Some(place)
}

fn masked(place: &Place<'_>) -> Client {
    let issue = ["token", "--tenant", &place.tenant, "--scope", RULES, "--subject", "clerk"];
    place.with(Some(place.program.succeed(&issue).trim()))
}

/// That an answer is one, and tells none of these secrets.
pub fn tells_none(answer: Answer, secrets: &[&str], what: &str) -> Value {
    let text = answer.expect_in(200..=201).text();
    assert!(!secrets.iter().any(|it| text.contains(it)), "{what}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

fn keeps_quiet(answer: Answer, what: &str) -> Value {
    tells_none(answer, &SECRETS, what)
}

/// Whether a resource says that it is not whole.
pub fn is_tagged(resource: &Value) -> bool {
    resource["meta"]["tag"].as_array().is_some_and(|it| it.iter().any(|tag| tag["code"] == "SUBSETTED"))
}

/// Every way by which resources are handed out.
#[tokio::test]
async fn hidden_elements_are_in_no_answer() {
    let Some(place) = place().await else { return };
    let clerk = masked(&place);
    for path in [
        "Patient/p",
        "Patient/p/_history/1",
        "Patient/p/_history",
        "Patient/_history",
        "Patient",
        "Patient?family=weiss&_revinclude=Observation:subject",
        "Observation?_include=Observation:subject",
        "Observation?subject:Patient.birthdate=1970-01-01",
        "Patient?_elements=identifier,telecom",
        "Patient?_summary=true",
        "Patient?_sort=birthdate",
        "Patient/p/Observation",
        "Patient/p/$everything",
        "Patient/p/$summary",
        "Patient/p/$meta",
        "Observation/$lastn?patient=Patient/p&code=x",
        "Patient/p/$graphql?query={identifier{value}telecom{value}name{family}}",
    ] {
        keeps_quiet(clerk.get(path).await, path);
    }
    let seen = clerk.read("Patient/p").await;
    assert!(is_tagged(&seen) && seen["identifier"].is_null() && seen["text"].is_null(), "{seen}");
    assert_eq!((&seen["birthDate"], &seen["telecom"]), (&json!("1970-01-01"), &json!([{ "system": "phone" }])));
    assert!(!is_tagged(&place.admin.read("Patient/p").await));
    let whole = place.admin.get("Patient/p").await;
    let etag = clerk.get("Patient/p").await.needed_header("etag").to_owned();
    assert_eq!(etag, whole.needed_header("etag"));
    clerk.call("GET", "Patient/p").header("if-none-match", &etag).send().await.expect(304);
    for kind in ["batch", "transaction"] {
        let reads = ["Patient/p", "Observation/o", "Patient?_id=p"].map(|it| bare_entry("GET", it)).to_vec();
        keeps_quiet(clerk.bundle(kind, reads).await, kind);
    }
}

/// No parameter looks at what is hidden, by whatever way it is asked; it is named, and never passed over.
#[tokio::test]
async fn nothing_can_be_asked_of_hidden_elements() {
    let Some(place) = place().await else { return };
    let clerk = masked(&place);
    for (query, named) in [
        ("Patient?identifier=secret-number", "identifier"),
        ("Patient?identifier:missing=true", "identifier"),
        ("Patient?identifier:not=x&_summary=count", "identifier"),
        ("Patient?phone=555-0100", "phone"),
        ("Patient?_filter=identifier eq x", "identifier"),
        ("Patient?_sort=phone", "phone"),
        ("Patient?_sort=-identifier", "identifier"),
        ("Patient?_content=secret-number", "_content"),
        ("Patient?_text=secret-number", "_text"),
        ("Observation?_content=secret-note", "_content"),
        ("Observation?patient.identifier=secret-number", "identifier"),
        ("Observation?subject:identifier=secret-number", "subject"),
        ("Observation?patient.telecom=555-0100", "telecom"),
        ("Patient?_has:Observation:subject:patient.identifier=x", "identifier"),
        ("Patient?_list=l&telecom=x", "telecom"),
    ] {
        let told = clerk.get(query).await.expect_outcome(403..=403).to_string();
        assert!(told.contains(named), "{query}: {told}");
        clerk.call("GET", query).header("prefer", "handling=lenient").send().await.expect(403);
    }
    let criteria = clerk.call("POST", "Patient").header("if-none-exist", "identifier=secret-number");
    criteria.json(&patient("y")).send().await.expect_outcome(403..=403);
    for method in ["PUT", "DELETE"] {
        let changed = clerk.call(method, "Patient?identifier=secret-number").json(&patient("y"));
        changed.send().await.expect_outcome(403..=403);
    }
    let refers = with(
        json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" } }),
        json!({
            "subject": { "reference": "Patient?identifier=urn:n|secret-number" }
        }),
    );
    clerk.bundle("transaction", vec![entry("POST", "Observation", refers)]).await.expect_outcome(403..=403);
    place.admin.get("Patient?identifier=secret-number").await.expect(200);
}

/// An update by who does not see all is refused; a patch changes what they see, and what is hidden stays.
#[tokio::test]
async fn a_write_loses_nothing_that_is_hidden() {
    let Some(place) = place().await else { return };
    let clerk = masked(&place);
    let seen = clerk.read("Patient/p").await;
    let told = clerk.put("Patient/p", &seen).await.expect_outcome(422..=422).to_string();
    assert!(told.contains("SUBSETTED"), "{told}");
    place.admin.put("Patient/p", &seen).await.expect_outcome(422..=422);
    let replaced = with(patient("other"), json!({ "id": "p" }));
    let told = clerk.put("Patient/p", &replaced).await.expect_outcome(403..=403).to_string();
    assert!(told.contains("hidden"), "{told}");

    let patch =
        |body: Value| clerk.call("PATCH", "Patient/p").body("application/json-patch+json", body.to_string()).send();
    for refused in [
        json!([{ "op": "test", "path": "/identifier/0/value", "value": "secret-number" }]),
        json!([{ "op": "replace", "path": "/identifier/0/value", "value": "x" }]),
        json!([{ "op": "add", "path": "/identifier", "value": [{ "value": "x" }] }]),
        json!([{ "op": "remove", "path": "/telecom/0" }]),
        json!([{ "op": "copy", "from": "/telecom/0", "path": "/telecom/1" }]),
    ] {
        patch(refused).await.expect_outcome(400..=422);
    }
    let answer = patch(json!([{ "op": "replace", "path": "/birthDate", "value": "1980-02-02" }])).await;
    assert_eq!(keeps_quiet(answer, "PATCH")["birthDate"], "1980-02-02");
    let whole = place.admin.read("Patient/p").await;
    assert_eq!(
        (&whole["birthDate"], &whole["identifier"][0]["value"]),
        (&json!("1980-02-02"), &json!("secret-number"))
    );
    assert_eq!(whole["telecom"][0]["value"], "555-0100");
    assert!(whole["text"].is_object() && !is_tagged(&whole), "{whole}");

    let created = with(patient("secret-number"), json!({ "telecom": [{ "system": "phone", "value": "555-0100" }] }));
    let call = clerk.call("POST", "Patient").header("prefer", "return=representation").json(&created);
    assert!(is_tagged(&keeps_quiet(call.send().await, "POST")));
}

/// http.html#history, #vread: an older version shows what both it and the resource as it is now, or last was, let its reader see.
#[tokio::test]
async fn what_is_hidden_now_is_hidden_of_older_versions() {
    let Some(place) = place().await else { return };
    let of = |id: &str, category: &str| {
        let coding =
            json!([{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category }]);
        json!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "c" },
            "category": [{ "coding": coding }], "valueString": "secret-note" })
    };
    let rules = "user/Observation.rs?category=vital-signs \
                 user/Observation.rs?category=laboratory&_mask=Observation.value";
    let issue = ["token", "--tenant", &place.tenant, "--scope", rules, "--subject", "clerk"];
    let clerk = place.with(Some(place.program.succeed(&issue).trim()));
    let versions = |id: &str| [format!("Observation/{id}/_history/1"), format!("Observation/{id}/_history")];
    place.admin.put("Observation/x", &of("x", "vital-signs")).await.expect(201);
    for path in versions("x") {
        assert!(clerk.get(&path).await.expect(200).text().contains("secret-note"), "{path}");
    }
    place.admin.put("Observation/x", &of("x", "laboratory")).await.expect(200);
    place.admin.put("Observation/y", &of("y", "laboratory")).await.expect(201);
    place.admin.put("Observation/y", &of("y", "vital-signs")).await.expect(200);
    for path in versions("x").into_iter().chain(["Observation/y/_history/1".to_owned()]) {
        keeps_quiet(clerk.get(&path).await, &path);
    }
    assert!(clerk.get("Observation/y/_history/2").await.expect(200).text().contains("secret-note"));
    // What it was when it was deleted decides, and what was out of reach then shows nothing.
    place.admin.delete("Observation/x").await.expect(204);
    for path in versions("x") {
        keeps_quiet(clerk.get(&path).await, &path);
    }
    place.admin.put("Observation/x", &of("x", "exam")).await.expect(201);
    place.admin.delete("Observation/x").await.expect(204);
    for path in versions("x") {
        clerk.get(&path).await.expect(404);
    }
}

/// A tenant's role masks elements of the standard, and others by name are refused; it holds for tokens that were issued before.
#[tokio::test]
async fn a_role_says_what_it_does_not_show() {
    let Some(place) = place().await else { return };
    let owner = member(&place, &["owner"]).await.client;
    let define =
        |rule: &'static str| [("name", json!("ward_clerk")), ("title", json!("Ward clerk")), ("rule", json!(rule))];
    for (rule, named) in [
        ("user/Patient.rs?_mask=Patient.nickname", "Patient.nickname"),
        ("user/Patient.rs?_mask=Patient.active", "Patient.active"),
        ("user/Observation.rs?_mask=Observation.status", "Observation.status"),
        ("user/Observation.rs?_mask=Observation.subject", "Observation.subject"),
        ("user/Patient.rs?_mask=Observation.note", "Observation.note"),
    ] {
        let told = call(&owner, "$role-define", &define(rule)).await.expect_outcome(400..=400).to_string();
        assert!(told.contains(named), "{rule}: {told}");
    }
    call(&owner, "$role-define", &define("user/Patient.rs")).await.expect(200);
    let user = member(&place, &["ward_clerk"]).await.client;
    assert!(!is_tagged(&user.read("Patient/p").await));
    call(&owner, "$role-define", &define("user/Patient.rs?_mask=Patient.identifier,Patient.telecom")).await.expect(200);
    soon().await;
    let seen = keeps_quiet(user.get("Patient/p").await, "a masked role");
    assert!(is_tagged(&seen) && seen["telecom"].is_null(), "{seen}");
    let listed = owner.get("$role-list").await.expect(200).text();
    assert!(listed.contains("_mask=Patient.identifier,Patient.telecom"), "{listed}");
}
