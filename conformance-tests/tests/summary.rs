//! `$summary` (<http://hl7.org/fhir/uv/ips/OperationDefinition/summary>).

use conformance_tests::{Client, samples::*};
use serde_json::{Value, json};

fn section<'b>(bundle: &'b Value, code: &str) -> &'b Value {
    let sections = bundle["entry"][0]["resource"]["section"].as_array().expect("sections");
    sections.iter().find(|it| it["code"]["coding"][0]["code"] == code).expect("the section")
}

/// A document that is valid, with what the record has, and with a reason where it has nothing.
#[tokio::test]
async fn a_summary_is_a_document() {
    let client = Client::fresh();
    let id = client.create(&patient("summary")).await;
    let problem = json!({
        "resourceType": "Condition", "subject": { "reference": format!("Patient/{id}") }, "code": { "text": "Asthma" },
        "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] },
    });
    let problem = client.create(&problem).await;
    let bundle = client.read(&format!("Patient/{id}/$summary")).await;
    assert_eq!(
        (&bundle["type"], &bundle["entry"][0]["resource"]["resourceType"]),
        (&json!("document"), &json!("Composition"))
    );
    let entry = section(&bundle, "11450-4")["entry"][0]["reference"].as_str().expect("a reference").to_owned();
    assert!(entry.ends_with(&format!("/Condition/{problem}")), "{entry}");
    assert_eq!(section(&bundle, "48765-2")["emptyReason"]["coding"][0]["code"], "unavailable");
    let outcome = client.post("Bundle/$validate", &bundle).await.expect(200).json();
    let issues = outcome["issue"].as_array().expect("issues");
    assert!(issues.iter().all(|it| it["severity"] != "error"), "{outcome}");
    client.get("Patient/no-such-patient/$summary").await.expect_outcome(404..=404);
    client.get("Patient/$summary").await.expect_outcome(400..=400);
}
