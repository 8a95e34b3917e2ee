//! `$snapshot` (structuredefinition-operation-snapshot.html).

use conformance_tests::Client;
use serde_json::{Value, json};

/// A profile on Patient that says how often an element is there.
fn profile(path: &str, min: u8, max: &str) -> Value {
    json!({
        "resourceType": "StructureDefinition", "url": "http://example.org/StructureDefinition/named", "name": "Named",
        "status": "active", "kind": "resource", "abstract": false, "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient", "derivation": "constraint",
        "differential": { "element": [{ "id": path, "path": path, "min": min, "max": max }] }
    })
}

fn given(profile: &Value) -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "definition", "resource": profile }] })
}

/// profiling.html#snapshot: what the base says, and over it what the differential says.
#[tokio::test]
async fn a_differential_becomes_a_snapshot() {
    let client = Client::fresh();
    let named = profile("Patient.name", 1, "3");
    let id = client.create(&named).await;
    let by_post = client.post("StructureDefinition/$snapshot", &given(&named)).await.expect(200).json();
    let by_get = client.get(&format!("StructureDefinition/{id}/$snapshot")).await.expect(200).json();
    assert_eq!(by_get["snapshot"], by_post["snapshot"]);
    let elements = by_get["snapshot"]["element"].as_array().expect("elements");
    let of = |id: &str| elements.iter().find(|it| it["id"] == id).expect("an element");
    assert_eq!((&of("Patient.name")["min"], &of("Patient.name")["max"]), (&json!(1), &json!("3")));
    assert_eq!(of("Patient.link.other")["min"], 1);
    client.get("StructureDefinition/no-such-profile/$snapshot").await.expect_outcome(404..=404);
}

/// profiling.html#limitations: a profile must not allow what its base does not.
#[tokio::test]
async fn a_differential_that_widens_is_refused() {
    let client = Client::fresh();
    let wide = profile("Patient.gender", 1, "2");
    client.post("StructureDefinition/$snapshot", &given(&wide)).await.expect_outcome(422..=422);
}
