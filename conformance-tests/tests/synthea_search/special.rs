//! Searches in ways of their own: places by distance, filters, modifiers that look deeper; and statistics.

use super::dates::dated;
use super::records::{Records, difference, on_records, row};
use super::walk::{at, begins, coded, is, number, place, texts};
use conformance_tests::encode;
use serde_json::Value;
use std::collections::BTreeSet;

/// Kilometres from this latitude and longitude to a Location, on a sphere.
fn distance(location: &Value, latitude: f64, longitude: f64) -> f64 {
    const RADIUS: f64 = 6371.0;
    let degrees = |name: &str| location["position"][name].as_f64().expect("a position").to_radians();
    let (from, to) = (latitude.to_radians(), degrees("latitude"));
    let east = degrees("longitude") - longitude.to_radians();
    let half = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (east / 2.0).sin().powi(2);
    2.0 * RADIUS * half.sqrt().asin()
}

/// location.html#positional: within a distance, in kilometres and in others.
#[test]
fn places_nearby_agree_with_the_records() {
    on_records(async |records| {
        let near = |it: &Value, kilometres: f64| distance(it, 42.36, -71.06) <= kilometres;
        records
            .check(vec![
                row("Location?near=42.36|-71.06|5|km", |it| near(it, 5.0)),
                row("Location?near=42.36|-71.06|20", |it| near(it, 20.0)),
                row("Location?near=42.36|-71.06|60000|m", |it| near(it, 60.0)),
                row("Location?near=42.36|-71.06|30|km&name=pcp", |it| near(it, 30.0) && begins(it, "name", "pcp")),
                row("Encounter?location.near=42.36|-71.06|8|km", |it| {
                    records.chain(it, "location.location", |location| near(location, 8.0))
                }),
            ])
            .await;
    });
}

/// search_filter.html: comparisons joined by `and`, `or` and `not`.
#[test]
fn filters_agree_with_the_records() {
    on_records(async |records| {
        let filter = |kind: &str, expression: &str| format!("{kind}?_filter={}", encode(expression));
        records
            .check(vec![
                row(filter("Patient", "family co \"hurst\" or gender eq female"), |it| {
                    is(it, "name.family", "Medhurst46") || is(it, "gender", "female")
                }),
                row(filter("Patient", "birthdate ge 1990-01-01 and not (gender eq male)"), |it| {
                    dated(it, "birthDate", "ge", "1990-01-01") && !is(it, "gender", "male")
                }),
                row(filter("Observation", "code eq http://loinc.org|29463-7 and value-quantity gt 80"), |it| {
                    coded(it, "code", "29463-7") && number(it, "valueQuantity.value", |weight| weight > 80.0)
                }),
                row(filter("Observation", "subject.family sw medhurst and date lt 2013-01-01"), |it| {
                    dated(it, "effectiveDateTime", "lt", "2013-01-01")
                        && records.chain(it, "subject", |patient| begins(patient, "name.family", "medhurst"))
                }),
                row(filter("Condition", "abatement-date pr false and clinical-status eq active"), |it| {
                    it["abatementDateTime"].is_null() && coded(it, "clinicalStatus", "active")
                }),
            ])
            .await;
    });
}

/// search.html#modifiers: `:of-type`, `:identifier`, and profiles.
#[test]
fn modifiers_agree_with_the_records() {
    on_records(async |records| {
        const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
        const BMI: &str = "http://hl7.org/fhir/StructureDefinition/bmi";
        let number = texts(records.patient("León820"), "identifier.value");
        let security = *number.iter().find(|it| it.starts_with("999-")).expect("a number of social security");
        let type_system = "http://terminology.hl7.org/CodeSystem/v2-0203";
        let doctor = texts(records.of("PractitionerRole").next().expect("a role"), "practitioner.identifier.value");
        let doctor = *doctor.first().expect("a doctor");
        records
            .check(vec![
                row(format!("Patient?identifier:of-type={type_system}|SS|{security}"), |it| {
                    is(it, "identifier.value", security)
                }),
                row(format!("PractitionerRole?practitioner:identifier={NPI}|{doctor}"), |it| {
                    is(it, "practitioner.identifier.value", doctor)
                }),
                row(format!("Observation?_profile={BMI}"), |it| is(it, "meta.profile", BMI)),
                row("Provenance?_profile:missing=false", |it| !at(it, "meta.profile").is_empty()),
                row("MedicationAdministration?_profile:missing=true", |it| at(it, "meta.profile").is_empty()),
            ])
            .await;
    });
}

/// search.html#searching (all types): criteria that several types know.
#[test]
fn searches_of_several_types_agree_with_the_records() {
    on_records(async |records| {
        let home = place(records.patient("Johnston597"));
        for (query, kinds) in [
            (format!("?_type=Condition,Procedure,Device&patient={home}"), ["Condition", "Procedure", "Device"]),
            (
                "?_type=Procedure,Condition,CarePlan&patient.family=medhurst46".to_owned(),
                ["Procedure", "Condition", "CarePlan"],
            ),
        ] {
            let wanted = |it: &&Value| match query.contains(&home) {
                true => is(it, "subject.reference", &home) || is(it, "patient.reference", &home),
                false => records.chain(it, "subject", |patient| is(patient, "name.family", "Medhurst46")),
            };
            let expected: BTreeSet<String> =
                kinds.into_iter().flat_map(|kind| records.of(kind)).filter(wanted).map(place).collect();
            assert_eq!(difference(&query, &records.found(&query, expected.len()).await, &expected), None);
        }
    });
}

/// The weights of a patient, as numbers.
fn weights(records: &Records, patient: &Value) -> Vec<f64> {
    let weights = records.referring(patient, "Observation", "subject").into_iter();
    let weights = weights.filter(|it| coded(it, "code", "29463-7"));
    weights.flat_map(|it| at(it, "valueQuantity.value")).filter_map(Value::as_f64).collect()
}

/// observation-operation-stats.html
#[test]
fn statistics_agree_with_the_records() {
    on_records(async |records| {
        for family in ["Cortés936", "León820", "Johnston597"] {
            let patient = records.patient(family);
            let weights = weights(records, patient);
            let count = weights.len() as f64;
            let (least, most) =
                weights.iter().fold((f64::MAX, f64::MIN), |(least, most), it| (least.min(*it), most.max(*it)));
            let expected = [weights.iter().sum::<f64>() / count, least, most, count];
            assert!(weights.len() > 2, "{family}");
            let wanted = ["average", "minimum", "maximum", "count"].map(|it| format!("&statistic={it}")).concat();
            let subject = place(patient);
            let query = format!("Observation/$stats?subject={subject}&code=29463-7&system=http://loinc.org{wanted}");
            let told = records.client.read(&query).await;
            let components = at(&told, "parameter.resource.component").into_iter();
            // A count is a quantity or an integer: the definition leaves it open.
            let value = |it: &Value| it["valueQuantity"]["value"].as_f64().or(it["valueInteger"].as_f64());
            let found: Vec<f64> = components.filter_map(value).collect();
            assert_eq!(found.len(), expected.len(), "{query}: {told}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 0.001, "{query}: expected {expected}, found {found}");
            }
        }
    });
}
