//! `$summary` (<http://hl7.org/fhir/uv/ips/OperationDefinition/summary>).

use super::house::House;
use engine::Verb;
use serde_json::{Value, json};
use std::path::Path;

/// The folder of the package `hl7.fhir.uv.ips`, if it is there.
fn ips() -> Option<std::path::PathBuf> {
    let given = std::env::var_os("MEDISYNC_IPS_PACKAGE").map(std::path::PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ips-package/package");
    let found = Some(given.unwrap_or(usual)).filter(|it| it.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: no IPS package in MEDISYNC_IPS_PACKAGE or target/ips-package/package");
    }
    found
}

fn coded(system: &str, code: &str, display: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": display }] })
}

fn record() -> Vec<Value> {
    let patient = json!({ "reference": "Patient/p" });
    let sct = |code: &str, display: &str| coded("http://snomed.info/sct", code, display);
    let clinical = |code: &str| coded("http://terminology.hl7.org/CodeSystem/condition-clinical", code, code);
    let problem = |id: &str, name: &str, status: &str| json!({ "resourceType": "Condition", "id": id, "subject": patient, "clinicalStatus": clinical(status), "code": sct("195967001", name) });
    let category =
        |code: &str| json!([coded("http://terminology.hl7.org/CodeSystem/observation-category", code, code)]);
    vec![
        json!({ "resourceType": "Organization", "id": "o", "name": "Clinic" }),
        json!({ "resourceType": "Practitioner", "id": "d", "name": [{ "family": "Arzt" }] }),
        json!({ "resourceType": "Medication", "id": "m", "code": sct("387458008", "Aspirin <b>") }),
        json!({
            "resourceType": "Patient", "id": "p", "identifier": [{ "system": "urn:mrn", "value": "7" }],
            "name": [{ "family": "Weiss" }], "birthDate": "1970-03-30", "managingOrganization": { "reference": "Organization/o" },
        }),
        problem("now", "Asthma", "active"),
        problem("then", "Measles", "resolved"),
        json!({
            "resourceType": "AllergyIntolerance", "id": "a", "patient": patient, "code": sct("91935009", "Peanuts"),
            "clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "Active"),
        }),
        json!({
            "resourceType": "MedicationStatement", "id": "s", "status": "active", "subject": patient, "effectiveDateTime": "2026-01-01",
            "medicationReference": { "reference": "Medication/m", "display": "Aspirin <b>" },
        }),
        json!({
            "resourceType": "MedicationRequest", "id": "old", "status": "completed", "intent": "order", "subject": patient,
            "medicationCodeableConcept": { "text": "Ended" },
        }),
        json!({
            "resourceType": "Immunization", "id": "i", "status": "completed", "patient": patient, "occurrenceDateTime": "2020-05-01",
            "vaccineCode": sct("836374004", "Hepatitis B vaccine"),
        }),
        json!({
            "resourceType": "Observation", "id": "l", "status": "final", "subject": patient, "category": category("laboratory"),
            "code": coded("http://loinc.org", "1988-5", "CRP"), "effectiveDateTime": "2026-01-02",
            "performer": [{ "reference": "Practitioner/d" }],
            "valueQuantity": { "value": 5, "unit": "mg/L", "system": "http://unitsofmeasure.org", "code": "mg/L" },
        }),
        json!({
            "resourceType": "Procedure", "id": "x", "status": "completed", "subject": patient, "performedDateTime": "2010",
            "code": sct("80146002", "Appendectomy"),
        }),
        json!({
            "resourceType": "Consent", "id": "dnr", "status": "active", "patient": patient, "dateTime": "2021-09-01",
            "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "adr", "Advanced Care Directive"),
            "category": [coded("http://terminology.hl7.org/CodeSystem/consentcategorycodes", "dnr", "Do Not Resuscitate")],
            "policyRule": coded("http://terminology.hl7.org/CodeSystem/consentpolicycodes", "cric", "cric"),
        }),
        json!({
            "resourceType": "Consent", "id": "research", "status": "active", "patient": patient,
            "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "research", "Research"),
            "category": [coded("http://loinc.org", "59284-0", "Consent")], "policy": [{ "uri": "urn:p" }],
        }),
        json!({
            "resourceType": "Condition", "id": "legs", "subject": patient, "clinicalStatus": clinical("active"),
            "category": [coded("http://hl7.org/fhir/us/core/CodeSystem/us-core-category", "functional-status", "Functional Status")],
            "code": sct("82971005", "Impaired Mobility"),
        }),
        json!({
            "resourceType": "ClinicalImpression", "id": "walks", "status": "completed", "subject": patient, "date": "2026-02-01",
            "description": "Walks with a stick",
        }),
        json!({
            "resourceType": "Goal", "id": "own", "lifecycleStatus": "active", "subject": patient, "expressedBy": patient,
            "description": { "text": "To see the sea again" },
        }),
        json!({
            "resourceType": "Goal", "id": "other", "lifecycleStatus": "active", "subject": patient,
            "description": { "text": "HbA1c below 7" },
        }),
        json!({
            "resourceType": "ImmunizationRecommendation", "id": "tetanus", "patient": patient, "date": "2026-03-01",
            "recommendation": [{
                "vaccineCode": [sct("333621002", "Tetanus vaccine")],
                "forecastStatus": coded("http://terminology.hl7.org/CodeSystem/immunization-recommendation-status", "due", "Due"),
            }],
        }),
        json!({
            "resourceType": "Flag", "id": "f", "status": "active", "subject": patient, "code": { "text": "Falls" },
        }),
    ]
}

async fn house() -> House {
    let house = House::new().await;
    house.put(&record()).await;
    house
}

fn types(bundle: &Value) -> Vec<String> {
    let resources = bundle["entry"].as_array().unwrap().iter().map(|it| &it["resource"]);
    resources.map(|it| format!("{}/{}", it["resourceType"].as_str().unwrap(), it["id"].as_str().unwrap())).collect()
}

fn section<'b>(bundle: &'b Value, code: &str) -> &'b Value {
    let sections = bundle["entry"][0]["resource"]["section"].as_array().unwrap();
    sections.iter().find(|it| it["code"]["coding"][0]["code"] == code).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn a_summary_has_what_the_record_has() {
    let house = house().await;
    let bundle = house.get("Patient/p/$summary").await.unwrap();
    let mut found = types(&bundle);
    assert!(found[0].starts_with("Composition/") && found[1] == "Patient/p", "{found:?}");
    found.retain(|it| !it.starts_with("Composition/") && !it.starts_with("Device/"));
    found.sort();
    let expected = [
        "AllergyIntolerance/a",
        "ClinicalImpression/walks",
        "Condition/legs",
        "Condition/now",
        "Condition/then",
        "Consent/dnr",
        "Flag/f",
        "Goal/own",
        "Immunization/i",
        "ImmunizationRecommendation/tetanus",
        "Medication/m",
        "MedicationStatement/s",
        "Observation/l",
        "Organization/o",
        "Patient/p",
        "Practitioner/d",
        "Procedure/x",
    ];
    assert_eq!(found, expected);
    let reference =
        |code: &str| section(&bundle, code)["entry"][0]["reference"].as_str().unwrap_or_default().to_owned();
    assert!(reference("11450-4").ends_with("/Condition/now") && reference("11348-0").ends_with("/Condition/then"));
    let told = |code: &str| section(&bundle, code)["text"]["div"].as_str().unwrap().to_owned();
    assert!(
        told("10160-0").contains("Aspirin &lt;b&gt; (2026-01-01)")
            && told("30954-2").contains("CRP: 5 mg/L (2026-01-02)")
    );
    let is_told = |code: &str, words: &str| assert!(told(code).contains(words), "{}", told(code));
    is_told("42348-3", "Do Not Resuscitate (2021-09-01)");
    is_told("47420-5", "Impaired Mobility");
    is_told("47420-5", "Walks with a stick (2026-02-01)");
    is_told("81338-6", "To see the sea again");
    is_told("18776-5", "Tetanus vaccine (2026-03-01)");
    assert!(section(&bundle, "8716-3").is_null(), "there are no vital signs");
    let by_identifier = house.get("Patient/$summary?identifier=urn:mrn|7").await.unwrap();
    assert_eq!(by_identifier["entry"].as_array().unwrap().len(), bundle["entry"].as_array().unwrap().len());
}

/// Of which nothing is known, and what may not be seen, is said to be so.
#[tokio::test]
async fn what_is_missing_is_said() {
    let house = house().await;
    house.put(&[json!({ "resourceType": "Patient", "id": "q" })]).await;
    let bundle = house.get("Patient/q/$summary").await.unwrap();
    let reason = |bundle: &Value, code: &str| section(bundle, code)["emptyReason"]["coding"][0]["code"].clone();
    for code in ["11450-4", "48765-2", "10160-0"] {
        assert_eq!(reason(&bundle, code), "unavailable", "{code}");
    }
    assert_eq!(bundle["entry"][1]["resource"]["_birthDate"]["extension"][0]["valueCode"], "unknown");
    let nurse = house.caller("system/Patient.rs system/Condition.rs").await;
    let narrow = house.get_as(&nurse, "Patient/p/$summary").await.unwrap();
    assert_eq!((reason(&narrow, "11450-4"), reason(&narrow, "48765-2")), (Value::Null, json!("withheld")));
    assert_eq!(types(&narrow).iter().filter(|it| it.starts_with("Organization")).count(), 0);
    let stranger = house.caller("system/Condition.rs").await;
    assert_eq!(house.get_as(&stranger, "Patient/p/$summary").await.unwrap_err().status, 403);
    for (address, status) in [
        ("Patient/$summary", 400),
        ("Patient/$summary?identifier=urn:mrn|8", 404),
        ("Patient/none/$summary", 404),
        ("Patient/p/$summary?profile=http://example.org/other", 400),
    ] {
        assert_eq!(house.get(address).await.unwrap_err().status, status, "{address}");
    }
    let by_name = "Patient/p/$summary?profile=http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips|2.0.0";
    assert!(house.get(by_name).await.is_ok());
}

/// The whole record, and one of which nothing is known, are valid against IPS's own profiles.
#[tokio::test]
async fn summaries_are_valid_against_the_profiles_of_ips() {
    let Some(folder) = ips() else { return };
    let house = house().await;
    house.put(&[json!({ "resourceType": "Patient", "id": "q" })]).await;
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("StructureDefinition-") && name.ends_with("-uv-ips.json") {
            let text = std::fs::read_to_string(&file).unwrap();
            let id = name.trim_end_matches(".json").to_owned();
            house.send(Verb::Put, &id.replacen('-', "/", 1), text).await.unwrap_or_else(|it| panic!("{name}: {it}"));
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
    for patient in ["p", "q"] {
        let bundle = house.get(&format!("Patient/{patient}/$summary")).await.unwrap();
        let outcome = house.send(Verb::Post, "Bundle/$validate", bundle.to_string()).await.unwrap();
        let outcome: Value = serde_json::from_slice(&outcome.body).unwrap();
        let issues = outcome["issue"].as_array().unwrap();
        let errors: Vec<&Value> =
            issues.iter().filter(|it| it["severity"] == "error" || it["severity"] == "fatal").collect();
        assert!(errors.is_empty(), "{patient}: {errors:#?}");
        let unknown = issues.iter().any(|it| it["code"] == "not-found" && it.to_string().contains("uv-ips"));
        assert!(!unknown, "{patient}: {issues:#?}");
    }
}
