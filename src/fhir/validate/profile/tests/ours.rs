//! The profiles of `profiles/structure-definitions`: they compile, and their examples are valid.

use super::*;
use crate::validate::profile::ours::DEFINITIONS;

/// The examples of `profiles/examples`, by the profile that each names.
pub(super) const EXAMPLES: &[(&str, &str)] = &[
    ("appointment", include_str!("../../../../../profiles/examples/appointment.json")),
    ("ecg-report", include_str!("../../../../../profiles/examples/ecg-report.json")),
    ("ecg-waveform", include_str!("../../../../../profiles/examples/ecg-waveform.json")),
    ("patient", include_str!("../../../../../profiles/examples/patient.json")),
    ("practitioner", include_str!("../../../../../profiles/examples/practitioner.json")),
    ("practitioner-role", include_str!("../../../../../profiles/examples/practitioner-role.json")),
    ("prescription", include_str!("../../../../../profiles/examples/prescription.json")),
    ("report-document", include_str!("../../../../../profiles/examples/report-document.json")),
];
/// Resources with extensions that stand in no profile of ours: which, and where.
pub(super) const EXTENDED: &[(&str, &str, &str)] = &[
    ("breach", "/global/0/extension/0", include_str!("../../../../../profiles/examples/breach.json")),
    ("unique", "/extension/0", include_str!("../../../../../profiles/structure-definitions/patient.json")),
];
const BLOOD_TYPE: &str = include_str!("../../../../../profiles/value-sets/blood-type.json");
/// A day in 2026.
const NOW: i64 = 1_780_000_000_000;

pub(super) fn url_of(id: &str) -> String {
    format!("https://medisync.dev/fhir/StructureDefinition/{id}")
}

/// The errors in a resource, by R4 and the profiles that it names.
pub(super) fn errors(resource: &Json) -> Vec<Issue> {
    let doc = Doc::parse(resource.to_string()).unwrap();
    let members = |_: &str, _: Option<&str>, code: &str| Some(BLOOD_TYPE.contains(&format!("\"{code}\"")));
    let profiling = Profiling { known: Profiles::built_in(), asked: &[], severity: Severity::Error, members: &members };
    let demands = Demands { profiling: Some(profiling), now: Some(NOW), ..Demands::errors(References::Literal) };
    crate::validate::r4().check(doc.root(), &demands)
}

#[test]
fn every_definition_is_valid_and_compiles() {
    for (id, json) in DEFINITIONS {
        let definition: Json = serde_json::from_str(json).unwrap();
        assert_eq!(definition["id"], *id);
        assert_eq!(definition["url"], url_of(id));
        assert_eq!(errors(&definition), [], "{id}");
        let found = Profiles::built_in().find(&url_of(id)).unwrap();
        assert!(found.is_ok(), "{id}: {:?}", found.as_ref().err());
    }
    assert_eq!(errors(&serde_json::from_str(BLOOD_TYPE).unwrap()), []);
}

#[test]
fn every_example_is_valid() {
    for (id, json) in EXAMPLES {
        let example: Json = serde_json::from_str(json).unwrap();
        assert_eq!(example["meta"]["profile"], json!([url_of(id)]));
        assert_eq!(errors(&example), [], "{id}");
    }
    for (id, at, json) in EXTENDED {
        let example: Json = serde_json::from_str(json).unwrap();
        assert_eq!(example.pointer(at).unwrap()["url"], url_of(id));
        assert_eq!(errors(&example), [], "{id}");
    }
    let profiles = DEFINITIONS.iter().filter(|(_, json)| !json.contains(r#""type": "Extension","#));
    assert_eq!(profiles.count(), EXAMPLES.len(), "each profile has an example");
}

#[test]
fn what_is_to_be_unique_is_found_in_profiles_on_profiles_too() {
    let derived = json!({
        "resourceType": "StructureDefinition", "url": "http://e/derived", "type": "Patient", "kind": "resource",
        "derivation": "constraint", "baseDefinition": url_of("patient"), "differential": { "element": [] }
    });
    let known = Profiles::with([derived.to_string()]);
    let patient = Doc::parse(EXAMPLES[3].1).unwrap();
    for canonical in [&url_of("patient"), "http://e/derived"] {
        let all: Vec<&Unique> = known.unique(canonical).collect();
        assert_eq!((all.len(), &*all[0].parameter), (1, "identifier"));
        let values = all[0].values(patient.root()).unwrap();
        let mrn = UniqueValue {
            system: "https://meridian-valley.example/fhir/mrn",
            value: "MV-200001",
            expression: "Patient.identifier[0]".into(),
        };
        assert_eq!(values, [mrn]);
    }
    assert_eq!(known.unique(&url_of("practitioner")).count(), 0);
}

#[test]
fn names_have_letters_of_any_script() {
    let mut patient: Json = serde_json::from_str(EXAMPLES[3].1).unwrap();
    for (name, is_good) in [
        (json!({ "text": "Ng" }), true),
        (json!({ "family": "王", "given": ["王"] }), true),
        (json!({ "family": "O", "given": ["Ö"] }), true),
        (json!({ "text": "X 7" }), false),
        (json!({ "family": "-", "given": ["1", "2"] }), false),
    ] {
        patient["name"] = json!([name]);
        assert_eq!(errors(&patient).is_empty(), is_good, "{name}");
    }
}
