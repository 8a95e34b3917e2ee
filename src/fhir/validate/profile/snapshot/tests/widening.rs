//! A differential may ask more than its base, and is refused where it asks less.

use super::super::*;

/// A profile on a base with these elements.
fn profile(name: &str, base: &str, elements: Json) -> String {
    json!({
        "resourceType": "StructureDefinition", "url": format!("http://e/{name}"), "type": "Patient", "kind": "resource",
        "derivation": "constraint", "baseDefinition": base, "differential": { "element": elements }
    })
    .to_string()
}

/// What everything below narrows.
fn base() -> Profiles {
    let slicing =
        json!({ "discriminator": [{ "type": "value", "path": "system" }], "ordered": true, "rules": "closed" });
    let reference = json!([{ "code": "Reference", "targetProfile": [format!("{}Organization", compile::CORE)] }]);
    let rule = json!([{ "key": "p-1", "severity": "error", "human": "x", "expression": "active" }]);
    let binding = json!({ "strength": "required", "valueSet": "http://e/set" });
    let elements = json!([
        { "id": "Patient", "path": "Patient", "constraint": rule },
        { "id": "Patient.identifier", "path": "Patient.identifier", "slicing": slicing, "min": 1, "max": "3" },
        { "id": "Patient.identifier:a", "path": "Patient.identifier", "sliceName": "a", "max": "1" },
        { "id": "Patient.identifier:a.system", "path": "Patient.identifier.system", "fixedUri": "http://e/a" },
        { "id": "Patient.name.family", "path": "Patient.name.family", "mustSupport": true, "maxLength": 20 },
        { "id": "Patient.deceased[x]", "path": "Patient.deceased[x]", "type": [{ "code": "boolean" }] },
        { "id": "Patient.maritalStatus", "path": "Patient.maritalStatus", "binding": binding },
        { "id": "Patient.managingOrganization", "path": "Patient.managingOrganization", "type": reference }
    ]);
    Profiles::with([profile("base", &format!("{}Patient", compile::CORE), elements)])
}

/// What is said of a profile on that which has this one element.
fn told(element: Json) -> Vec<String> {
    let path = element["id"]
        .as_str()
        .unwrap()
        .split('.')
        .map(|it| it.split(':').next().unwrap())
        .collect::<Vec<_>>()
        .join(".");
    let mut element = element;
    element["path"] = path.into();
    match base().snapshot(&profile("p", "http://e/base", json!([element]))) {
        Ok(_) => Vec::new(),
        Err(failure) => failure.issues.into_iter().map(|it| it.diagnostics).collect(),
    }
}

#[test]
fn what_narrows_is_taken() {
    for element in [
        json!({ "id": "Patient.identifier", "min": 2, "max": "2" }),
        json!({ "id": "Patient.identifier:a", "min": 1 }),
        json!({ "id": "Patient.name.family", "maxLength": 10, "fixedString": "x" }),
        json!({ "id": "Patient.deceased[x]", "min": 1 }),
        json!({ "id": "Patient.deceasedBoolean", "fixedBoolean": false }),
        json!({ "id": "Patient.maritalStatus", "binding": { "strength": "required", "valueSet": "http://e/other" } }),
        json!({ "id": "Patient", "constraint": [{ "key": "p-2", "severity": "error", "human": "x", "expression": "true" }] }),
    ] {
        assert_eq!(told(element.clone()), Vec::<String>::new(), "{element}");
    }
}

#[test]
fn what_widens_is_named() {
    let other = json!([{ "code": "Reference", "targetProfile": [format!("{}Patient", compile::CORE)] }]);
    let weaker = json!({ "strength": "preferred", "valueSet": "http://e/set" });
    let rule = json!([{ "key": "p-1", "severity": "error", "human": "x", "expression": "true" }]);
    for (element, problem) in [
        (json!({ "id": "Patient.identifier", "min": 0 }), "its min 0 is less than the base's 1"),
        (json!({ "id": "Patient.identifier", "max": "*" }), "its max * is more than the base's 3"),
        (json!({ "id": "Patient.identifier:a", "max": "2" }), "its max 2 is more than the base's 1"),
        (json!({ "id": "Patient.identifier", "min": 4 }), "its min 4 is more than its max 3"),
        (json!({ "id": "Patient.identifier:a.system", "fixedUri": "http://e/b" }), "its fixedUri does not keep to"),
        (
            json!({ "id": "Patient.identifier", "slicing": { "rules": "open" } }),
            "its slicing is open, and the base's closed",
        ),
        (json!({ "id": "Patient.name.family", "mustSupport": false }), "it is not to be supported any more"),
        (json!({ "id": "Patient.name.family", "maxLength": 21 }), "its maxLength 21 is more than the base's 20"),
        (json!({ "id": "Patient.deceased[x]", "type": [{ "code": "dateTime" }] }), "its type dateTime is not one of"),
        (json!({ "id": "Patient.maritalStatus", "binding": weaker }), "its binding is not required, as the base's is"),
        (
            json!({ "id": "Patient.managingOrganization", "type": other }),
            "/Patient is not among the base's, nor built on one",
        ),
        (json!({ "id": "Patient", "constraint": rule }), "its constraint p-1 is not the base's"),
        (json!({ "id": "Patient.nickname", "min": 1 }), "element Patient: it has no element nickname"),
        (
            json!({ "id": "Patient.contact:a", "min": 1 }),
            "contact has slices, but no slicing says how they are told apart",
        ),
    ] {
        let found = told(element.clone());
        assert!(found.len() == 1 && found[0].contains(problem), "{element}: {found:?}");
        assert!(found[0].starts_with("The profile has no snapshot: element Patient"), "{found:?}");
    }
}

#[test]
fn a_profile_that_builds_on_itself_has_none() {
    let own = Profiles::with([profile("p", "http://e/p", json!([]))]);
    let failure = own.snapshot(&profile("p", "http://e/p", json!([]))).unwrap_err();
    assert!(failure.issues[0].diagnostics.contains("builds on more than 16 others, or on itself"));
    let unknown = own.snapshot(&profile("p", "http://e/none", json!([]))).unwrap_err();
    assert!(unknown.issues[0].diagnostics.contains("http://e/none is not known here"));
}
