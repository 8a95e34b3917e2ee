//! Elements with security labels of their own: two worlds that differ in nothing but what a caller has no clearance for answer
//! them alike, to the byte.

use super::masks::told;
use super::resources::{self, Population, Stored};
use super::{drawn, search, world};
use engine::{Clearance, PrivacySettings, Scopes};
use proptest::sample::subsequence;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Pairs of worlds tried.
const WORLDS: usize = 8;
/// Searches tried on each.
const SEARCHES: usize = 60;
/// Members of resources that may be labelled.
const MEMBERS: [(&str, &str); 8] = [
    ("Patient", "name"),
    ("Patient", "birthDate"),
    ("Observation", "valueQuantity"),
    ("Observation", "valueString"),
    ("Observation", "effectiveDateTime"),
    ("Observation", "effectivePeriod"),
    ("Observation", "performer"),
    ("Observation", "encounter"),
];
/// Searches by what no population has: who gave care and when, in whichever compartment that is.
const BY_CARE: [(&str, &str); 8] = [
    ("Observation", "performer=Practitioner/p0&_total=accurate"),
    ("Observation", "performer=Practitioner/p1,Practitioner/p2&_summary=count"),
    ("Observation", "encounter=Encounter/p0&_total=accurate"),
    ("Observation", "encounter=p1&code=a"),
    ("Observation", "_filter=performer eq Practitioner/p1 or _id eq r1"),
    ("Patient", "_has:Observation:subject:performer=Practitioner/p0"),
    ("Patient", "_has:Observation:patient:encounter=Encounter/p1"),
    ("Patient", "_revinclude=Observation:performer&_sort=_id"),
];
const LABELS: &str = "urn:labels";

/// A member with a label, in its value or in its companion.
fn label(resource: &mut Value, member: &str) {
    let url = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";
    let label = json!([{ "url": url, "valueCoding": { "system": LABELS, "code": "hidden" } }]);
    match &mut resource[member] {
        Value::Array(items) => items.iter_mut().for_each(|it| it["extension"] = label.clone()),
        it @ Value::Object(_) => it["extension"] = label,
        _ => resource[format!("_{member}")] = json!({ "extension": label }),
    }
}

/// A population whose observations were made by practitioners and patients, in encounters.
fn cared_for(population: Population, first: usize) -> Vec<Stored> {
    let mut all = population.named();
    for (at, (_, _, body)) in all.iter_mut().filter(|it| it.0 == "Observation").enumerate() {
        let mut resource: Value = serde_json::from_str(body).expect("JSON");
        let [practitioner, patient] = [("Practitioner/p", 3), ("Patient/r", 8)]
            .map(|(of, many)| json!({ "reference": format!("{of}{}", (at + first) % many) }));
        resource["performer"] = json!([practitioner, patient]);
        resource["encounter"] = json!({ "reference": format!("Encounter/p{}", (at + first) % 2) });
        *body = resource.to_string();
    }
    all
}

/// A resource with a label on these of its members that another one has too, and the same with the other's values.
fn both(members: &[(&str, &str)], (of, id, body): &Stored, other: &Stored) -> [Stored; 2] {
    let [mut here, mut other]: [Value; 2] = [body, &other.2].map(|it| serde_json::from_str(it).expect("JSON"));
    let mut there = here.clone();
    for (_, member) in members.iter().filter(|it| it.0 == *of) {
        if here.get(member).is_some() && other.get(member).is_some() {
            there[*member] = other[*member].take();
            label(&mut here, member);
            label(&mut there, member);
        }
    }
    [here, there].map(|it| (*of, id.clone(), it.to_string()))
}

#[test]
fn nothing_is_told_of_labelled_elements() {
    let mut runner = TestRunner::new(Config::default());
    let clearance = Clearance { system: LABELS.into(), code: "hidden".into(), roles: vec!["cleared".into()] };
    let settings = PrivacySettings { clearances: vec![clearance], ..PrivacySettings::default() };
    let (mut found, mut marked) = (0, 0);
    for _ in 0..WORLDS {
        let one = cared_for(drawn(&mut runner, &resources::population()), 0);
        let other = cared_for(drawn(&mut runner, &resources::population()), 1);
        let members = drawn(&mut runner, &subsequence(MEMBERS.to_vec(), 1..=MEMBERS.len()));
        let pairs: Vec<[Stored; 2]> = one.iter().zip(&other).map(|(it, with)| both(&members, it, with)).collect();
        let worlds = [0, 1].map(|at| world(None, &pairs.iter().map(|it| it[at].clone()).collect::<Vec<_>>()));
        worlds.iter().for_each(|it| it.keep(&settings));
        let (scopes, _) = Scopes::parse("user/Patient.rs user/Observation.rs user/ValueSet.rs", None);
        let callers = worlds.each_ref().map(|it| it.caller(scopes.clone()));
        let both = |path: &str, query: &str| [0, 1].map(|at| told(&worlds[at], &callers[at], path, query));
        for _ in 0..SEARCHES {
            let (of, query) = drawn(&mut runner, &search());
            let [here, there] = both(of, &query);
            assert_eq!(here, there, "{of}?{query} with {members:?}");
            found += usize::from(here.1.contains("\"match\""));
        }
        let in_compartments = (0..8).map(|it| (format!("Patient/r{it}/Observation"), "_total=accurate"));
        for (path, query) in BY_CARE.into_iter().map(|(of, query)| (of.to_owned(), query)).chain(in_compartments) {
            let [here, there] = both(&path, query);
            assert_eq!((here.0, &here), (200, &there), "{path}?{query} with {members:?}");
        }
        for (of, id, body) in pairs.iter().map(|it| &it[0]) {
            let paths = ["", "/_history", "/_history/1"].map(|it| format!("{of}/{id}{it}"));
            for path in &paths {
                let [here, there] = both(path, "");
                assert_eq!(here, there, "{path} with {members:?}");
            }
            let [whole, seen] =
                [body, &both(&paths[0], "")[0].1].map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
            let is_labelled = body.contains(LABELS);
            assert_eq!(seen.to_string().contains("SUBSETTED"), is_labelled, "{seen}");
            assert!(is_labelled || seen["name"] == whole["name"], "{seen}");
            marked += usize::from(is_labelled);
        }
        for path in ["Patient/_history", "Observation/_history", "_history"] {
            let [here, there] = both(path, "_count=1000");
            assert_eq!(here, there, "{path} with {members:?}");
        }
    }
    assert!(found > 0 && marked > 0, "{found} found, {marked} marked");
}
