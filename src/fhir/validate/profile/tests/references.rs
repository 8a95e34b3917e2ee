//! What profiles ask of references: slices told by what is referred to, where that may lie, and where extensions may.

use super::*;

/// An Observation whose members are sliced by the code of the Observation that they point to.
fn by_target_code() -> [String; 2] {
    let sodium = json!([{ "path": "Observation.code",
        "patternCodeableConcept": { "coding": [{ "system": "http://e/c", "code": "sodium" }] } }]);
    let panel = json!([
        { "path": "Observation.hasMember",
          "slicing": { "discriminator": [{ "type": "value", "path": "resolve().code" }], "rules": "open" } },
        { "path": "Observation.hasMember", "sliceName": "sodium", "min": 1, "max": "1",
          "type": [{ "code": "Reference", "targetProfile": ["http://e/sodium"] }] }
    ]);
    [profile("p", "Observation", panel), profile("sodium", "Observation", sodium)]
}

fn observation(code: &str, members: Json) -> Json {
    let mut observation = json!({ "resourceType": "Observation", "status": "final",
        "code": { "coding": [{ "system": "http://e/c", "code": code }] } });
    observation.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    observation
}

#[test]
fn a_slice_is_told_by_a_value_of_what_is_contained() {
    let panel = |code: &str| {
        let mut member = observation(code, json!({}));
        member["id"] = "m".into();
        observation("panel", json!({ "contained": [member], "hasMember": [{ "reference": "#m" }] }))
    };
    assert_eq!(told(&by_target_code(), &["p"], &panel("sodium")), Vec::<String>::new());
    let found = told(&by_target_code(), &["p"], &panel("potassium"));
    assert!(found.len() == 1 && found[0].contains("hasMember:sodium is required"), "{found:?}");
}

#[test]
fn a_slice_is_told_by_a_value_of_what_is_bundled() {
    let bundle = |code: &str| {
        let panel = observation(
            "panel",
            json!({ "meta": { "profile": ["http://e/p"] },
            "hasMember": [{ "reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520" }] }),
        );
        json!({ "resourceType": "Bundle", "type": "collection", "entry": [
            { "fullUrl": "urn:uuid:0757873d-ec9a-4326-a141-556f43239520", "resource": panel },
            { "fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "resource": observation(code, json!({})) }
        ] })
    };
    assert_eq!(told(&by_target_code(), &[], &bundle("sodium")), Vec::<String>::new());
    let found = told(&by_target_code(), &[], &bundle("potassium"));
    assert!(found.len() == 1 && found[0].contains("hasMember:sodium is required"), "{found:?}");
}

/// Profiles that tell their slices by each other are compiled, and end.
#[test]
fn a_circle_of_discriminators_ends() {
    let panel = |name: &str, other: &str| {
        let elements = json!([
            { "path": "Observation.hasMember",
              "slicing": { "discriminator": [{ "type": "value", "path": "resolve().hasMember.display" }], "rules": "open" } },
            { "path": "Observation.hasMember", "sliceName": "x", "min": 1,
              "type": [{ "code": "Reference", "targetProfile": [format!("http://e/{other}")] }] }
        ]);
        profile(name, "Observation", elements)
    };
    let found = told(&[panel("p", "q"), panel("q", "p")], &["p"], &observation("a", json!({})));
    assert!(found.len() == 1 && found[0].contains("cannot be told apart"), "{found:?}");
}

#[test]
fn a_reference_lies_where_the_profile_lets_it() {
    let subject = |rules: Json| {
        let mut of = json!({ "code": "Reference",
            "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"] });
        of.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        json!([{ "path": "Observation.subject", "type": [of] }])
    };
    let contained = observation(
        "x",
        json!({ "contained": [{ "resourceType": "Patient", "id": "p", "active": true }],
        "subject": { "reference": "#p" } }),
    );
    let outside = observation("x", json!({ "subject": { "reference": "Patient/1" } }));
    let versioned = observation("x", json!({ "subject": { "reference": "Patient/1/_history/2" } }));
    let nameless = observation("x", json!({ "subject": { "display": "somebody" } }));
    let check = |rules: Json, resource: &Json, words: &[&str]| finds("Observation", &subject(rules), resource, words);
    check(json!({ "aggregation": ["contained"] }), &contained, &[]);
    check(
        json!({ "aggregation": ["contained"] }),
        &outside,
        &["Observation.subject: What the reference points to must be contained."],
    );
    check(json!({ "aggregation": ["referenced"] }), &outside, &[]);
    check(json!({ "aggregation": ["referenced", "bundled"] }), &contained, &["must be bundled or referenced"]);
    check(json!({ "aggregation": ["bundled"] }), &outside, &["must be bundled"]);
    check(json!({ "aggregation": ["contained"] }), &nameless, &[]);
    check(json!({ "versioning": "specific" }), &versioned, &[]);
    check(json!({ "versioning": "specific" }), &outside, &["must name a version"]);
    check(json!({ "versioning": "independent" }), &versioned, &["must not name a version"]);
    check(json!({ "versioning": "either" }), &versioned, &[]);
}

#[test]
fn what_is_bundled_is_referenced_as_well() {
    let bundle = |mode: &str| {
        let subject =
            json!([{ "path": "Observation.subject", "type": [{ "code": "Reference", "aggregation": [mode] }] }]);
        let patient = "http://e/fhir/Patient/1";
        let observation = observation(
            "x",
            json!({ "meta": { "profile": ["http://e/p"] },
            "subject": { "reference": "Patient/1" } }),
        );
        let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": [
            { "fullUrl": "http://e/fhir/Observation/1", "resource": observation },
            { "fullUrl": patient, "resource": { "resourceType": "Patient", "id": "1" } }
        ] });
        told(&[profile("p", "Observation", subject)], &[], &bundle)
    };
    assert_eq!(bundle("bundled"), Vec::<String>::new());
    assert_eq!(bundle("referenced"), Vec::<String>::new());
    assert!(bundle("contained")[0].contains("must be contained"));
}

/// An extension on these contexts.
fn extension(more: Json) -> String {
    let mut definition: Json =
        serde_json::from_str(&profile("colour", "Extension", json!([{ "path": "Extension" }]))).unwrap();
    definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    definition.to_string()
}

fn coloured(more: Json) -> Json {
    let mut patient = json!({ "resourceType": "Patient",
        "name": [{ "use": "official", "family": "x" }, { "use": "old", "family": "y",
            "extension": [{ "url": "http://e/colour", "valueCode": "red" }] }] });
    patient.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    patient
}

#[test]
fn an_extension_stands_where_an_expression_selects() {
    let check = |expression: &str, resource: &Json| {
        told(&[extension(json!({ "context": [{ "type": "fhirpath", "expression": expression }] }))], &[], resource)
    };
    assert_eq!(check("Patient.name.where(use = 'old')", &coloured(json!({}))), Vec::<String>::new());
    let found = check("Patient.name.where(use = 'official')", &coloured(json!({})));
    assert!(found.len() == 1 && found[0].contains("may not stand here"), "{found:?}");
    let on_primitive = json!({ "resourceType": "Patient", "birthDate": "2000",
        "_birthDate": { "extension": [{ "url": "http://e/colour", "valueCode": "red" }] } });
    assert_eq!(check("Patient.birthDate", &on_primitive), Vec::<String>::new());
    assert!(check("Patient.name", &on_primitive)[0].contains("may not stand here"));
}

#[test]
fn an_extension_stands_on_the_element_of_a_definition() {
    let check = |expression: &str| {
        let context = json!({ "context": [{ "type": "element", "expression": expression }] });
        told(&[extension(context)], &[], &coloured(json!({})))
    };
    assert_eq!(check("http://hl7.org/fhir/StructureDefinition/Patient#Patient.name"), Vec::<String>::new());
    assert_eq!(check("HumanName"), Vec::<String>::new());
    assert!(check("http://hl7.org/fhir/StructureDefinition/Patient#Patient.telecom")[0].contains("may not stand here"));
}

#[test]
fn an_extension_asks_something_of_what_it_stands_on() {
    let check =
        |invariant: &str| told(&[extension(json!({ "contextInvariant": [invariant] }))], &[], &coloured(json!({})));
    assert_eq!(check("use = 'old' and %extension.value = 'red'"), Vec::<String>::new());
    assert!(check("use = 'official'")[0].contains("not as the extension's definition asks"));
    assert!(check("%extension.value = 'blue'")[0].contains("not as the extension's definition asks"));
}

#[test]
fn codes_are_held_to_additional_bindings() {
    let additional = |purpose: &str, more: Json| {
        let mut parts = vec![
            json!({ "url": "purpose", "valueCode": purpose }),
            json!({ "url": "valueSet", "valueCanonical": "http://e/set" }),
        ];
        parts.extend(more.as_array().unwrap().clone());
        json!({ "url": "http://hl7.org/fhir/tools/StructureDefinition/additional-binding", "extension": parts })
    };
    let category = |extension: Json| json!([{ "path": "Observation.category", "binding": { "strength": "example", "extension": [extension] } }]);
    let of = |codes: &[&str]| {
        let all: Vec<_> =
            codes.iter().map(|it| json!({ "coding": [{ "system": "http://e/c", "code": it }] })).collect();
        observation("x", json!({ "category": all }))
    };
    let check =
        |extension: Json, codes: &[&str], words: &[&str]| finds("Observation", &category(extension), &of(codes), words);
    check(additional("required", json!([])), &["in"], &[]);
    check(additional("required", json!([])), &["in", "out"], &["error code-invalid Observation.category[1]"]);
    check(additional("extensible", json!([])), &["out"], &["warning code-invalid Observation.category[0]"]);
    check(additional("preferred", json!([])), &["out"], &["information code-invalid"]);
    check(additional("minimum", json!([])), &["out"], &[]);
    check(additional("candidate", json!([])), &["out"], &[]);
    check(additional("required", json!([{ "url": "any", "valueBoolean": true }])), &["in", "out"], &[]);
    check(
        additional("required", json!([{ "url": "any", "valueBoolean": true }])),
        &["out", "out"],
        &["One of the values of category"],
    );
    let usage = json!({ "code": { "code": "age" }, "valueCodeableConcept": { "text": "child" } });
    let for_children = json!([{ "url": "usage", "valueUsageContext": usage }]);
    check(additional("required", for_children.clone()), &["in"], &[]);
    let in_some = "information code-invalid Observation.category[0]: In some contexts of use the code must be one of";
    check(additional("required", for_children), &["out"], &[in_some]);
    let mut packed = additional("required", json!([]));
    packed["url"] = json!("http://hl7.org/fhir/StructureDefinition/additional-binding");
    check(packed, &["out"], &["error code-invalid Observation.category[0]"]);
    let maximum = json!({ "url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet", "valueCanonical": "http://e/set" });
    check(maximum.clone(), &["in"], &[]);
    check(maximum, &["out"], &["error code-invalid Observation.category[0]"]);
    let minimum = json!({ "url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-minValueSet", "valueCanonical": "http://e/set" });
    check(minimum, &["out"], &[]);
}
