//! Rules on single elements, profiles on profiles, and profiles that are wrong.

use super::*;

fn observation(members: Json) -> Json {
    let mut all = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" } });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    all
}

#[test]
fn single_elements_are_held_to_their_rules() {
    let good = json!({ "valueQuantity": { "value": 5, "system": "http://unitsofmeasure.org", "code": "mg" } });
    for (element, bad, words) in [
        (
            json!({ "path": "Observation.subject", "min": 1 }),
            json!({}),
            "error required Observation.subject: subject is",
        ),
        (
            json!({ "path": "Observation.note", "max": "0" }),
            json!({ "note": [{ "text": "x" }] }),
            "note must not be there",
        ),
        (
            json!({ "path": "Observation.status", "fixedCode": "final" }),
            json!({ "status": "amended" }),
            "must be exactly",
        ),
        (
            json!({ "path": "Observation.code", "patternCodeableConcept": { "text": "x" } }),
            json!({ "code": { "text": "y" } }),
            "must have all of what the profile fixes: {\"text\":\"x\"}",
        ),
        (
            json!({ "path": "Observation.value[x]", "type": [{ "code": "Quantity" }] }),
            json!({ "valueString": "x" }),
            "must have the type Quantity",
        ),
        (
            json!({ "path": "Observation.value[x]", "maxValueQuantity": { "value": 10, "code": "mg" } }),
            json!({ "valueQuantity": { "value": 11, "system": "http://unitsofmeasure.org", "code": "mg" } }),
            "maxValue: The value must be at most",
        ),
        (
            json!({ "path": "Observation.effectiveDateTime", "minValueDateTime": "2020-01-01" }),
            json!({ "effectiveDateTime": "2019-12-31" }),
            "minValue: The value must be at least",
        ),
        (
            json!({ "path": "Observation.code.coding.code", "binding": { "strength": "required", "valueSet": "http://e/set" } }),
            json!({ "code": { "coding": [{ "code": "out" }] } }),
            "error code-invalid Observation.code.coding[0].code: The code must be one of the value set http://e/set.",
        ),
        (
            json!({ "path": "Observation.subject", "type": [{ "code": "Reference", "targetProfile": [format!("{}Patient", compile::CORE)] }] }),
            json!({ "subject": { "reference": "Group/1" } }),
            "must point to Patient",
        ),
        (
            json!({ "path": "Observation", "constraint": [{ "key": "my-1", "severity": "error", "human": "No notes", "expression": "note.empty()" }] }),
            json!({ "note": [{ "text": "x" }] }),
            "error invariant Observation: my-1: No notes. (Profile http://e/p.)",
        ),
    ] {
        let mut fine = observation(good.clone());
        fine["subject"] = json!({ "reference": "Patient/1" });
        finds("Observation", &json!([element]), &fine, &[]);
        let mut broken = observation(bad.clone());
        if bad.get("subject").is_none() && !words.contains("subject") {
            broken["subject"] = json!({ "reference": "Patient/1" });
        }
        finds("Observation", &json!([element]), &broken, &[words]);
    }
}

#[test]
fn codes_are_held_to_what_they_are_bound_to() {
    let bound = |strength: &str, set: &str| json!([{ "path": "Observation.code", "binding": { "strength": strength, "valueSet": format!("http://e/{set}|1") } }]);
    let coded = |code: &str| observation(json!({ "code": { "coding": [{ "system": "http://e/s", "code": code }] } }));
    let gender = json!([{ "path": "Observation.code", "binding":
        { "strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1" } }]);
    let unknown = "The codes of the value set http://e/unknown|1 are not known here; the code was not checked.";
    finds(
        "Observation",
        &bound("required", "unknown"),
        &coded("in"),
        &[&format!("warning not-supported Observation.code: {unknown}")],
    );
    finds("Observation", &bound("extensible", "unknown"), &coded("in"), &[unknown]);
    finds("Observation", &gender, &coded("male"), &["error code-invalid Observation.code: The code must be one of"]);
    finds(
        "Observation",
        &bound("required", "unknown"),
        &observation(json!({})),
        &["error code-invalid Observation.code"],
    );
    finds("Observation", &bound("example", "unknown"), &coded("in"), &[]);
}

#[test]
fn a_profile_builds_on_others() {
    let derived = |base: &str| {
        json!({
            "resourceType": "StructureDefinition", "url": "http://e/derived", "type": "Patient", "kind": "resource",
            "derivation": "constraint", "baseDefinition": base,
            "differential": { "element": [{ "path": "Patient.gender", "min": 1 }] }
        })
        .to_string()
    };
    let base = profile(
        "base",
        "Patient",
        json!([{ "path": "Patient.name", "min": 1 }, { "path": "Patient.name.family", "min": 1 }]),
    );
    let patient = json!({ "resourceType": "Patient", "name": [{ "text": "x" }] });
    let found = told(&[derived("http://e/base"), base], &["derived"], &patient);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("name[0].family") && found[1].contains("gender is required"), "{found:?}");
    let other = derived("http://e/derived").replace("\"url\":\"http://e/derived\"", "\"url\":\"http://e/other\"");
    let circle = told(&[derived("http://e/other"), other], &["derived"], &patient);
    assert!(circle.len() == 1 && circle[0].contains("or on itself"), "{circle:?}");
    let own = derived("http://e/derived");
    let refused = Profiles::default().accept(Doc::parse(&own).unwrap().root()).unwrap_err();
    assert!(refused.issues[0].diagnostics.contains("it builds on itself"), "{refused}");
}

#[test]
fn what_is_not_known_is_said() {
    let patient = json!({ "resourceType": "Patient", "meta": { "profile": ["http://e/none"] } });
    let found = told(&[], &[], &patient);
    assert!(found.len() == 1, "{found:?}");
    assert!(
        found[0].starts_with("warning not-found Patient: The profile http://e/none is not known here"),
        "{found:?}"
    );
    let other_version = told(&[profile("p", "Patient", json!([]))], &["p|2"], &json!({ "resourceType": "Patient" }));
    assert!(other_version.len() == 1 && other_version[0].contains("not known"), "{other_version:?}");
    let other_type = told(&[profile("p", "Group", json!([]))], &["p"], &json!({ "resourceType": "Patient" }));
    assert!(other_type.len() == 1 && other_type[0].contains("is on Group"), "{other_type:?}");
}

#[test]
fn a_profile_that_is_wrong_is_refused_by_its_element() {
    for (elements, words) in [
        (json!([{ "path": "Patient.nickname", "min": 1 }]), "Patient.nickname: Patient has no element nickname"),
        (json!([{ "path": "Patient.name", "min": 2, "max": "1" }]), "Patient.name: its min is greater"),
        (json!([{ "path": "Patient.name", "max": "many" }]), "Patient.name: its max"),
        (json!([{ "path": "Patient.name", "type": [{ "code": "Nomen" }] }]), "Nomen is not a type"),
        (json!([{ "path": "Patient.name", "sliceName": "a" }]), "no slicing says"),
        (
            json!([{ "path": "Patient", "constraint": [{ "key": "k", "severity": "error", "human": "x", "expression": "name.(" }] }]),
            "its constraint k",
        ),
    ] {
        let doc = Doc::parse(profile("p", "Patient", elements)).unwrap();
        let failure = Profiles::r4().accept(doc.root()).unwrap_err();
        assert_eq!(failure.status, 422);
        assert!(failure.issues[0].diagnostics.contains(words), "{:?}", failure.issues);
    }
}

#[test]
fn a_profile_that_goes_in_circles_comes_to_an_end() {
    let elements = json!([{ "path": "Patient.contact.extension", "type": [{ "code": "Extension", "profile": ["http://e/again"] }] }]);
    let again =
        json!([{ "path": "Extension.extension", "type": [{ "code": "Extension", "profile": ["http://e/again"] }] }]);
    let mut nested = json!({ "url": "http://e/x", "valueCode": "x" });
    for _ in 0..30 {
        nested = json!({ "url": "http://e/x", "extension": [nested.clone(), nested] });
        if nested.to_string().len() > 100_000 {
            break;
        }
    }
    let patient = json!({ "resourceType": "Patient", "contact": [{ "name": { "text": "x" }, "extension": [nested] }] });
    let profiles = [profile("p", "Patient", elements), profile("again", "Extension", again)];
    let found = told(&profiles, &["p"], &patient);
    assert!(found.iter().all(|it| !it.starts_with("error")), "{found:?}");
}
