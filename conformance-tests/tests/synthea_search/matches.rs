//! Criteria on the resource itself: tokens, dates, quantities, composites, and totals.

use super::dates::{compares, dated, period, range};
use super::records::{Records, on_records, row};
use super::walk::{at, begins, coded, is, number, place, texts};
use conformance_tests::encode;
use serde_json::Value;
use std::collections::BTreeSet;

const LOINC: &str = "http://loinc.org";

fn value(observation: &Value, test: impl Fn(f64) -> bool) -> bool {
    number(observation, "valueQuantity.value", test)
}

/// Some component has this code and a quantity that passes.
fn component(observation: &Value, code: &str, test: impl Fn(f64) -> bool + Copy) -> bool {
    at(observation, "component").into_iter().any(|it| coded(it, "code", code) && value(it, test))
}

/// search.html#token: codes with and without a system, many at once, and none of them.
#[test]
fn tokens_agree_with_the_records() {
    on_records(async |records| {
        let codes: BTreeSet<&str> = records.of("Observation").flat_map(|it| texts(it, "code.coding.code")).collect();
        let codes: Vec<&str> = codes.into_iter().step_by(2).take(20).collect();
        let tokens: Vec<String> = codes.iter().map(|code| format!("{LOINC}|{code}")).collect();
        let twenty = format!("Observation?code={}", tokens.join(","));
        let all_but_twenty = format!("Observation?code:not={}", codes.join(","));
        let among = |it: &Value| texts(it, "code.coding.code").iter().any(|code| codes.contains(code));
        assert_eq!(codes.len(), 20);
        records
            .check(vec![
                row("Observation?code=8302-2", |it| coded(it, "code", "8302-2")),
                row(twenty, among),
                row(all_but_twenty, |it| !among(it)),
                row("Observation?category=laboratory&status=final", |it| coded(it, "category", "laboratory")),
                row("Observation?category:not=laboratory,vital-signs", |it| {
                    !coded(it, "category", "laboratory") && !coded(it, "category", "vital-signs")
                }),
                row("Encounter?class:not=AMB", |it| !is(it, "class.code", "AMB")),
                row("Patient?gender=female", |it| is(it, "gender", "female")),
                row("MedicationRequest?status:not=stopped", |it| !is(it, "status", "stopped")),
                row("Condition?clinical-status=active", |it| coded(it, "clinicalStatus", "active")),
                row("Observation?value-concept:missing=false", |it| !it["valueCodeableConcept"].is_null()),
            ])
            .await;
    });
}

/// search.html#missing
#[test]
fn absent_values_agree_with_the_records() {
    on_records(async |records| {
        records
            .check(vec![
                row("Observation?value-quantity:missing=true", |it| it["valueQuantity"].is_null()),
                row("Observation?value-quantity:missing=false&category=laboratory", |it| {
                    !it["valueQuantity"].is_null() && coded(it, "category", "laboratory")
                }),
                row("Patient?death-date:missing=false", |it| !it["deceasedDateTime"].is_null()),
                row("Patient?death-date:missing=true", |it| it["deceasedDateTime"].is_null()),
                row("Condition?abatement-date:missing=true", |it| it["abatementDateTime"].is_null()),
                row("Encounter?reason-code:missing=false", |it| !it["reasonCode"].is_null()),
                row("MedicationRequest?medication:missing=true", |it| it["medicationReference"].is_null()),
                row("CarePlan?condition:missing=true", |it| it["addresses"].is_null()),
            ])
            .await;
    });
}

/// search.html#date and #prefix: with zones, precisions and Periods.
#[test]
fn dates_agree_with_the_records() {
    on_records(async |records| {
        let mut rows = Vec::new();
        for prefix in ["eq", "ne", "gt", "ge", "lt", "le", "sa", "eb"] {
            for day in ["2016", "2019-06", "2013-07-13", "2016-01-01T00:00:00+01:00"] {
                // Nobody was seen in the first second of 2016.
                if (prefix, day.len()) != ("eq", 25) && !(prefix == "eq" && day == "2013-07-13") {
                    let query = format!("Encounter?date={prefix}{}", encode(day));
                    rows.push(row(query, move |it| compares(period(&it["period"]), prefix, range(day))));
                }
            }
            let query = format!("Patient?birthdate={prefix}1991");
            rows.push(row(query, move |it| dated(it, "birthDate", prefix, "1991")));
            if prefix != "eq" {
                let query = format!("Observation?code=8302-2&date={prefix}2015-06-01");
                rows.push(row(query, move |it| {
                    coded(it, "code", "8302-2") && dated(it, "effectiveDateTime", prefix, "2015-06-01")
                }));
            }
        }
        rows.push(row("Observation?category=laboratory&date=ge2014&date=lt2017-03", |it| {
            coded(it, "category", "laboratory")
                && dated(it, "effectiveDateTime", "ge", "2014")
                && dated(it, "effectiveDateTime", "lt", "2017-03")
        }));
        rows.push(row("CarePlan?date=ge2020-01-01", |it| compares(period(&it["period"]), "ge", range("2020-01-01"))));
        rows.push(row("CarePlan?date=eb2010", |it| compares(period(&it["period"]), "eb", range("2010"))));
        rows.push(row("Condition?onset-date=2010,2012,2016", |it| {
            ["2010", "2012", "2016"].iter().any(|year| dated(it, "onsetDateTime", "eq", year))
        }));
        records.check(rows).await;
    });
}

/// To the second in which it happened, as it is written and in UTC (search.html#date).
#[test]
fn moments_agree_with_the_records() {
    on_records(async |records| {
        let moments: BTreeSet<&str> = records.of("Observation").flat_map(|it| texts(it, "effectiveDateTime")).collect();
        let mut rows = Vec::new();
        for moment in moments.into_iter().step_by(20) {
            for prefix in ["eq", "ge", "le"] {
                let query = format!("Observation?code=8302-2,8867-4&date={prefix}{}", encode(moment));
                let test = move |it: &Value| {
                    (coded(it, "code", "8302-2") || coded(it, "code", "8867-4"))
                        && dated(it, "effectiveDateTime", prefix, moment)
                };
                if !records.expected(&query, test).is_empty() {
                    rows.push(row(query, test));
                }
            }
        }
        assert!(rows.len() > 5);
        records.check(rows).await;
    });
}

/// search.html#quantity and #composite: numbers have the precision of their digits, and the parts of a composite
/// belong together.
#[test]
fn quantities_agree_with_the_records() {
    on_records(async |records| {
        let weight = |it: &Value, test: fn(f64) -> bool| coded(it, "code", "29463-7") && value(it, test);
        records
            .check(vec![
                row("Observation?value-quantity=gt120", |it| value(it, |number| number > 120.0)),
                row("Observation?value-quantity=le7.5", |it| value(it, |number| number <= 7.5)),
                row("Observation?value-quantity=70", |it| value(it, |number| (69.5..70.5).contains(&number))),
                row("Observation?value-quantity=ge100&value-quantity=lt130", |it| {
                    value(it, |number| (100.0..130.0).contains(&number))
                }),
                row("Observation?value-quantity=gt80||kg", |it| {
                    value(it, |number| number > 80.0) && is(it, "valueQuantity.code", "kg")
                }),
                row("Observation?value-quantity=lt30|http://unitsofmeasure.org|kg/m2", |it| {
                    value(it, |number| number < 30.0) && is(it, "valueQuantity.code", "kg/m2")
                }),
                row("Observation?code-value-quantity=29463-7$gt70", |it| weight(it, |number| number > 70.0)),
                row("Observation?code-value-quantity=http://loinc.org|29463-7$lt30,8302-2$gt175", |it| {
                    weight(it, |number| number < 30.0)
                        || coded(it, "code", "8302-2") && value(it, |number| number > 175.0)
                }),
                row("Observation?component-code-value-quantity=8480-6$ge120", |it| {
                    component(it, "8480-6", |number| number >= 120.0)
                }),
                row("Observation?component-code-value-quantity=http://loinc.org|8462-4$lt75", |it| {
                    component(it, "8462-4", |number| number < 75.0)
                }),
                row("Observation?combo-code-value-quantity=8480-6$gt110,29463-7$gt90", |it| {
                    component(it, "8480-6", |number| number > 110.0) || weight(it, |number| number > 90.0)
                }),
            ])
            .await;
    });
}

/// search.html#string: accents and case make no difference.
#[test]
fn strings_agree_with_the_records() {
    on_records(async |records| {
        records
            .check(vec![
                row("Patient?family=cortes936", |it| is(it, "name.family", "Cortés936")),
                row("Patient?name=LEÓN", |it| is(it, "name.family", "León820")),
                row("Patient?family=o%27hara", |it| is(it, "name.family", "O'Hara248")),
                row("Patient?address-city=east", |it| begins(it, "address.city", "East ")),
                row("Practitioner?family=k", |it| begins(it, "name.family", "k")),
                row("Organization?name=pcp1", |it| begins(it, "name", "pcp1")),
                row("Organization?name:contains=hospital", |it| {
                    texts(it, "name").iter().any(|name| name.to_lowercase().contains("hospital"))
                }),
                row("Location?address-city:exact=BOSTON", |it| is(it, "address.city", "BOSTON")),
            ])
            .await;
    });
}

/// A total must equal the number of raw resources.
async fn check_total(records: &Records, query: &str, test: impl Fn(&Value) -> bool) {
    let expected = records.expected(query, test).len() as u64;
    assert_ne!(expected, 0, "{query}");
    for how in ["_summary=count", "_total=accurate&_count=1", "_count=0"] {
        let page = records.client.page(&format!("{query}&{how}")).await;
        assert_eq!(page.total(), Some(expected), "{query}&{how}");
    }
}

/// search.html#total and #summary: how many there are.
#[test]
fn totals_agree_with_the_records() {
    on_records(async |records| {
        let person = records.patient("Cortés936");
        let subject = place(person);
        let about = move |it: &Value| is(it, "subject.reference", &subject);
        check_total(records, &format!("Observation?patient={}", place(person)), &about).await;
        check_total(records, "Observation?subject:Patient.family=medhurst46", |it| {
            records.chain(it, "subject", |patient| is(patient, "name.family", "Medhurst46"))
        })
        .await;
        check_total(records, "Patient?_has:Condition:patient:code=195662009", |it| {
            records.has(it, "Condition", "subject", |condition| coded(condition, "code", "195662009"))
        })
        .await;
        check_total(records, "Encounter?date=ge2015", |it| compares(period(&it["period"]), "ge", range("2015"))).await;
    });
}
