//! Slicing, each kind by a small profile.

use super::*;

fn patient(members: Json) -> Json {
    let mut patient = json!({ "resourceType": "Patient" });
    patient.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    patient
}

/// Identifiers sliced by their system, with a slice of a record number that must be there once.
fn by_system(slicing: Json) -> Json {
    let mut sliced = json!({ "discriminator": [{ "type": "value", "path": "system" }], "rules": "open" });
    sliced.as_object_mut().unwrap().extend(slicing.as_object().unwrap().clone());
    json!([
        { "id": "Patient.identifier", "path": "Patient.identifier", "slicing": sliced },
        { "id": "Patient.identifier:mrn", "path": "Patient.identifier", "sliceName": "mrn", "min": 1, "max": "1" },
        { "id": "Patient.identifier:mrn.system", "path": "Patient.identifier.system", "fixedUri": "http://e/mrn" },
        { "id": "Patient.identifier:mrn.value", "path": "Patient.identifier.value", "min": 1, "maxLength": 4 },
        { "id": "Patient.identifier:ssn", "path": "Patient.identifier", "sliceName": "ssn", "max": "1" },
        { "id": "Patient.identifier:ssn.system", "path": "Patient.identifier.system", "fixedUri": "http://e/ssn" }
    ])
}

fn identifiers(all: &[(&str, &str)]) -> Json {
    let all: Vec<_> =
        all.iter().map(|(system, value)| json!({ "system": format!("http://e/{system}"), "value": value })).collect();
    patient(json!({ "identifier": all }))
}

#[test]
fn a_slice_by_value_is_counted_and_held_to_its_rules() {
    let open = by_system(json!({}));
    let check = |all: &[(&str, &str)], words: &[&str]| finds("Patient", &open, &identifiers(all), words);
    check(&[("mrn", "1"), ("x", "2"), ("x", "3")], &[]);
    check(&[("x", "1")], &["identifier:mrn is required: it must be there at least once."]);
    check(&[("mrn", "1"), ("mrn", "2")], &["identifier:mrn may be there at most once, but is there 2 times."]);
    check(&[("mrn", "12345")], &["Patient.identifier[0].value: The text must have at most 4 characters."]);
    check(&[("mrn", "1"), ("ssn", "12345")], &[]);
}

#[test]
fn closed_and_open_at_end_say_what_may_be_left_over() {
    let closed = by_system(json!({ "rules": "closed" }));
    finds("Patient", &closed, &identifiers(&[("mrn", "1"), ("ssn", "1")]), &[]);
    finds("Patient", &closed, &identifiers(&[("mrn", "1"), ("x", "1")]), &["Patient.identifier[1]: This is in none"]);
    let at_end = by_system(json!({ "rules": "openAtEnd" }));
    finds("Patient", &at_end, &identifiers(&[("mrn", "1"), ("x", "1")]), &[]);
    finds(
        "Patient",
        &at_end,
        &identifiers(&[("x", "1"), ("mrn", "1")]),
        &["Patient.identifier[1]: What is in a slice"],
    );
}

#[test]
fn ordered_slices_come_in_their_order() {
    let ordered = by_system(json!({ "ordered": true }));
    finds("Patient", &ordered, &identifiers(&[("mrn", "1"), ("x", "1"), ("ssn", "1")]), &[]);
    finds(
        "Patient",
        &ordered,
        &identifiers(&[("ssn", "1"), ("mrn", "1")]),
        &["Patient.identifier[1]: The values are not in"],
    );
}

#[test]
fn a_slice_by_pattern_needs_what_the_pattern_has() {
    let elements = json!([
        { "path": "Observation.category",
          "slicing": { "discriminator": [{ "type": "pattern", "path": "$this" }], "rules": "open" } },
        { "path": "Observation.category", "sliceName": "lab", "min": 1,
          "patternCodeableConcept": { "coding": [{ "system": "http://e/c", "code": "lab" }] } }
    ]);
    let observation = |codes: &[&str]| {
        let codings: Vec<_> =
            codes.iter().map(|it| json!({ "system": "http://e/c", "code": it, "display": "x" })).collect();
        json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" }, "category": [{ "coding": codings }] })
    };
    finds("Observation", &elements, &observation(&["x", "lab"]), &[]);
    finds("Observation", &elements, &observation(&["x"]), &["category:lab is required"]);
}

#[test]
fn a_choice_is_sliced_by_its_types() {
    let elements = json!([
        { "id": "Observation.value[x]", "path": "Observation.value[x]" },
        { "id": "Observation.value[x]:valueQuantity", "path": "Observation.value[x]", "sliceName": "valueQuantity" },
        { "id": "Observation.value[x]:valueQuantity.unit", "path": "Observation.value[x].unit", "min": 1 }
    ]);
    let observation = |name: &str, value: Json| json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" }, name: value });
    finds("Observation", &elements, &observation("valueQuantity", json!({ "value": 1, "unit": "x" })), &[]);
    finds("Observation", &elements, &observation("valueString", json!("x")), &[]);
    finds("Observation", &elements, &observation("valueQuantity", json!({ "value": 1 })), &["unit is required"]);
}

#[test]
fn slices_are_told_by_what_is_there() {
    let elements = json!([
        { "path": "Patient.telecom",
          "slicing": { "discriminator": [{ "type": "exists", "path": "period" }], "rules": "open" } },
        { "path": "Patient.telecom", "sliceName": "former" },
        { "path": "Patient.telecom.period", "min": 1 },
        { "path": "Patient.telecom.use", "fixedCode": "old" },
        { "path": "Patient.telecom", "sliceName": "current", "max": "1" },
        { "path": "Patient.telecom.period", "max": "0" }
    ]);
    let telecom = |all: Json| patient(json!({ "telecom": all }));
    finds(
        "Patient",
        &elements,
        &telecom(json!([{ "use": "old", "period": { "end": "2020" } }, { "use": "home" }])),
        &[],
    );
    finds(
        "Patient",
        &elements,
        &telecom(json!([{ "use": "home", "period": { "end": "2020" } }])),
        &["telecom[0].use: The value must be exactly"],
    );
    finds(
        "Patient",
        &elements,
        &telecom(json!([{ "use": "home" }, { "use": "work" }])),
        &["telecom:current may be there at most once"],
    );
}

#[test]
fn what_is_in_no_slice_is_in_the_default_one() {
    let mut elements = by_system(json!({ "rules": "closed" }));
    elements.as_array_mut().unwrap().extend([
        json!({ "id": "Patient.identifier:@default", "path": "Patient.identifier", "sliceName": "@default", "max": "1" }),
        json!({ "id": "Patient.identifier:@default.use", "path": "Patient.identifier.use", "min": 1 }),
    ]);
    finds("Patient", &elements, &identifiers(&[("mrn", "1")]), &[]);
    finds(
        "Patient",
        &elements,
        &identifiers(&[("mrn", "1"), ("x", "1")]),
        &["Patient.identifier[1].use: use is required"],
    );
}

#[test]
fn a_slice_may_be_sliced_again() {
    let elements = json!([
        { "path": "Patient.telecom",
          "slicing": { "discriminator": [{ "type": "value", "path": "system" }], "rules": "open" } },
        { "path": "Patient.telecom", "sliceName": "phone",
          "slicing": { "discriminator": [{ "type": "value", "path": "use" }], "rules": "closed" } },
        { "path": "Patient.telecom.system", "fixedCode": "phone" },
        { "path": "Patient.telecom", "sliceName": "phone/home", "max": "1" },
        { "path": "Patient.telecom.use", "fixedCode": "home" }
    ]);
    let phones = |uses: &[&str]| {
        let all: Vec<_> = uses.iter().map(|it| json!({ "system": "phone", "use": it, "value": "1" })).collect();
        patient(json!({ "telecom": all }))
    };
    finds("Patient", &elements, &phones(&["home"]), &[]);
    finds("Patient", &elements, &phones(&["home", "home"]), &["telecom:phone:home may be there at most once"]);
    finds("Patient", &elements, &phones(&["work"]), &["Patient.telecom[0]: This is in none"]);
    finds(
        "Patient",
        &elements,
        &patient(json!({ "telecom": [{ "system": "email", "use": "work", "value": "x" }] })),
        &[],
    );
}

#[test]
fn a_slice_by_profile_takes_what_meets_it() {
    let named = profile("named", "Organization", json!([{ "path": "Organization.name", "min": 1 }]));
    let elements = json!([
        { "path": "Patient.contained",
          "slicing": { "discriminator": [{ "type": "profile", "path": "$this" }], "rules": "open" } },
        { "path": "Patient.contained", "sliceName": "named", "min": 1, "type": [{ "code": "Organization", "profile": ["http://e/named"] }] }
    ]);
    let profiles = [profile("p", "Patient", elements), named];
    let with = |organization: Json| {
        patient(json!({ "contained": [organization], "managingOrganization": { "reference": "#o" } }))
    };
    let found = told(&profiles, &["p"], &with(json!({ "resourceType": "Organization", "id": "o", "name": "x" })));
    assert_eq!(found, Vec::<String>::new());
    let nameless = json!({ "resourceType": "Organization", "id": "o", "identifier": [{ "value": "x" }] });
    let found = told(&profiles, &["p"], &with(nameless));
    assert!(found.len() == 1 && found[0].contains("contained:named is required"), "{found:?}");
}

#[test]
fn extensions_are_told_by_their_url() {
    let extension = json!([
        { "path": "Extension.url", "fixedUri": "http://e/colour" },
        { "path": "Extension.value[x]", "min": 1, "type": [{ "code": "code" }] }
    ]);
    let elements = json!([
        { "id": "Patient.extension:colour", "path": "Patient.extension", "sliceName": "colour", "min": 1,
          "type": [{ "code": "Extension", "profile": ["http://e/colour"] }] }
    ]);
    let profiles = [profile("p", "Patient", elements), profile("colour", "Extension", extension)];
    let with = |url: &str, name: &str| patient(json!({ "extension": [{ "url": url, name: "x" }] }));
    assert_eq!(told(&profiles, &["p"], &with("http://e/colour", "valueCode")), Vec::<String>::new());
    let found = told(&profiles, &["p"], &with("http://e/other", "valueCode"));
    assert!(found.len() == 1 && found[0].contains("extension:colour is required"), "{found:?}");
}

#[test]
fn slices_that_cannot_be_told_apart_are_said_to_be_unchecked() {
    let elements = json!([
        { "path": "Patient.name", "slicing": { "discriminator": [{ "type": "value", "path": "use" }], "rules": "open" } },
        { "path": "Patient.name", "sliceName": "x", "min": 1 }
    ]);
    finds(
        "Patient",
        &elements,
        &patient(json!({})),
        &["warning not-supported Patient: The slices of name cannot be told apart"],
    );
}
