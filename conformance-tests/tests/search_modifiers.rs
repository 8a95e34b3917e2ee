//! Modifiers that ask for something beside a parameter's own values (search.html#modifiers).

use conformance_tests::{Client, Labelled};
use serde_json::{Value, json};

/// search.html#token: `:of-type` takes type and value of one identifier.
#[tokio::test]
async fn an_identifier_is_found_by_its_type() {
    let client = Client::fresh();
    let number = |of: &str, value: &str| {
        json!({"system": "urn:x", "value": value,
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": of}]}})
    };
    let patient = |identifiers: Value| json!({"resourceType": "Patient", "identifier": identifiers});
    let patients = vec![
        ("record", patient(json!([number("MR", "1"), number("SS", "2")]))),
        ("social", patient(json!([number("SS", "1")]))),
        ("bare", patient(json!([{"value": "1"}]))),
    ];
    Labelled::create(&client, patients)
        .await
        .check(&[
            ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|1", "record"),
            ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|SS|1", "social"),
            ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|2", ""),
            ("Patient?identifier:of-type=urn:other|MR|1", ""),
        ])
        .await;
    client.get("Patient?identifier:of-type=MR|1").await.expect(400);
    client.get("Patient?gender:of-type=a|b|c").await.expect(400);
}

/// search.html#reference: `:identifier` asks for Reference.identifier.
#[tokio::test]
async fn a_reference_is_found_by_its_identifier() {
    let client = Client::fresh();
    let of = |subject: Value| json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": subject});
    let observations = vec![
        ("logical", of(json!({"type": "Patient", "identifier": {"system": "urn:mrn", "value": "7"}}))),
        ("literal", of(json!({"reference": "Patient/7"}))),
        ("both", of(json!({"reference": "Patient/8", "identifier": {"value": "7"}}))),
    ];
    Labelled::create(&client, observations)
        .await
        .check(&[
            ("Observation?subject:identifier=urn:mrn|7", "logical"),
            ("Observation?subject:identifier=7", "logical both"),
            ("Observation?subject:identifier=|7", "both"),
            ("Observation?subject:identifier=urn:mrn|", "logical"),
            ("Observation?patient:identifier=7", "logical both"),
            ("Observation?subject=Patient/7", "literal"),
        ])
        .await;
}

/// search.html#uri: `:below` and `:above` go by the segments of a URL.
#[tokio::test]
async fn urls_lie_below_and_above_each_other() {
    let client = Client::fresh();
    let set = |url: &str| json!({"resourceType": "ValueSet", "status": "active", "url": url});
    let sets = vec![
        ("root", set("http://acme.org/fhir/")),
        ("set", set("http://acme.org/fhir/ValueSet/1")),
        ("near", set("http://acme.org/fhir/ValueSet/11")),
        ("urn", set("urn:oid:1.2.3")),
    ];
    Labelled::create(&client, sets)
        .await
        .check(&[
            ("ValueSet?url:below=http://acme.org/fhir", "root set near"),
            ("ValueSet?url:below=http://acme.org/fhir/ValueSet/1", "set"),
            ("ValueSet?url:below=http://acme.or", ""),
            ("ValueSet?url:above=http://acme.org/fhir/ValueSet/1/_history/5", "root set"),
            ("ValueSet?url:above=http://acme.org/", ""),
        ])
        .await;
    client.get("ValueSet?url:below=urn:oid:1").await.expect(400);
}

/// search.html#token: `:in` and `:not-in` with a value set whose codes R4 lists; what needs more is refused.
#[tokio::test]
async fn codes_are_in_a_value_set() {
    let client = Client::fresh();
    let state = |code: &str| {
        json!({"resourceType": "Condition", "subject": {"reference": "Patient/1"},
            "clinicalStatus": {"coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": code}]}})
    };
    let conditions = vec![
        ("active", state("active")),
        ("resolved", state("resolved")),
        ("none", json!({"resourceType": "Condition", "subject": {"reference": "Patient/1"}})),
    ];
    Labelled::create(&client, conditions)
        .await
        .check(&[
            ("Condition?clinical-status:in=http://hl7.org/fhir/ValueSet/condition-clinical", "active resolved"),
            ("Condition?clinical-status:not-in=http://hl7.org/fhir/ValueSet/condition-clinical", "none"),
            ("Condition?clinical-status:in=http://hl7.org/fhir/ValueSet/administrative-gender", ""),
        ])
        .await;
    for query in ["code:in=urn:nobody", "code:in=http://snomed.info/sct?fhir_vs", "code:below=http://snomed.info/sct|1"]
    {
        client.get(&format!("Condition?{query}")).await.expect(400);
    }
}
