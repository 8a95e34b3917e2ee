//! A patient's compartment (compartmentdefinition-patient.html), and the operations on a patient's record.

use super::dates::{dated, range};
use super::records::{Records, difference, on_records};
use super::walk::{coded, is, place, references, texts};
use conformance_tests::Bundle;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Types of the records that the definition gives no parameter.
const OUTSIDE: [&str; 4] = ["Device", "Location", "Medication", "Organization"];

/// All that refers to the patient by an element that makes it a member, without the patient.
fn members(records: &Records, patient: &Value) -> BTreeSet<String> {
    let patient = place(patient);
    let about = |it: &Value| {
        ["subject", "patient", "target", "participant.member", "performer", "author"]
            .iter()
            .any(|path| texts(it, &format!("{path}.reference")).contains(&&patient[..]))
    };
    let inside = |it: &&Value| !OUTSIDE.iter().any(|kind| it["resourceType"] == *kind);
    records.everything().filter(inside).filter(|it| about(it)).map(place).collect()
}

/// http.html#vsearch: a compartment as a whole, a type in it, and a search in it.
#[test]
fn compartments_agree_with_the_records() {
    on_records(async |records| {
        for family in ["O'Hara248", "Shields502", "Johnston597"] {
            let patient = records.patient(family);
            let home = place(patient);
            let whole = format!("{home}/*");
            let expected = members(records, patient);
            let found = records.found(&whole, expected.len()).await;
            let found: Vec<String> = found.into_iter().filter(|it| *it != home).collect();
            assert_eq!(difference(&whole, &found, &expected), None);
            let subject = |it: &Value| is(it, "subject.reference", &home);
            check_in(records, &home, "Observation?category=laboratory", |it| {
                subject(it) && coded(it, "category", "laboratory")
            })
            .await;
            check_in(records, &home, "Encounter", subject).await;
            check_in(records, &home, "Procedure?date=ge1990", |it| {
                let period = ["performedPeriod.start", "performedDateTime"];
                subject(it) && period.iter().any(|path| dated(it, path, "ge", "1990"))
            })
            .await;
        }
    });
}

/// A search within a compartment finds what passes.
async fn check_in(records: &Records, home: &str, query: &str, test: impl Fn(&Value) -> bool) {
    let expected = records.expected(query, test);
    assert!(!expected.is_empty(), "{query}");
    let query = format!("{home}/{query}");
    assert_eq!(difference(&query, &records.found(&query, expected.len()).await, &expected), None);
}

/// compartmentdefinition-encounter.html: what belongs to an Encounter.
#[test]
fn the_compartment_of_an_encounter_agrees_with_the_records() {
    on_records(async |records| {
        let busy = |it: &&Value| records.has(it, "Condition", "encounter", |_| true);
        for encounter in records.of("Encounter").filter(busy).take(5) {
            let home = place(encounter);
            for kind in ["Observation", "Condition", "DiagnosticReport"] {
                let expected = records.referring(encounter, kind, "encounter").into_iter().map(place);
                let expected: BTreeSet<String> = expected.collect();
                let query = format!("{home}/{kind}");
                assert_eq!(difference(&query, &records.found(&query, expected.len()).await, &expected), None);
            }
        }
    });
}

/// patient-operation-everything.html: the patient, every member of the compartment once, and else only what these
/// refer to; on one page and on many.
#[test]
fn everything_agrees_with_the_records() {
    on_records(async |records| {
        for family in ["O'Hara248", "Shields502"] {
            let patient = records.patient(family);
            let home = place(patient);
            let mut record = members(records, patient);
            record.insert(home.clone());
            for query in [format!("{home}/$everything"), format!("{home}/$everything?_count=50")] {
                let found = entries(records, &query).await;
                let set: BTreeSet<String> = found.iter().cloned().collect();
                assert_eq!(found.len(), set.len(), "{query}: something is there twice");
                let missing: Vec<&String> = record.difference(&set).collect();
                assert!(missing.is_empty(), "{query}: missing {missing:?}");
                let related: BTreeSet<&str> =
                    set.iter().filter_map(|it| records.there(it)).flat_map(references).collect();
                let foreign = set.difference(&record).find(|it| !related.contains(it.as_str()));
                assert_eq!(foreign, None, "{query}");
            }
        }
    });
}

/// patient-operation-everything.html: only these types.
#[test]
fn everything_of_some_types_agrees_with_the_records() {
    on_records(async |records| {
        let patient = records.patient("Shields502");
        let query = format!("{}/$everything?_type=Observation,Condition&_count=50", place(patient));
        let expected: BTreeSet<String> = ["Observation", "Condition"]
            .into_iter()
            .flat_map(|kind| records.referring(patient, kind, "subject"))
            .map(place)
            .collect();
        let found: Vec<String> =
            entries(records, &query).await.into_iter().filter(|it| *it != place(patient)).collect();
        assert_eq!(difference(&query, &found, &expected), None);
    });
}

/// `Type/id` of every entry on all pages.
async fn entries(records: &Records, query: &str) -> Vec<String> {
    let mut page = records.client.page(query).await;
    let mut found = Vec::new();
    loop {
        found.extend(page.entries().iter().map(|entry| place(&entry["resource"])));
        let Some(next) = page.link("next").map(str::to_owned) else { return found };
        page = records.client.page(&next).await;
    }
}

/// observation-operation-lastn.html: the newest of each code, and with it what was made at the same time.
#[test]
fn the_last_of_each_code_agrees_with_the_records() {
    on_records(async |records| {
        for family in ["Cortés936", "León820", "Shields502"] {
            let patient = records.patient(family);
            for category in ["vital-signs", "laboratory"] {
                let of_category = records.referring(patient, "Observation", "subject").into_iter();
                let expected = newest(of_category.filter(|it| coded(it, "category", category)));
                let query = format!("Observation/$lastn?patient={}&category={category}&max=1", place(patient));
                assert!(!expected.is_empty(), "{query}");
                let page: Bundle = records.client.page(&query).await;
                assert!(page.link("next").is_none(), "{query}");
                let found: Vec<String> = page.matches().into_iter().map(place).collect();
                assert_eq!(difference(&query, &found, &expected), None);
            }
        }
    });
}

/// The newest of each code. In these records a code has the same translations everywhere.
fn newest<'a>(observations: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    let mut groups: BTreeMap<Vec<&str>, Vec<(i64, String)>> = BTreeMap::new();
    for observation in observations {
        let moment = range(observation["effectiveDateTime"].as_str().expect("a moment")).0;
        groups.entry(texts(observation, "code.coding.code")).or_default().push((moment, place(observation)));
    }
    let codes: BTreeSet<&str> = groups.keys().flatten().copied().collect();
    assert_eq!(codes.len(), groups.keys().flatten().count(), "a code is in two groups");
    let last = |group: Vec<(i64, String)>| {
        let newest = group.iter().map(|(moment, _)| *moment).max();
        group.into_iter().filter(move |(moment, _)| Some(*moment) == newest).map(|(_, place)| place)
    };
    groups.into_values().flat_map(last).collect()
}
