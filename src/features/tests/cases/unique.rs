//! A medical record number is one patient's: our profile of Patient has it unique within the tenant.

use super::house::House;
use engine::{Answer, Loaded, Verb};
use fhir::Failure;
use serde_json::{Value, json};

const PATIENT: &str = "https://medisync.dev/fhir/StructureDefinition/patient";

/// A patient who meets our profile, and names it.
fn patient(id: &str, mrn: &str) -> Value {
    let mut patient: Value = serde_json::from_str(include_str!("../../../../profiles/examples/patient.json")).unwrap();
    patient["id"] = id.into();
    patient["identifier"][0]["value"] = mrn.into();
    patient
}

async fn put(house: &House, patient: &Value) -> Result<Answer, Failure> {
    house.send(Verb::Put, &format!("Patient/{}", patient["id"].as_str().unwrap()), patient.to_string()).await
}

fn transaction(entries: &[(&str, Value)]) -> String {
    let entry = |(method, resource): &(&str, Value)| {
        let url = format!("Patient/{}", resource["id"].as_str().unwrap());
        let mut entry = json!({ "request": { "method": method, "url": url } });
        if *method == "PUT" {
            entry["resource"] = resource.clone();
        }
        entry
    };
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries }).to_string()
}

#[tokio::test]
async fn a_number_that_is_taken_is_refused_until_it_is_given_up() {
    let house = House::new().await;
    put(&house, &patient("a", "1")).await.unwrap();
    put(&house, &patient("a", "1")).await.expect("it is its own");
    let refused = put(&house, &patient("b", "1")).await.unwrap_err();
    assert_eq!((refused.status, refused.issues[0].expression.as_str()), (409, "Patient.identifier[0]"));
    assert!(!refused.issues[0].diagnostics.contains("MV"), "no value is told");

    put(&house, &patient("b", "2")).await.unwrap();
    put(&house, &patient("a", "3")).await.expect("a gives 1 up");
    put(&house, &patient("b", "1")).await.expect("b takes it");
    house.send(Verb::Delete, "Patient/b", String::new()).await.unwrap();
    put(&house, &patient("c", "1")).await.expect("b is gone");
    assert_eq!(put(&house, &patient("b", "1")).await.unwrap_err().status, 409, "and cannot come back with it");
}

#[tokio::test]
async fn only_who_is_held_to_the_profile_is() {
    let house = House::new().await;
    put(&house, &patient("a", "1")).await.unwrap();
    let mut free = patient("b", "1");
    free.as_object_mut().unwrap().remove("meta");
    put(&house, &free).await.expect("it names no profile");
    let refused = put(&house, &patient("a", "1")).await.unwrap_err();
    assert_eq!(refused.status, 409, "the number is no longer a's alone");

    let global = json!([{ "type": "Patient", "profile": PATIENT }]);
    house
        .put(&[json!({
            "resourceType": "ImplementationGuide", "id": "house", "url": "http://example.org/ImplementationGuide/house",
            "name": "House", "status": "active", "packageId": "org.example.house", "fhirVersion": ["4.0.1"], "global": global
        })])
        .await;
    free["id"] = "c".into();
    assert_eq!(put(&house, &free).await.unwrap_err().status, 409, "the tenant demands it");
}

#[tokio::test]
async fn a_transaction_is_looked_at_as_a_whole() {
    let house = House::new().await;
    let twice = transaction(&[("PUT", patient("a", "1")), ("PUT", patient("b", "1"))]);
    assert_eq!(house.send(Verb::Post, "", twice).await.unwrap_err().status, 409);
    put(&house, &patient("a", "1")).await.unwrap();
    put(&house, &patient("b", "2")).await.unwrap();
    let swapped = transaction(&[("PUT", patient("a", "2")), ("PUT", patient("b", "1"))]);
    house.send(Verb::Post, "", swapped).await.expect("each has one of its own");
    let replaced = transaction(&[("DELETE", patient("a", "")), ("PUT", patient("c", "2"))]);
    house.send(Verb::Post, "", replaced).await.expect("c takes what a had");
}

#[tokio::test]
async fn a_load_refuses_a_number_that_is_taken() {
    let house = House::new().await;
    put(&house, &patient("a", "1")).await.unwrap();
    assert_eq!(house.load(&patient("b", "1"), 1).await.unwrap_err().status, 409);
    assert!(matches!(house.load(&patient("b", "2"), 2).await, Ok(Loaded::New { resources: 1 })));
}

#[tokio::test]
async fn of_two_at_the_same_time_one_wins() {
    let house = std::sync::Arc::new(House::new().await);
    let racers: Vec<_> = (0..12)
        .map(|i| {
            let house = house.clone();
            tokio::spawn(async move { put(&house, &patient(&format!("p{i}"), "1")).await.map_err(|it| it.status) })
        })
        .collect();
    let mut outcomes = Vec::new();
    for racer in racers {
        outcomes.push(racer.await.unwrap().map(|it| it.status));
    }
    assert_eq!(outcomes.iter().filter(|it| **it == Ok(201)).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|it| matches!(it, Ok(201) | Err(409))), "{outcomes:?}");
}

/// Codes and places of the errors that `$validate` tells a caller with these scopes.
async fn validated(house: &House, scopes: &str, path: &str, patient: &Value) -> Vec<String> {
    let caller = house.caller(scopes).await;
    let parameters = json!([{ "name": "resource", "resource": patient }]);
    let outcome = house.post_as(&caller, path, parameters).await.unwrap();
    let issues = outcome["issue"].as_array().unwrap().iter().filter(|it| it["severity"] == "error");
    issues.map(|it| format!("{} {}", it["code"].as_str().unwrap(), it["expression"][0].as_str().unwrap())).collect()
}

#[tokio::test]
async fn validate_tells_what_a_write_would_be_told() {
    let house = House::new().await;
    put(&house, &patient("a", "1")).await.unwrap();
    let writer = "system/Patient.cruds";
    let clash = ["duplicate Patient.identifier[0]"];
    assert_eq!(validated(&house, writer, "Patient/$validate", &patient("b", "1")).await, clash);
    assert_eq!(validated(&house, writer, "Patient/$validate?mode=create", &patient("a", "1")).await, clash);
    let fine: [&str; 0] = [];
    assert_eq!(validated(&house, writer, "Patient/$validate", &patient("b", "2")).await, fine);
    assert_eq!(validated(&house, writer, "Patient/$validate", &patient("a", "1")).await, fine);
    assert_eq!(validated(&house, writer, "Patient/a/$validate?mode=update", &patient("a", "1")).await, fine);
    assert_eq!(validated(&house, "system/Patient.rs", "Patient/$validate", &patient("b", "1")).await, fine);
}
