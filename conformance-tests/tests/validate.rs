//! `$validate` (resource-operation-validate.html) and profiles (profiling.html), base and the tenant's own.

use conformance_tests::{Client, samples::*};
use serde_json::{Value, json};

const URL: &str = "http://example.org/StructureDefinition/reachable";

/// A profile on Patient: a phone must be there, told from other contacts by its system, and each telecom has a value.
fn reachable() -> Value {
    json!({
        "resourceType": "StructureDefinition", "url": URL, "name": "Reachable", "status": "active", "kind": "resource",
        "abstract": false, "type": "Patient", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "derivation": "constraint",
        "differential": { "element": [
            { "id": "Patient.telecom", "path": "Patient.telecom",
              "slicing": { "discriminator": [{ "type": "value", "path": "system" }], "rules": "open" } },
            { "id": "Patient.telecom:phone", "path": "Patient.telecom", "sliceName": "phone", "min": 1, "max": "1" },
            { "id": "Patient.telecom:phone.system", "path": "Patient.telecom.system", "fixedCode": "phone" },
            { "id": "Patient.telecom:phone.value", "path": "Patient.telecom.value", "min": 1 }
        ] }
    })
}

fn patient_with(telecom: Value) -> Value {
    json!({ "resourceType": "Patient", "telecom": telecom })
}

/// Severity, code and expression of each issue of an answer, but of those that are no errors.
async fn errors(client: &Client, path: &str, body: &Value) -> Vec<String> {
    let outcome = client.post(path, body).await.expect(200).json();
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let issues = outcome["issue"].as_array().expect("issues").iter().filter(|it| it["severity"] == "error");
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let shown = |it: &Value| format!("{} {}", text(&it["code"]), text(&it["expression"][0]));
    issues.map(shown).collect()
}

/// resource-operation-validate.html: 200 whether or not the resource is valid; alone or in Parameters.
#[tokio::test]
async fn a_resource_is_validated_alone_or_in_parameters() {
    let client = Client::fresh();
    let bad = json!({ "resourceType": "Patient", "birthDate": "x", "contact": [{ "gender": "male" }] });
    let expected = ["value Patient.birthDate", "invariant Patient.contact[0]"];
    assert_eq!(errors(&client, "Patient/$validate", &bad).await, expected);
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": bad }] });
    assert_eq!(errors(&client, "Patient/$validate", &parameters).await, expected);
    assert_eq!(errors(&client, "Patient/$validate", &json!({ "resourceType": "Patient" })).await, [""; 0]);
}

/// resource-operation-validate.html, mode: what is stored is validated, and a delete asked for, at the instance.
#[tokio::test]
async fn what_is_stored_is_validated_at_its_address() {
    let client = Client::fresh();
    let id = client.create(&patient("validated")).await;
    let outcome = client.get(&format!("Patient/{id}/$validate")).await.expect(200).json();
    assert!(outcome["issue"].as_array().is_some_and(|it| it.iter().all(|it| it["severity"] != "error")));
    client.get(&format!("Patient/{id}/$validate?mode=delete")).await.expect(200);
    client.get("Patient/$validate?mode=delete").await.expect_outcome(400..=400);
    client.get("Patient/no-such-patient/$validate").await.expect_outcome(404..=404);
    let other = json!({ "resourceType": "Patient", "id": "other" });
    assert_eq!(errors(&client, &format!("Patient/{id}/$validate?mode=update"), &other).await, ["invalid Patient.id"]);
}

/// profiling.html#slicing: a profile that the tenant has stored is told against, and holds for who names it.
#[tokio::test]
async fn a_tenants_profile_holds_for_what_names_it() {
    let client = Client::fresh();
    let asked = format!("Patient/$validate?profile={URL}");
    let fax = patient_with(json!([{ "system": "fax", "value": "1" }]));
    client.post(&asked, &fax).await.expect_outcome(422..=422);
    client.create(&reachable()).await;
    assert_eq!(errors(&client, &asked, &fax).await, ["required Patient.telecom"]);
    let phone = patient_with(json!([{ "system": "fax", "value": "1" }, { "system": "phone", "value": "2" }]));
    assert_eq!(errors(&client, &asked, &phone).await, [""; 0]);

    let claim = json!({ "meta": { "profile": [URL] } });
    client.post("Patient", &with(fax, claim.clone())).await.expect_outcome(422..=422);
    client.create(&with(phone, claim)).await;
}

/// observation-vitalsigns.html: the profiles that R4 publishes are known.
#[tokio::test]
async fn r4s_own_profiles_are_known() {
    let client = Client::fresh();
    let weight = observation("weight");
    let path = "Observation/$validate?profile=http://hl7.org/fhir/StructureDefinition/bodyweight";
    let found = errors(&client, path, &weight).await;
    assert!(found.iter().any(|it| it == "required Observation.category"), "{found:?}");
}

/// structuredefinition.html: a profile that asks for what cannot be is refused, by the element.
#[tokio::test]
async fn a_profile_on_what_is_not_there_is_refused() {
    let client = Client::fresh();
    let mut wrong = reachable();
    wrong["differential"]["element"][3]["id"] = "Patient.telecom:phone.number".into();
    wrong["differential"]["element"][3]["path"] = "Patient.telecom.number".into();
    let refused = client.post("StructureDefinition", &wrong).await;
    refused.expect_outcome(422..=422);
}
