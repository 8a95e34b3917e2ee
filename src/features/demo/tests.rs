use super::*;
use fhir::json::Doc;
use fhir::validate::{References, r4};
use std::collections::{BTreeSet, HashSet};

pub(super) const TODAY: &str = "2026-03-02";

pub(super) fn entries(today: &str) -> Vec<Resource> {
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap()["entry"].as_array().unwrap().clone();
    let entries = bundles(today).unwrap().into_iter().flat_map(read);
    entries.map(|it| it["resource"].as_object().unwrap().clone()).collect()
}

pub(super) fn key(resource: &Resource) -> String {
    format!("{}/{}", text(resource, "resourceType"), text(resource, "id"))
}

/// What the validator says of a resource.
pub(super) fn problems_of(resource: &str) -> Vec<String> {
    let doc = Doc::parse(resource).unwrap();
    let issues = r4().resource(doc.root(), References::OrConditional);
    issues.into_iter().map(|it| format!("{}: {}", it.expression, it.diagnostics)).collect()
}

/// Every string below a member of this name.
pub(super) fn strings<'a>(value: &'a Value, member: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| strings(it, member, found)),
        Value::Object(members) => {
            found.extend(members.get(member).and_then(Value::as_str));
            members.values().for_each(|it| strings(it, member, found));
        }
        _ => {}
    }
}

#[test]
fn the_same_day_gives_the_same_bytes_and_another_day_the_same_ids() {
    assert_eq!(bundles(TODAY).unwrap(), bundles(TODAY).unwrap());
    let ids = |today| entries(today).iter().map(key).collect::<Vec<_>>();
    assert_eq!(ids(TODAY), ids("2027-12-31"));
    assert!(bundles("yesterday").is_err());
}

#[test]
fn every_id_is_there_once_and_every_reference_leads_to_one() {
    let all = entries(TODAY);
    let ids: HashSet<String> = all.iter().map(key).collect();
    assert_eq!(ids.len(), all.len());
    for resource in all.into_iter() {
        let name = key(&resource);
        let whole = Value::Object(resource);
        let mut references = Vec::new();
        strings(&whole, "reference", &mut references);
        for reference in references {
            assert!(ids.contains(reference), "{name} refers to {reference}");
        }
    }
}

#[test]
fn an_earlier_bundle_refers_to_no_later_one() {
    let texts = bundles(TODAY).unwrap();
    let first: Value = serde_json::from_str(&texts[0]).unwrap();
    let mut urls = Vec::new();
    strings(&first, "url", &mut urls);
    let mut references = Vec::new();
    strings(&first, "reference", &mut references);
    assert!(!references.is_empty() && references.iter().all(|it| urls.contains(it)));
}

#[test]
fn every_type_the_project_is_about_is_shown() {
    let all = entries(TODAY);
    let types: BTreeSet<&str> = all.iter().map(|it| text(it, "resourceType")).collect();
    let about = "Account AllergyIntolerance Appointment CarePlan CareTeam ChargeItem Communication Condition Consent \
        Coverage Device DiagnosticReport DocumentReference Encounter Goal HealthcareService Immunization Invoice \
        Location Medication MedicationDispense MedicationRequest Observation Organization Patient Practitioner \
        PractitionerRole Procedure Questionnaire QuestionnaireResponse RelatedPerson Schedule ServiceRequest Slot Task";
    assert_eq!(types.into_iter().collect::<Vec<_>>(), about.split_whitespace().collect::<Vec<_>>());
    assert!((150..=300).contains(&all.len()), "{} resources", all.len());
}

#[test]
fn appointments_and_slots_lie_around_today_and_agree() {
    let all = entries(TODAY);
    let slot = |id: &str| all.iter().find(|it| key(it) == format!("Slot/{id}")).unwrap();
    let taken = slot("kwame-adjei-day0-0900");
    assert_eq!((text(taken, "status"), text(taken, "start")), ("busy", "2026-03-02T09:00:00Z"));
    assert_eq!(text(slot("kwame-adjei-day0-0930"), "status"), "free");
    for appointment in all.iter().filter(|it| text(it, "resourceType") == "Appointment") {
        for held in appointment.get("slot").into_iter().flat_map(|it| it.as_array().unwrap()) {
            let held = slot(held["reference"].as_str().unwrap().trim_start_matches("Slot/"));
            assert_eq!(text(held, "status"), "busy");
            assert_eq!(held["start"], appointment["start"], "{}", key(appointment));
            assert_eq!(held["end"], appointment["end"], "{}", key(appointment));
        }
    }
}

#[test]
fn measurements_keep_their_digits_and_say_what_they_mean() {
    let all = entries(TODAY);
    let observation = |id: &str| all.iter().find(|it| key(it) == format!("Observation/{id}")).unwrap();
    let glucose = observation("fatima-al-sayed-glucose-1");
    assert_eq!(
        glucose["valueQuantity"].to_string(),
        r#"{"value":11.40,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}"#
    );
    let meaning = |it: &Value| it["interpretation"][0]["coding"][0]["code"].as_str().unwrap().to_owned();
    assert_eq!(meaning(&Value::Object(glucose.clone())), "H");
    let pressure = observation("soren-ostergaard-blood-pressure-1");
    assert!(!pressure.contains_key("valueQuantity"));
    assert_eq!(pressure["component"].as_array().unwrap().iter().map(meaning).collect::<Vec<_>>(), ["N", "N"]);
}

#[test]
fn the_ecg_has_twelve_leads_and_stays_small() {
    let all = entries(TODAY);
    let ecg = all.iter().find(|it| key(it) == "Observation/jose-garcia-nunez-ecg").unwrap();
    assert_eq!(ecg["component"].as_array().unwrap().len(), 12);
    let size = Value::Object(ecg.clone()).to_string().len();
    assert!(size < 300_000, "{size} bytes");
}

#[test]
fn every_resource_is_valid() {
    let mut problems = Vec::new();
    for resource in entries(TODAY) {
        let name = key(&resource);
        problems.extend(problems_of(&Value::Object(resource).to_string()).into_iter().map(|it| format!("{name} {it}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
