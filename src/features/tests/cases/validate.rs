//! `$validate` (resource-operation-validate.html), and profiles on the write path.

use super::house::House;
use engine::{ProfileBreach, Settings, Verb};
use serde_json::{Value, json};

const NAMED: &str = "http://example.org/StructureDefinition/named-patient";

/// A profile that asks a Patient for a family name, and for a code of the tenant's own value set as its marital status.
fn named_patient() -> Value {
    json!({
        "resourceType": "StructureDefinition", "id": "named-patient", "url": NAMED, "version": "1.0.0",
        "name": "NamedPatient", "status": "active", "kind": "resource", "abstract": false, "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient", "derivation": "constraint",
        "differential": { "element": [
            { "id": "Patient.name", "path": "Patient.name", "min": 1 },
            { "id": "Patient.name.family", "path": "Patient.name.family", "min": 1 },
            { "id": "Patient.maritalStatus", "path": "Patient.maritalStatus",
              "binding": { "strength": "required", "valueSet": "http://example.org/ValueSet/status" } }
        ] }
    })
}

fn status_value_set() -> Value {
    json!({
        "resourceType": "ValueSet", "id": "status", "url": "http://example.org/ValueSet/status", "status": "active",
        "compose": { "include": [{ "system": "http://example.org/s", "concept": [{ "code": "alone" }] }] }
    })
}

fn patient(members: Value) -> Value {
    let mut patient = json!({ "resourceType": "Patient" });
    patient.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    patient
}

fn claiming(members: Value) -> Value {
    let mut patient = patient(members);
    patient["meta"] = json!({ "profile": [NAMED] });
    patient
}

async fn told(house: &House, path: &str, body: &Value) -> Vec<String> {
    let answer = house.send(Verb::Post, path, body.to_string()).await.unwrap_or_else(|it| panic!("{path}: {it}"));
    assert_eq!(answer.status, 200);
    issues(&serde_json::from_slice(&answer.body).unwrap())
}

/// Severity, code, expression and sentence of each issue but that there is no narrative.
fn issues(outcome: &Value) -> Vec<String> {
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let shown = |it: &Value| {
        format!(
            "{} {} {}: {}",
            text(&it["severity"]),
            text(&it["code"]),
            text(&it["expression"][0]),
            text(&it["diagnostics"])
        )
    };
    let all = outcome["issue"].as_array().unwrap().iter().map(shown);
    all.filter(|it| !it.contains("dom-6")).collect()
}

#[tokio::test]
async fn what_is_wrong_is_told_and_nothing_is_stored() {
    let house = House::new().await;
    let bad = patient(json!({ "gender": "x", "contact": [{ "gender": "male" }] }));
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": bad }] });
    for body in [&bad, &parameters] {
        let found = told(&house, "Patient/$validate", body).await;
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("error code-invalid Patient.gender: "), "{found:?}");
        assert!(found[1].starts_with("error invariant Patient.contact[0]: pat-1: "), "{found:?}");
    }
    assert_eq!(house.get("Patient?_summary=count").await.unwrap()["total"], 0);
    let fine = told(&house, "Patient/$validate", &patient(json!({ "gender": "male" }))).await;
    assert!(fine.iter().all(|it| !it.starts_with("error")), "{fine:?}");
}

#[tokio::test]
async fn a_resource_is_told_against_the_profiles_it_names_and_those_asked_for() {
    let house = House::new().await;
    house.put(&[named_patient(), status_value_set()]).await;
    let found = told(&house, "Patient/$validate", &claiming(json!({ "name": [{ "text": "x" }] }))).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("error required Patient.name[0].family: family is required"), "{found:?}");
    assert!(found[0].ends_with(&format!("(Profile {NAMED}.)")), "{found:?}");

    let asked = format!("Patient/$validate?profile={NAMED}");
    let found = told(&house, &asked, &patient(json!({}))).await;
    assert!(found.len() == 1 && found[0].starts_with("error required Patient.name: name is required"), "{found:?}");

    let coded = |code: &str| {
        let coding = json!([{ "system": "http://example.org/s", "code": code }]);
        patient(json!({ "name": [{ "family": "x" }], "maritalStatus": { "coding": coding } }))
    };
    let found = told(&house, &asked, &coded("alone")).await;
    let advice = "warning code-invalid Patient.maritalStatus: The code should, if one applies, be one of the value set";
    assert!(found.len() == 1 && found[0].starts_with(advice), "R4's own binding: {found:?}");
    let mut found = told(&house, &asked, &coded("both")).await;
    found.retain(|it| it.starts_with("error"));
    assert!(found.len() == 1 && found[0].starts_with("error code-invalid Patient.maritalStatus: "), "{found:?}");
}

#[tokio::test]
async fn a_profile_that_is_not_known_is_said_to_be_unchecked() {
    let house = House::new().await;
    let found = told(&house, "Patient/$validate", &claiming(json!({}))).await;
    assert!(found.len() == 1 && found[0].starts_with("warning not-found Patient: The profile"), "{found:?}");
    assert!(found[0].contains("is not known here; it was not checked"), "{found:?}");
    let body = patient(json!({})).to_string();
    let refused = house.send(Verb::Post, &format!("Patient/$validate?profile={NAMED}"), body).await.unwrap_err();
    assert_eq!(refused.status, 422);
}

#[tokio::test]
async fn modes_say_what_would_be_taken() {
    let house = House::new().await;
    house.put(&[json!({ "resourceType": "Patient", "id": "a" })]).await;
    let stored = issues(&house.get("Patient/a/$validate").await.unwrap());
    assert!(stored.iter().all(|it| !it.starts_with("error")), "{stored:?}");
    let deleted = issues(&house.get("Patient/a/$validate?mode=delete").await.unwrap());
    assert_eq!(deleted, ["information informational : The resource may be deleted."]);
    let other = told(&house, "Patient/a/$validate?mode=update", &patient(json!({ "id": "b" }))).await;
    assert!(other.len() == 1 && other[0].starts_with("error invalid Patient.id: "), "{other:?}");
    let other =
        told(&house, "Patient/$validate?mode=create", &json!({ "resourceType": "Basic", "code": { "text": "x" } }))
            .await;
    assert!(other.iter().any(|it| it.starts_with("error invalid : This address is for Patient")), "{other:?}");
    for (path, expected) in [
        ("Patient/$validate?mode=update", 400),
        ("Patient/$validate?mode=delete", 400),
        ("Patient/$validate?mode=profile", 400),
        ("Patient/$validate?mode=x", 400),
        ("Patient/nobody/$validate", 404),
        ("$validate", 404),
    ] {
        let refused = house.send(Verb::Post, path, patient(json!({})).to_string()).await.expect_err(path);
        assert_eq!(refused.status, expected, "{path}: {refused}");
    }
}

#[tokio::test]
async fn a_caller_is_told_of_what_it_may_do_only() {
    let house = House::new().await;
    house.put(&[json!({ "resourceType": "Patient", "id": "a" })]).await;
    let reader = house.caller("system/Patient.r").await;
    assert!(house.get_as(&reader, "Patient/a/$validate").await.is_ok());
    assert_eq!(house.get_as(&reader, "Patient/a/$validate?mode=delete").await.unwrap_err().status, 403);
    let other = house.caller("system/Observation.r").await;
    assert_eq!(house.get_as(&other, "Patient/a/$validate").await.unwrap_err().status, 403);
}

#[tokio::test]
async fn a_write_is_held_to_the_profiles_it_names() {
    let house = House::new().await;
    let nameless = claiming(json!({ "gender": "male" })).to_string();
    house.send(Verb::Post, "Patient", nameless.clone()).await.expect("the profile is not known yet");
    house.put(&[named_patient(), status_value_set()]).await;
    let refused = house.send(Verb::Post, "Patient", nameless.clone()).await.unwrap_err();
    assert_eq!(refused.status, 422);
    assert!(refused.issues[0].diagnostics.contains(NAMED), "{:?}", refused.issues);
    let named = claiming(json!({ "name": [{ "family": "x" }] })).to_string();
    house.send(Verb::Post, "Patient", named).await.expect("a patient with a name");
    house.send(Verb::Delete, "StructureDefinition/named-patient", String::new()).await.unwrap();
    house.send(Verb::Post, "Patient", nameless.clone()).await.expect("the profile is not known any more");

    house.put(&[named_patient()]).await;
    let house = house.restarted(Settings { profile_breach: ProfileBreach::Warning, ..Settings::default() }).await;
    house.send(Verb::Post, "Patient", nameless).await.expect("a breach is a warning here");
}

#[tokio::test]
async fn a_profile_that_cannot_be_checked_is_refused() {
    let house = House::new().await;
    let mut wrong = named_patient();
    wrong["differential"]["element"][0]["path"] = "Patient.nickname".into();
    wrong["differential"]["element"][0]["id"] = "Patient.nickname".into();
    let refused = house.send(Verb::Post, "StructureDefinition", wrong.to_string()).await.unwrap_err();
    assert_eq!(refused.status, 422);
    assert!(refused.issues[0].diagnostics.contains("Patient has no element nickname"), "{:?}", refused.issues);
}
