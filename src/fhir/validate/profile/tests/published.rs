//! R4's own profiles, compiled from their differentials, and what R4's examples make of them.

use super::*;

/// What is wrong with the one profile of R4 that is: it names a slice, and nothing tells that apart.
const UNTOLD: &str = "FamilyMemberHistory.condition: it has slices, but no slicing says";

#[test]
fn every_profile_of_r4_compiles() {
    let r4 = Profiles::r4();
    let faults: Vec<_> =
        r4.by_url.keys().filter_map(|it| Some(format!("{it}: {}", r4.find(it)?.as_ref().err()?))).collect();
    assert!(r4.by_url.len() > 400);
    assert!(faults.len() == 1 && faults[0].contains(UNTOLD), "{faults:#?}");
}

fn problems(rules: &Rules, path: &str, out: &mut Vec<String>) {
    for child in &rules.children {
        let path = format!("{path}.{}", child.name);
        problems(&child.rules, &path, out);
        if let Some(slicing) = &child.slicing {
            out.extend(slicing.problem.iter().map(|it| format!("{path}: {it}")));
            slicing.slices.iter().for_each(|it| problems(&it.rules, &format!("{path}:{}", it.name), out));
        }
    }
}

#[test]
fn every_slicing_of_r4_tells_its_slices() {
    let r4 = Profiles::r4();
    let mut all = Vec::new();
    for url in r4.by_url.keys() {
        if let Some(Ok(profile)) = r4.find(url) {
            problems(&profile.rules, url, &mut all);
        }
    }
    all.sort();
    // Its slices are told by profiles of parts of profiles.
    let untold = ["example-composition.section: slice procedure"];
    assert_eq!(all.len(), untold.len(), "{all:?}");
    assert!(all.iter().zip(untold).all(|(it, untold)| it.contains(untold)), "{all:?}");
}

/// The same profiles by their snapshots, which the tables leave out.
#[test]
fn every_snapshot_of_r4_compiles() {
    let Some(package) = crate::r4_package::package() else { return };
    let files = std::fs::read_dir(package).unwrap().map(|it| it.unwrap().path());
    let is_definition = |it: &std::path::PathBuf| {
        it.file_name().is_some_and(|it| it.to_string_lossy().starts_with("StructureDefinition-"))
    };
    let mut faults = Vec::new();
    for path in files.filter(is_definition) {
        let doc = Doc::parse(std::fs::read_to_string(&path).unwrap()).unwrap();
        if let Err(failure) = Profiles::r4().accept(doc.root()) {
            faults.push(failure.issues[0].diagnostics.clone());
        }
    }
    assert!(faults.len() == 1 && faults[0].contains(UNTOLD), "{faults:#?}");
}

type Change = fn(&mut Json);

fn blood_pressure() -> Json {
    let loinc = |code: &str| json!({ "coding": [{ "system": "http://loinc.org", "code": code }] });
    let part = |code: &str, value: u8| {
        let quantity =
            json!({ "value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]" });
        json!({ "code": loinc(code), "valueQuantity": quantity })
    };
    let category =
        json!({ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs" });
    json!({
        "resourceType": "Observation", "meta": { "profile": [format!("{}bp", compile::CORE)] }, "status": "final",
        "category": [{ "coding": [category] }], "code": loinc("85354-9"), "subject": { "reference": "Patient/1" },
        "effectiveDateTime": "2026-01-01", "component": [part("8480-6", 120), part("8462-4", 80)]
    })
}

/// What is said of a blood pressure that was changed, but for warnings.
fn told_of_blood_pressure(change: impl FnOnce(&mut Json)) -> Vec<String> {
    let mut resource = blood_pressure();
    change(&mut resource);
    let mut found = told_by(Profiles::r4(), &[], &resource);
    found.retain(|it| it.starts_with("error"));
    found
}

#[test]
fn a_blood_pressure_meets_its_profile() {
    assert_eq!(told_of_blood_pressure(|_| {}), Vec::<String>::new());
}

#[test]
fn a_blood_pressure_that_breaks_a_rule_is_told_by_that_rule() {
    let cases: [(&str, Change); 9] = [
        ("error required Observation.component: component:DiastolicBP is required", |it| {
            it["component"][1]["code"]["coding"][0]["code"] = "1".into();
        }),
        ("error required Observation.subject: subject is required", |it| {
            it.as_object_mut().unwrap().remove("subject");
        }),
        ("error value Observation.subject: The reference must point to Patient.", |it| {
            it["subject"]["reference"] = "Group/1".into();
        }),
        ("error structure Observation: valueQuantity must not be there.", |it| {
            it["valueQuantity"] = json!({ "value": 1 });
        }),
        ("error value Observation.component[0].value.ofType(Quantity).code: The value must be exactly", |it| {
            it["component"][0]["valueQuantity"]["code"] = "kPa".into();
        }),
        ("error required Observation.category: category:VSCat is required", |it| {
            it["category"][0]["coding"][0]["code"] = "exam".into();
        }),
        ("error invariant Observation.effective.ofType(dateTime): vs-1: ", |it| {
            it["effectiveDateTime"] = "2026-01".into();
        }),
        ("error required Observation.component[0].value.ofType(Quantity).value: value is", |it| {
            it["component"][0]["valueQuantity"].as_object_mut().unwrap().remove("value");
        }),
        (
            "error structure Observation.effective.ofType(instant): The value must have the type dateTime or Period.",
            |it| {
                it.as_object_mut().unwrap().remove("effectiveDateTime");
                it["effectiveInstant"] = "2026-01-01T00:00:00Z".into();
            },
        ),
    ];
    for (words, change) in cases {
        let found = told_of_blood_pressure(change);
        assert!(found.len() == 1 && found[0].starts_with(words), "{words}: {found:#?}");
        assert!(found[0].ends_with("(Profile http://hl7.org/fhir/StructureDefinition/bp.)"), "{found:?}");
    }
}

#[test]
fn a_known_extension_is_held_to_its_definition() {
    let patient = |value: Json| {
        let mut extension = json!({ "url": format!("{}patient-birthPlace", compile::CORE) });
        extension.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        json!({ "resourceType": "Patient", "extension": [extension] })
    };
    let told = |it: Json| told_by(Profiles::r4(), &[], &it);
    assert_eq!(told(patient(json!({ "valueAddress": { "city": "x" } }))), Vec::<String>::new());
    let found = told(patient(json!({ "valueString": "x" })));
    assert!(found.len() == 1 && found[0].contains("must have the type Address"), "{found:?}");
    let unknown =
        json!({ "resourceType": "Patient", "modifierExtension": [{ "url": "http://e/x", "valueString": "x" }] });
    let found = told(unknown);
    assert!(found.len() == 1 && found[0].starts_with("warning extension Patient.modifierExtension[0]: "), "{found:?}");
}
