//! Criteria of several kinds at once: modifiers and alternatives within chains, and composites of codes.

use super::dates::{compares, dated, period, range};
use super::records::{on_records, row};
use super::walk::{at, coded, is, place, texts};
use serde_json::Value;
use std::time::Duration;

/// search.html#chaining, #has and #modifiers: `:missing`, `:not` and alternatives at the end of a chain.
#[test]
fn modifiers_in_chains_agree_with_the_records() {
    on_records(async |records| {
        let patient = |it: &Value, test: &dyn Fn(&Value) -> bool| records.chain(it, "subject", test);
        records
            .check(vec![
                row("Observation?encounter.reason-code:missing=false", |it| {
                    records.chain(it, "encounter", |encounter| !encounter["reasonCode"].is_null())
                }),
                row("Condition?encounter.class:not=AMB", |it| {
                    records.chain(it, "encounter", |encounter| !is(encounter, "class.code", "AMB"))
                }),
                row("Patient?_has:Condition:patient:abatement-date:missing=true", |it| {
                    records.has(it, "Condition", "subject", |condition| condition["abatementDateTime"].is_null())
                }),
                row("Encounter?_has:Observation:encounter:category:not=vital-signs", |it| {
                    records.has(it, "Observation", "encounter", |it| !coded(it, "category", "vital-signs"))
                }),
                row("Procedure?subject:Patient.family=medhurst46,cortes936", |it| {
                    patient(it, &|it| is(it, "name.family", "Medhurst46") || is(it, "name.family", "Cortés936"))
                }),
                row("Condition?subject:Patient.gender=male&subject:Patient.birthdate=lt1970", |it| {
                    patient(it, &|it| is(it, "gender", "male") && dated(it, "birthDate", "lt", "1970"))
                }),
                row("Immunization?patient.gender=female&date=ge2015&vaccine-code:not=140", |it| {
                    records.chain(it, "patient", |patient| is(patient, "gender", "female"))
                        && dated(it, "occurrenceDateTime", "ge", "2015")
                        && !coded(it, "vaccineCode", "140")
                }),
            ])
            .await;
    });
}

/// search.html#token: a system without a code, a code without a system; #composite: a code and a coded value.
#[test]
fn codes_and_systems_agree_with_the_records() {
    on_records(async |records| {
        let answer = records.of("Observation").flat_map(|it| texts(it, "valueCodeableConcept.coding.code")).next();
        let answer = answer.expect("a coded value");
        let asked = records.of("Observation").find(|it| coded(it, "valueCodeableConcept", answer));
        let asked = texts(asked.expect("its question"), "code.coding.code")[0];
        let of_day = |it: &Value| compares(period(&it["period"]), "sa", range("2018"));
        records
            .check(vec![
                row("CarePlan?category=http://snomed.info/sct|", |it| {
                    is(it, "category.coding.system", "http://snomed.info/sct")
                }),
                row("Encounter?type=http://snomed.info/sct|185345009&date=sa2018", |it| {
                    coded(it, "type", "185345009") && of_day(it)
                }),
                row(format!("Observation?code-value-concept={asked}${answer}"), |it| {
                    coded(it, "code", asked) && coded(it, "valueCodeableConcept", answer)
                }),
                row(
                    format!("Observation?combo-code-value-concept=http://loinc.org|{asked}${answer},1${answer}"),
                    |it| coded(it, "code", asked) && coded(it, "valueCodeableConcept", answer),
                ),
                row("Patient?_lastUpdated=gt2000&gender=male", |it| is(it, "gender", "male")),
            ])
            .await;
        let ids: Vec<&str> = records.of("Encounter").step_by(9).flat_map(|it| texts(it, "id")).collect();
        let query = format!("Encounter?_id={}", ids.join(","));
        records.check(vec![row(query, |it| ids.iter().any(|id| is(it, "id", id)))]).await;
    });
}

/// search.html#modifiers `:text`: the beginning of a word of what a code is called.
#[test]
fn texts_of_codes_agree_with_the_records() {
    on_records(async |records| {
        let called = |it: &Value, path: &str, word: &str| {
            let names = [format!("{path}.text"), format!("{path}.coding.display")];
            names
                .iter()
                .flat_map(|path| texts(it, path))
                .any(|name| name.to_lowercase().split(|it: char| !it.is_alphanumeric()).any(|it| it.starts_with(word)))
        };
        // A server may still be making an index of texts, and say so (http.html: 503).
        while records.client.get("Condition?code:text=pharyng").await.status == 503 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        records
            .check(vec![
                row("Condition?code:text=pharyng", |it| called(it, "code", "pharyng")),
                row("Observation?code:text=hemoglobin", |it| called(it, "code", "hemoglobin")),
                row("Encounter?type:text=encounter", |it| called(it, "type", "encounter")),
            ])
            .await;
    });
}

/// search.html#revinclude of one type by any parameter, and #include of one type of target.
#[test]
fn includes_of_some_types_agree_with_the_records() {
    on_records(async |records| {
        let page = records.client.page("Provenance?_include=Provenance:target:Encounter&_count=100").await;
        let expected: Vec<String> = records.of("Encounter").map(place).collect();
        assert_eq!(page.included(), expected);
        let home = place(records.patient("Cortés936"));
        let page = records.client.page(&format!("{home}/Encounter?_revinclude=Condition:*&_count=100")).await;
        let at_encounters =
            |it: &&Value| at(it, "encounter.reference").len() == 1 && is(it, "subject.reference", &home);
        let expected: Vec<String> = records.of("Condition").filter(at_encounters).map(place).collect();
        assert!(!expected.is_empty());
        assert_eq!(page.included(), expected);
    });
}
