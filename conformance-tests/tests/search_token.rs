//! Search by token (search.html#token).

use conformance_tests::{Client, Labelled, samples::*};
use serde_json::{Value, json};

fn coded(label: &'static str, codings: Value) -> (&'static str, Value) {
    let code = json!({"coding": codings});
    (label, json!({"resourceType": "Observation", "status": "final", "code": code}))
}

async fn observations(client: &Client) -> Labelled<'_> {
    let observations = vec![
        coded("loinc", json!([{"system": "http://loinc.org", "code": "8480-6"}])),
        coded("local", json!([{"system": "urn:local", "code": "8480-6"}])),
        coded("bare", json!([{"code": "8480-6"}])),
        coded("both", json!([{"system": "http://loinc.org", "code": "8462-4"}, {"system": "urn:local", "code": "x"}])),
        coded(
            "crossed",
            json!([{"system": "http://loinc.org", "code": "x"}, {"system": "urn:local", "code": "8480-6"}]),
        ),
        ("text", json!({"resourceType": "Observation", "status": "amended", "code": {"text": "8480-6"}})),
    ];
    Labelled::create(client, observations).await
}

/// search.html#token: `code`, `system|code`, `|code`, `system|`
#[tokio::test]
async fn a_token_is_a_code_with_or_without_its_system() {
    let client = Client::fresh();
    observations(&client)
        .await
        .check(&[
            ("Observation?code=8480-6", "loinc local bare crossed"),
            ("Observation?code=http://loinc.org|8480-6", "loinc"),
            ("Observation?code=urn:local|8480-6", "local crossed"),
            ("Observation?code=|8480-6", "bare"),
            ("Observation?code=http://loinc.org|", "loinc both crossed"),
            ("Observation?code=urn:local|", "local both crossed"),
            ("Observation?code=urn:absent|", ""),
            ("Observation?code=urn:absent|8480-6", ""),
            ("Observation?code=8480", ""),
            ("Observation?code=http://loinc.org|8462-4,urn:local|8480-6", "local both crossed"),
            ("Observation?code=http://loinc.org|8462-4&code=urn:local|x", "both"),
            ("Observation?code=http://loinc.org|8480-6&status=amended", ""),
        ])
        .await;
}

/// search.html#modifiers: `:not` turns the match around, and holds resources without the element;
/// `:missing`.
#[tokio::test]
async fn not_holds_everything_else() {
    let client = Client::fresh();
    observations(&client)
        .await
        .check(&[
            ("Observation?code:not=8480-6", "both text"),
            ("Observation?code:not=http://loinc.org|8480-6", "local bare both crossed text"),
            ("Observation?code:not=http://loinc.org|", "local bare text"),
            ("Observation?code:not=8480-6,8462-4", "text"),
            ("Observation?status:not=final", "text"),
            ("Observation?status:not=amended&code:not=x", "loinc local bare"),
        ])
        .await;
    let person = |label, more: Value| (label, with(patient("not"), more));
    let people =
        vec![person("f", json!({"gender": "female"})), person("m", json!({"gender": "male"})), person("n", json!({}))];
    let people = Labelled::create(&client, people).await;
    people
        .check(&[
            ("Patient?gender:not=male", "f n"),
            ("Patient?gender:missing=true", "n"),
            ("Patient?gender:missing=false", "f m"),
            ("Patient?gender=female,male", "f m"),
        ])
        .await;
}

/// search.html#token: the types a token is made of: code, boolean, Identifier, ContactPoint, string.
#[tokio::test]
async fn every_type_of_token_is_found() {
    let client = Client::fresh();
    let person = with(
        patient("id-1"),
        json!({
            "active": true, "gender": "female", "deceasedBoolean": false,
            "telecom": [
                {"system": "phone", "value": "555-1234", "use": "home"},
                {"system": "email", "value": "ada@example.org"}],
            "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "de"}]}}]
        }),
    );
    let dead = with(patient("id-2"), json!({"deceasedDateTime": "2020-01-01", "active": false}));
    let stored = Labelled::create(&client, vec![("p", person), ("dead", dead)]).await;
    stored
        .check(&[
            ("Patient?active=true", "p"),
            ("Patient?active=false", "dead"),
            ("Patient?gender=female", "p"),
            ("Patient?gender=http://hl7.org/fhir/administrative-gender|female", "p"),
            ("Patient?identifier=id-1", "p"),
            ("Patient?identifier=urn:sample|id-1", "p"),
            ("Patient?identifier=urn:sample|", "p dead"),
            ("Patient?identifier=|id-1", ""),
            ("Patient?telecom=555-1234", "p"),
            ("Patient?phone=555-1234", "p"),
            ("Patient?email=ada@example.org", "p"),
            ("Patient?email=555-1234", ""),
            ("Patient?language=de", "p"),
            ("Patient?deceased=true", "dead"),
        ])
        .await;
}

/// search.html#all: `_id`, `_tag`, `_profile`, `_security`, and `_source` of R4
#[tokio::test]
async fn parameters_of_every_resource_are_found() {
    let client = Client::fresh();
    let meta = json!({
        "tag": [{"system": "urn:t", "code": "blue"}],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
        "profile": ["http://example.org/StructureDefinition/p"],
        "source": "http://example.org/feed"
    });
    let stored = client.post("Patient", &with(patient("common"), json!({"meta": meta}))).await.expect(201).id();
    let other = client.create(&patient("other")).await;
    let found = async |query: &str| {
        let ids = client.page(query).await.ids();
        (ids.contains(&stored), ids.contains(&other))
    };
    for query in [
        "_tag=urn:t|blue",
        "_tag=blue",
        "_security=R",
        "_profile=http://example.org/StructureDefinition/p",
        "_source=http://example.org/feed",
    ] {
        assert_eq!(found(&format!("Patient?{query}&_id={stored},{other}")).await, (true, false), "{query}");
    }
    assert_eq!(found(&format!("Patient?_id={other}")).await, (false, true));
    assert_eq!(found(&format!("Patient?_id={stored},{other}")).await, (true, true));
    assert_eq!(found(&format!("Patient?_id={stored}&_id={other}")).await, (false, false));
    assert_eq!(found("Patient?_id=absent").await, (false, false));
}
