//! Identifiers that a profile has unique within the tenant (docs/profiles/patient.md).

use conformance_tests::{Client, unique};
use serde_json::{Value, json};

const PATIENT: &str = "https://medisync.dev/fhir/StructureDefinition/patient";

/// A patient who meets the profile, with this medical record number.
fn patient(number: &str) -> Value {
    let kind = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
    json!({
        "resourceType": "Patient", "meta": { "profile": [PATIENT] }, "name": [{ "family": "Okafor" }], "gender": "female",
        "identifier": [{ "type": kind, "system": "urn:sample:mrn", "value": number }],
        "telecom": [{ "system": "phone", "value": "+1 555 0171" }]
    })
}

/// Of many who are registered with one number at the same time, one is; a deletion gives it up.
#[tokio::test(flavor = "multi_thread")]
async fn a_medical_record_number_is_given_once() {
    let client = Client::fresh();
    let number = unique();
    let racers = (0..12).map(|_| {
        let (client, patient) = (client.clone(), patient(&number));
        tokio::spawn(async move { client.post("Patient", &patient).await })
    });
    let mut ids = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        let answer = racer.await.unwrap().expect_in(201..=409);
        if answer.status == 201 {
            ids.push(answer.id());
        } else {
            let outcome = answer.expect_outcome(409..=409);
            assert_eq!(outcome["issue"][0]["code"], "duplicate");
            assert_eq!(outcome["issue"][0]["expression"][0], "Patient.identifier[0]");
        }
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    client.delete(&format!("Patient/{}", ids[0])).await.expect_in(200..=204);
    client.post("Patient", &patient(&number)).await.expect(201);
}

/// A transaction is refused whole if two of it would share a number.
#[tokio::test]
async fn a_transaction_cannot_share_a_number() {
    let client = Client::fresh();
    let number = unique();
    let entry = || json!({ "resource": patient(&number), "request": { "method": "POST", "url": "Patient" } });
    client.bundle("transaction", vec![entry(), entry()]).await.expect_outcome(409..=409);
    client.bundle("transaction", vec![entry()]).await.expect(200);
    client.bundle("transaction", vec![entry()]).await.expect_outcome(409..=409);
}
