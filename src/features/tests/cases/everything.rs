//! `$everything` (patient-operation-everything.html, encounter-operation-everything.html).

use super::house::{House, keys, link};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PATIENT: &str = "Patient/amina-diallo";

fn of_mode(entries: &[(String, String)], mode: &str) -> BTreeSet<String> {
    entries.iter().filter(|(_, it)| it == mode).map(|(key, _)| key.clone()).collect()
}

/// Every literal reference in a JSON value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        Value::Object(members) => {
            found.extend(members.get("reference").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|it| references(it, found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_record_is_its_compartment_and_what_that_refers_to() {
    let house = House::with_demo().await;
    let record = house.get(&format!("{PATIENT}/$everything")).await.unwrap();
    let entries = keys(&record);
    let compartment = keys(&house.get(&format!("{PATIENT}/*?_count=1000")).await.unwrap());
    assert!(compartment.len() > 20, "{} are too few to tell", compartment.len());
    assert_eq!(of_mode(&entries, "match"), of_mode(&compartment, "match"));
    let mut referred = BTreeSet::new();
    references(&record, &mut referred);
    let all: BTreeSet<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(all.len(), entries.len(), "something came twice");
    assert!(all.iter().any(|it| it.starts_with("Practitioner/")));
    // The demo's references all lead somewhere; those of other people's resources are not followed.
    for reference in referred.iter().filter(|it| !it.starts_with('#')) {
        let is_of_member = record["entry"].as_array().unwrap().iter().any(|it| {
            let mut own = BTreeSet::new();
            references(&it["resource"], &mut own);
            it["search"]["mode"] == "match" && own.contains(reference)
        });
        assert!(all.contains(reference) || !is_of_member, "{reference} is missing");
    }
    assert_eq!(record["total"], compartment.len());
    assert!(link(&record, "next").is_none());
}

#[tokio::test]
async fn pages_give_all_of_it_once() {
    let house = House::with_demo().await;
    for path in [PATIENT.to_owned(), any_encounter(&house).await] {
        let whole = keys(&house.get(&format!("{path}/$everything")).await.unwrap());
        for count in [1, 3, 7] {
            let paged = house.pages(&format!("{path}/$everything?_count={count}")).await;
            assert_eq!(paged, whole, "{path} by {count}");
        }
    }
}

async fn any_encounter(house: &House) -> String {
    let found = house.get("Encounter?patient=amina-diallo&_count=1").await.unwrap();
    keys(&found).into_iter().next().unwrap().0
}

#[tokio::test]
async fn a_page_link_is_for_its_own_call() {
    let house = House::with_demo().await;
    let page = house.get(&format!("{PATIENT}/$everything?_count=2")).await.unwrap();
    let next = link(&page, "next").unwrap();
    let nurse = house.caller("system/*.rs").await;
    assert_eq!(house.get_as(&nurse, &next).await.unwrap_err().status, 400);
    let other = next.replace("_count=2", "_count=3");
    assert_eq!(house.get(&other).await.unwrap_err().status, 400);
}

#[tokio::test]
async fn an_encounters_record_has_its_patient() {
    let house = House::with_demo().await;
    let encounter = any_encounter(&house).await;
    let entries = keys(&house.get(&format!("{encounter}/$everything")).await.unwrap());
    assert!(of_mode(&entries, "match").contains(&encounter));
    assert!(of_mode(&entries, "include").contains(PATIENT));
}

async fn small() -> House {
    let house = House::new().await;
    let of_patient = json!({ "reference": "Patient/p" });
    let condition = |id: &str, onset: Value| json!({ "resourceType": "Condition", "id": id, "subject": of_patient, "onsetPeriod": onset });
    house
        .put(&[
            json!({ "resourceType": "Organization", "id": "o", "name": "A clinic" }),
            json!({ "resourceType": "Practitioner", "id": "d" }),
            json!({ "resourceType": "PractitionerRole", "id": "r", "practitioner": { "reference": "Practitioner/d" } }),
            json!({ "resourceType": "Patient", "id": "p", "managingOrganization": { "reference": "Organization/o" } }),
            json!({ "resourceType": "Patient", "id": "q", "managingOrganization": { "reference": "Organization/o" } }),
            condition("old", json!({ "start": "2010-03-01", "end": "2010-04-01" })),
            condition("long", json!({ "start": "2010-03-01", "end": "2022-04-01" })),
            json!({ "resourceType": "Condition", "id": "undated", "subject": of_patient, "asserter": { "reference": "PractitionerRole/r" } }),
        ])
        .await;
    house
}

#[tokio::test]
async fn care_dates_types_and_changes_narrow_a_record() {
    let house = small().await;
    let ids = async |query: &str| -> Vec<String> {
        keys(&house.get(&format!("Patient/p/$everything{query}")).await.unwrap()).into_iter().map(|it| it.0).collect()
    };
    let all = ["Patient/p", "Condition/old", "Condition/long", "Condition/undated"];
    let support = ["Organization/o", "Practitioner/d", "PractitionerRole/r"];
    assert_eq!(ids("").await, [&all[..], &support].concat());
    assert_eq!(
        ids("?start=2020").await,
        [&["Patient/p", "Condition/long", "Condition/undated"], &support[..]].concat()
    );
    assert_eq!(ids("?end=2009-12-31").await, [&["Patient/p", "Condition/undated"], &support[..]].concat());
    assert_eq!(ids("?_type=Condition,Practitioner").await, [&all[1..], &["Practitioner/d"]].concat());
    assert!(ids("?_since=2026-11-19T00:00:00Z").await.is_empty());
    assert_eq!(ids("?_since=2026-11-18T00:00:00Z").await.len(), 7);
}

#[tokio::test]
async fn what_a_caller_may_not_read_is_left_out_and_said() {
    let house = small().await;
    let caller = house.caller("system/Patient.r system/Practitioner.r system/Organization.r").await;
    let record = house.get_as(&caller, "Patient/p/$everything").await.unwrap();
    let text = record.to_string();
    assert!(!text.contains("Condition/old"));
    assert!(text.contains("Organization/o"));
    let outcome = record["entry"].as_array().unwrap().last().unwrap();
    assert_eq!(outcome["search"]["mode"], "outcome");
    assert!(outcome["resource"]["issue"][0]["diagnostics"].as_str().unwrap().contains("Condition"));
}

#[tokio::test]
async fn wrong_values_are_refused() {
    let house = small().await;
    for address in [
        "Patient/p/$everything?_count=0",
        "Patient/p/$everything?_type=Nope",
        "Patient/p/$everything?start=2021&end=2020",
    ] {
        assert_eq!(house.get(address).await.unwrap_err().status, 400, "{address}");
    }
}

#[tokio::test]
async fn the_records_of_all_patients_are_their_compartments_and_what_these_refer_to() {
    let house = House::with_demo().await;
    let mut compartments = BTreeSet::new();
    for (patient, _) in keys(&house.get("Patient?_count=1000").await.unwrap()) {
        compartments
            .extend(keys(&house.get(&format!("{patient}/*?_count=1000")).await.unwrap()).into_iter().map(|it| it.0));
    }
    let whole = house.get("Patient/$everything").await.unwrap();
    assert_eq!(of_mode(&keys(&whole), "match"), compartments);
    let one = keys(&house.get(&format!("{PATIENT}/$everything")).await.unwrap());
    assert!(of_mode(&keys(&whole), "include").is_superset(&of_mode(&one, "include")));
    for count in [7, 50] {
        let paged = house.pages(&format!("Patient/$everything?_count={count}")).await;
        let matched: Vec<&String> = paged.iter().filter(|it| it.1 == "match").map(|it| &it.0).collect();
        assert_eq!(matched.len(), compartments.len(), "by {count} something came twice, or not at all");
        assert_eq!(of_mode(&paged, "match"), compartments, "by {count}");
        assert_eq!(of_mode(&paged, "include"), of_mode(&keys(&whole), "include"), "by {count}");
    }
}

#[tokio::test]
async fn the_records_of_all_patients_are_narrowed_too() {
    let house = small().await;
    house
        .put(&[
            json!({ "resourceType": "Condition", "id": "of-q", "subject": { "reference": "Patient/q" } }),
            json!({ "resourceType": "Condition", "id": "of-nobody", "subject": { "reference": "Group/g" } }),
        ])
        .await;
    let ids = async |query: &str| -> BTreeSet<String> {
        keys(&house.get(&format!("Patient/$everything{query}")).await.unwrap()).into_iter().map(|it| it.0).collect()
    };
    let set = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<String>>();
    let conditions = ["Condition/old", "Condition/long", "Condition/undated", "Condition/of-q"];
    assert_eq!(ids("?_type=Condition").await, set(&conditions));
    assert_eq!(ids("?_type=Practitioner").await, set(&["Practitioner/d"]));
    assert_eq!(ids("?_type=Condition&start=2020").await, set(&conditions[1..]));
    assert!(ids("?_since=2026-11-19T00:00:00Z").await.is_empty());
    assert_eq!(ids("").await.len(), 9);
}
