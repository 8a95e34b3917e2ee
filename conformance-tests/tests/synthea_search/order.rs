//! The order of results (search.html#sort), over many pages.

use super::dates::{dated, period, range};
use super::records::{Records, difference, on_records, paged};
use super::walk::{at, coded, is, place, texts};
use conformance_tests::Bundle;
use serde_json::Value;
use std::cmp::Ordering;

/// What a resource is sorted by.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Key {
    Moment(i64),
    Number(f64),
    Text(String),
}

/// A key of the sort, and whether it goes down.
struct By(fn(&Value) -> Option<Key>, bool);

fn up(key: fn(&Value) -> Option<Key>) -> By {
    By(key, false)
}

fn down(key: fn(&Value) -> Option<Key>) -> By {
    By(key, true)
}

fn moment(resource: &Value, path: &str) -> Option<Key> {
    texts(resource, path).first().map(|text| Key::Moment(range(text).0))
}

fn text(resource: &Value, path: &str) -> Option<Key> {
    texts(resource, path).first().map(|text| Key::Text(folded(text)))
}

/// The text without case, and without the accents that names of the records have (search.html#string).
fn folded(text: &str) -> String {
    let plain = |letter| match letter {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ñ' => 'n',
        'ó' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    };
    text.to_lowercase().chars().map(plain).collect()
}

fn effective(resource: &Value) -> Option<Key> {
    moment(resource, "effectiveDateTime")
}

fn born(resource: &Value) -> Option<Key> {
    moment(resource, "birthDate")
}

fn family(resource: &Value) -> Option<Key> {
    text(resource, "name.family")
}

fn quantity(resource: &Value) -> Option<Key> {
    at(resource, "valueQuantity.value").first().and_then(|value| value.as_f64()).map(Key::Number)
}

fn id(resource: &Value) -> Option<Key> {
    resource["id"].as_str().map(|id| Key::Text(id.to_owned()))
}

/// The order of two resources; what has no value comes last either way.
fn order(one: &Value, other: &Value, sort: &[By]) -> Ordering {
    let by = |By(key, descending): &By| match (key(one), key(other)) {
        (Some(one), Some(other)) if *descending => other.partial_cmp(&one).expect("comparable keys"),
        (Some(one), Some(other)) => one.partial_cmp(&other).expect("comparable keys"),
        (one, other) => one.is_none().cmp(&other.is_none()),
    };
    sort.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The search finds what passes, in this order.
async fn check(records: &Records, query: &str, test: impl Fn(&Value) -> bool, sort: &[By]) {
    let expected = records.expected(query, test);
    let found = records.found(query, expected.len()).await;
    assert!(expected.len() > 5, "{query}: only {} to sort", expected.len());
    assert_eq!(difference(query, &found, &expected), None);
    let resources: Vec<&Value> = found.iter().filter_map(|place| records.there(place)).collect();
    for pair in resources.windows(2) {
        let keys = |resource: &Value| sort.iter().map(|By(key, _)| key(resource)).collect::<Vec<_>>();
        let (one, other) = (keys(pair[0]), keys(pair[1]));
        assert!(order(pair[0], pair[1], sort).is_le(), "{query}: {one:?} comes before {other:?}");
    }
}

/// search.html#sort: by a date, up and down.
#[test]
fn sorts_by_date_agree_with_the_records() {
    on_records(async |records| {
        let heart_rate = |it: &Value| coded(it, "code", "8867-4");
        check(records, "Observation?code=8867-4&_sort=date", heart_rate, &[up(effective)]).await;
        check(records, "Observation?code=8867-4&_sort=-date", heart_rate, &[down(effective)]).await;
        let subject = place(records.patient("Cortés936"));
        let query = format!("Observation?patient={subject}&_sort=-date");
        check(records, &query, |it| is(it, "subject.reference", &subject), &[down(effective)]).await;
        check(records, "Patient?_sort=birthdate", |_| true, &[up(born)]).await;
        check(records, "Patient?_sort=-birthdate", |_| true, &[down(born)]).await;
        let start = |it: &Value| Some(Key::Moment(period(&it["period"]).0));
        check(records, "Encounter?_sort=date", |_| true, &[up(start)]).await;
    });
}

/// search.html#sort with #date: a range of dates, newest first.
#[test]
fn sorted_ranges_agree_with_the_records() {
    on_records(async |records| {
        let query = "Observation?code=29463-7,8302-2&date=ge2012-05&date=lt2019&_sort=-date";
        let wanted = |it: &Value| {
            (coded(it, "code", "29463-7") || coded(it, "code", "8302-2"))
                && dated(it, "effectiveDateTime", "ge", "2012-05")
                && dated(it, "effectiveDateTime", "lt", "2019")
        };
        check(records, query, wanted, &[down(effective)]).await;
        let query = "DiagnosticReport?encounter.type=162673000&_sort=-date";
        let general = |it: &Value| records.chain(it, "encounter", |encounter| coded(encounter, "type", "162673000"));
        check(records, query, general, &[down(effective)]).await;
    });
}

/// search.html#sort: by text, number and id.
#[test]
fn sorts_by_other_values_agree_with_the_records() {
    on_records(async |records| {
        let weight = |it: &Value| coded(it, "code", "29463-7");
        check(records, "Patient?_sort=family", |_| true, &[up(family)]).await;
        check(records, "Practitioner?_sort=-family", |_| true, &[down(family)]).await;
        check(records, "Observation?code=29463-7&_sort=value-quantity", weight, &[up(quantity)]).await;
        check(records, "Observation?code=29463-7&_sort=-value-quantity", weight, &[down(quantity)]).await;
        check(records, "Encounter?_sort=_id", |_| true, &[up(id)]).await;
        check(records, "Encounter?_sort=-_id", |_| true, &[down(id)]).await;
    });
}

/// search.html#sort: by several keys, and with values that are missing, which come last.
#[test]
fn sorts_by_several_keys_agree_with_the_records() {
    on_records(async |records| {
        let vital = |it: &Value| coded(it, "category", "vital-signs");
        let onset = |it: &Value| moment(it, "onsetDateTime");
        let status = |it: &Value| text(it, "clinicalStatus.coding.code");
        let patient = |it: &Value| text(it, "subject.reference");
        let abated = |it: &Value| moment(it, "abatementDateTime");
        let died = |it: &Value| moment(it, "deceasedDateTime");
        check(records, "Patient?_sort=family,-birthdate", |_| true, &[up(family), down(born)]).await;
        let query = "Observation?category=vital-signs&_sort=-date,value-quantity";
        check(records, query, vital, &[down(effective), up(quantity)]).await;
        check(records, "Patient?_sort=death-date,family", |_| true, &[up(died), up(family)]).await;
        check(records, "Patient?_sort=-death-date,-family", |_| true, &[down(died), down(family)]).await;
        check(records, "Condition?_sort=abatement-date,-onset-date", |_| true, &[up(abated), down(onset)]).await;
        check(records, "Condition?_sort=-abatement-date,_id", |_| true, &[down(abated), up(id)]).await;
        check(records, "Condition?_sort=clinical-status,onset-date", |_| true, &[up(status), up(onset)]).await;
        check(records, "Condition?_sort=patient,-onset-date", |_| true, &[up(patient), down(onset)]).await;
    });
}

/// http.html#paging: from `last`, the links `previous` lead back through the same order.
#[test]
fn pages_walked_back_are_those_walked_on() {
    const PAGE: usize = 7;
    on_records(async |records| {
        for query in [
            "Observation?code=29463-7,8302-2&date=ge2012-05&_sort=-date",
            "Observation?code=29463-7&_sort=value-quantity",
            "Condition?_sort=-abatement-date,onset-date",
            "Patient?_sort=-death-date,family",
            "Encounter?subject:Patient.gender=male",
            "DiagnosticReport?encounter:Encounter.patient.birthdate=gt1985",
        ] {
            let on = records.pages(query, PAGE).await;
            let on: Vec<String> = on.iter().flat_map(Bundle::matches).map(place).collect();
            let first = records.client.page(&paged(query, PAGE)).await;
            let mut address = first.link("last").map(str::to_owned);
            let mut back = Vec::new();
            while let Some(page) = address {
                let page = records.client.page(&page).await;
                back.extend(page.matches().into_iter().rev().map(place));
                address = page.link("previous").map(str::to_owned);
            }
            back.reverse();
            assert_eq!(back, on, "{query}");
        }
    });
}
