//! What a write looked at that then failed: how it failed tells of that.

use super::{events, own_tenant, references};
use conformance_tests::{Client, samples::*};
use serde_json::{Value, json};

/// The newest event of a patient.
async fn newest(client: &Client, patient: &str) -> Value {
    events(client, &format!("patient=Patient/{patient}")).await.remove(0)
}

fn query(event: &Value) -> String {
    use base64::Engine as _;
    let mut queries = event["entity"].as_array().into_iter().flatten().filter_map(|it| it["query"].as_str());
    let query = queries.next().unwrap_or_default();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(query).expect("base64")).expect("a text")
}

/// A patch tells by its tests what is there: of whom, the log says.
#[tokio::test]
async fn a_patch_that_fails_names_its_patient() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("tested")).await;
    let subject = json!({ "subject": { "reference": format!("Patient/{id}") } });
    let of = client.create(&with(observation("x"), subject)).await;
    let test = json!([{ "op": "test", "path": "/status", "value": "amended" }]).to_string();
    let path = format!("Observation/{of}");
    let sent = client.call("PATCH", &path).body("application/json-patch+json", test).send().await;
    sent.expect_outcome(422..=422);
    let event = newest(&client, &id).await;
    assert_eq!((&event["action"], &event["outcomeDesc"]), (&json!("U"), &json!("HTTP 422")));
    assert!(references(&event).contains(&format!("Observation/{of}/_history/1").as_str()), "{event}");
}

/// A transaction that fails tells by where it failed what its entries found.
#[tokio::test]
async fn a_transaction_that_fails_tells_what_it_looked_at() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("sought")).await;
    let subject = json!({ "subject": { "reference": format!("Patient/{id}") } });
    let of = client.create(&with(observation("x"), subject)).await;
    let wrong = entry("POST", "Observation", with(observation("x"), json!({ "status": "no such" })));
    let sought = "Patient?identifier=urn:sample|sought";
    let by_criteria = with(observation("x"), json!({ "subject": { "reference": sought } }));
    let mut conditional = entry("POST", "Patient", patient("sought"));
    conditional["request"]["ifNoneExist"] = json!("identifier=urn:sample|sought");
    let patch = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Observation.status" },
        { "name": "value", "valueCode": "amended" }
    ] }] });
    for (entry, asked) in [
        (entry("POST", "Observation", by_criteria), sought),
        (conditional, sought),
        (entry("PATCH", &format!("Observation/{of}"), patch), ""),
    ] {
        client.bundle("transaction", vec![entry, wrong.clone()]).await.expect_outcome(400..=422);
        let event = newest(&client, &id).await;
        assert_eq!(event["subtype"][0]["code"], "transaction", "{event}");
        assert_eq!((query(&event).as_str(), &event["outcome"]), (asked, &json!("4")), "{event}");
    }
    let nobody = with(observation("x"), json!({ "subject": { "reference": "Patient?identifier=urn:sample|nobody" } }));
    client.bundle("transaction", vec![entry("POST", "Observation", nobody)]).await.expect_outcome(412..=412);
    let refused = events(&client, "outcome=4&_count=1").await.remove(0);
    assert_eq!(query(&refused), "Patient?identifier=urn:sample|nobody");
}

/// A create that is refused names those of whom it was to be, and what it looked for first.
#[tokio::test]
async fn a_create_that_fails_names_its_patient() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("named")).await;
    let subject = json!({ "subject": { "reference": format!("Patient/{id}") }, "status": "no such" });
    client.post("Observation", &with(observation("x"), subject)).await.expect_outcome(400..=422);
    assert_eq!(newest(&client, &id).await["action"], "C");
    client.create(&patient("second")).await;
    let criteria = "family=Sample";
    let sent = client.call("POST", "Patient").header("if-none-exist", criteria).json(&patient("third")).send().await;
    sent.expect_outcome(412..=412);
    let event = newest(&client, &id).await;
    assert_eq!((query(&event).as_str(), &event["outcomeDesc"]), ("Patient?family=Sample", &json!("HTTP 412")));
}

/// A stored Bundle is about whom its entries are about, a Binary about whom its security context names.
#[tokio::test]
async fn what_holds_a_patients_data_names_the_patient() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("held")).await;
    let subject = json!({ "reference": format!("Patient/{id}") });
    let measured = with(observation("x"), json!({ "subject": subject }));
    let uuid = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0";
    for holder in [
        json!({ "resourceType": "Bundle", "type": "collection", "entry": [{ "fullUrl": uuid, "resource": measured }] }),
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "it", "resource": measured }] }),
        json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "aGVsZA==", "securityContext": subject }),
    ] {
        let of = client.create(&holder).await;
        let path = format!("{}/{of}", holder["resourceType"].as_str().expect("a type"));
        client.read(&path).await;
        let event = newest(&client, &id).await;
        assert!(references(&event).contains(&format!("{path}/_history/1").as_str()), "{path}: {event}");
        assert_eq!(event["action"], "R", "{path}");
    }
}
