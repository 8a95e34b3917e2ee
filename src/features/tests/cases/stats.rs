//! `$stats` (observation-operation-stats.html).

use super::house::House;
use fhir::json::Doc;
use fhir::validate::{References, r4};
use serde_json::{Value, json};

fn coded(code: &str) -> Value {
    json!({ "coding": [{ "system": "http://loinc.org", "code": code }] })
}

fn quantity(value: f64, unit: &str) -> Value {
    json!({ "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit })
}

fn observation(id: &str, code: &str, time: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": coded(code),
        "subject": { "reference": "Patient/1" }, "effectiveDateTime": time,
    })
}

fn weight(id: &str, value: f64, time: &str) -> Value {
    let mut observation = observation(id, "29463-7", time);
    observation["valueQuantity"] = quantity(value, "kg");
    observation
}

async fn weights() -> House {
    let house = House::new().await;
    let mut wrong = weight("wrong", 720.0, "2026-11-03");
    wrong["status"] = "entered-in-error".into();
    let mut unsure = weight("unsure", 70.0, "2026-11-04");
    unsure["valueQuantity"]["comparator"] = "<".into();
    let mut others = weight("others", 99.0, "2026-11-02");
    others["subject"]["reference"] = "Patient/2".into();
    house
        .put(&[
            weight("w1", 70.1, "2026-11-01"),
            weight("w2", 70.2, "2026-11-02"),
            weight("w3", 71.0, "2026-11-18T11:00:00Z"),
            weight("old", 60.0, "2020-01-01"),
            wrong,
            unsure,
            others,
        ])
        .await;
    house
}

/// The value of a statistic in an Observation; `null` where it has none.
fn value(observation: &Value, statistic: &str) -> Value {
    let components = observation["component"].as_array().unwrap();
    let component = components.iter().find(|it| it["code"]["coding"][0]["code"] == statistic).unwrap();
    match &component["valueInteger"] {
        Value::Null => component["valueQuantity"]["value"].clone(),
        count => count.clone(),
    }
}

fn valid(parameters: &Value) {
    let doc = Doc::parse(parameters.to_string()).unwrap();
    let issues = r4().resource(doc.root(), References::Literal);
    assert!(issues.is_empty(), "{issues:?}");
}

const WEIGHT: &str = "Observation/$stats?subject=Patient/1&code=29463-7&system=http://loinc.org";

#[tokio::test]
async fn statistics_are_of_the_subjects_valid_measurements_in_the_period() {
    let house = weights().await;
    let asked = ["average", "sum", "minimum", "maximum", "count", "total-count", "median"];
    let statistics: Vec<Value> = asked.iter().map(|it| json!({ "name": "statistic", "valueCode": it })).collect();
    let mut parameters = vec![
        json!({ "name": "subject", "valueUri": "Patient/1" }),
        json!({ "name": "coding", "valueCoding": { "system": "http://loinc.org", "code": "29463-7" } }),
        json!({ "name": "period", "valuePeriod": { "start": "2026-11-01", "end": "2026-11-30" } }),
    ];
    parameters.extend(statistics);
    let answer = house.post("Observation/$stats", parameters.into()).await.unwrap();
    valid(&answer);
    let observation = &answer["parameter"][0]["resource"];
    let values: Vec<String> = asked.iter().map(|it| value(observation, it).to_string()).collect();
    assert_eq!(values, ["70.4333333333", "211.3", "70.1", "71", "3", "4", "70.2"]);
    assert_eq!(observation["effectivePeriod"]["start"], "2026-11-01T00:00:00.000Z");
    assert_eq!(observation["subject"]["reference"], "Patient/1");
    assert_eq!(observation["component"][0]["valueQuantity"]["code"], "kg");
}

/// R4: "This Statistic code will return both a gradient and an intercept value."
#[tokio::test]
async fn a_regression_is_a_gradient_and_an_intercept() {
    let house = House::new().await;
    let days = [("a", 70.0, "2026-11-01T08:00:00Z"), ("b", 71.0, "2026-11-03T08:00:00Z")];
    house.put(&days.map(|(id, value, time)| weight(id, value, time))).await;
    let answer = house.get(&format!("{WEIGHT}&statistic=regression")).await.unwrap();
    valid(&answer);
    let components = answer["parameter"][0]["resource"]["component"].as_array().unwrap();
    let told: Vec<String> = components
        .iter()
        .map(|it| format!("{} {} {}", it["code"]["text"], it["valueQuantity"]["value"], it["valueQuantity"]["code"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""Regression: gradient over time" 0.5 "(kg)/d""#,
            r#""Regression: intercept at 2026-11-01T08:00:00.000Z" 70 "kg""#
        ]
    );
    let none = house.get(&format!("{WEIGHT}&statistic=regression&duration=1")).await.unwrap();
    let component = &none["parameter"][0]["resource"]["component"];
    assert_eq!(component.as_array().unwrap().len(), 1);
    assert_eq!(component[0]["dataAbsentReason"]["coding"][0]["code"], "not-applicable");
}

#[tokio::test]
async fn a_duration_reaches_back_from_now() {
    let house = weights().await;
    let answer = house.get(&format!("{WEIGHT}&statistic=count&statistic=std-dev&duration=1")).await.unwrap();
    valid(&answer);
    let observation = &answer["parameter"][0]["resource"];
    assert_eq!(value(observation, "count"), 1);
    assert_eq!(value(observation, "std-dev"), Value::Null);
    assert_eq!(observation["component"][1]["dataAbsentReason"]["coding"][0]["code"], "not-applicable");
}

#[tokio::test]
async fn sources_come_along_when_asked_for_up_to_the_limit() {
    let house = weights().await;
    let sources = async |query: &str| {
        let answer = house.get(&format!("{WEIGHT}&statistic=count{query}")).await.unwrap();
        answer["parameter"].as_array().unwrap().iter().filter(|it| it["name"] == "source").count()
    };
    assert_eq!(sources("&limit=2").await, 0);
    assert_eq!(sources("&include=true").await, 5);
    assert_eq!(sources("&include=true&limit=2").await, 2);
}

/// Panels: their components, and the observations that are their members, are grouped by their own codes.
#[tokio::test]
async fn a_panels_parts_are_told_by_their_codes() {
    let house = House::new().await;
    let pressure = |id: &str, systolic: f64, diastolic: f64| {
        let mut panel = observation(id, "85354-9", "2026-11-01");
        panel["component"] = json!([
            { "code": coded("8480-6"), "valueQuantity": quantity(systolic, "mm[Hg]") },
            { "code": coded("8462-4"), "valueQuantity": quantity(diastolic, "mm[Hg]") },
        ]);
        panel
    };
    let mut vitals = observation("vitals", "85353-1", "2026-11-01");
    vitals["hasMember"] = json!([{ "reference": "Observation/w" }]);
    house
        .put(&[pressure("p1", 120.0, 80.0), pressure("p2", 130.0, 90.0), weight("w", 70.0, "2026-11-01"), vitals])
        .await;
    let told = async |code: &str| -> Vec<(String, String, String)> {
        let query = format!("Observation/$stats?subject=Patient/1&code={code}&statistic=average&statistic=variance");
        let answer = house.get(&query).await.unwrap();
        let text = |it: Value| it.to_string();
        let observations = answer["parameter"].as_array().unwrap().iter().map(|it| &it["resource"]);
        observations
            .map(|it| {
                (text(it["code"]["coding"][0]["code"].clone()), text(value(it, "average")), text(value(it, "variance")))
            })
            .collect()
    };
    let row =
        |code: &str, average: &str, variance: &str| (format!("\"{code}\""), average.to_owned(), variance.to_owned());
    assert_eq!(told("85354-9").await, [row("8480-6", "125", "50"), row("8462-4", "85", "50")]);
    assert_eq!(told("8462-4").await, [row("8462-4", "85", "50")]);
    assert_eq!(told("85353-1").await, [row("29463-7", "70", "null")]);
}

#[tokio::test]
async fn units_of_one_kind_are_converted_and_others_refused() {
    let house = House::new().await;
    let mut pounds = weight("lb", 100.0, "2026-11-01");
    pounds["valueQuantity"] = quantity(100.0, "[lb_av]");
    house.put(&[weight("kg", 70.0, "2026-11-01"), pounds]).await;
    let answer = house.get(&format!("{WEIGHT}&statistic=sum")).await.unwrap();
    assert_eq!(value(&answer["parameter"][0]["resource"], "sum").to_string(), "115.359237");
    let mut height = weight("cm", 170.0, "2026-11-01");
    height["valueQuantity"] = quantity(170.0, "cm");
    house.put(&[height]).await;
    let failure = house.get(&format!("{WEIGHT}&statistic=sum")).await.unwrap_err();
    assert_eq!(failure.status, 422);
    assert!(failure.to_string().contains("in kg and in cm"), "{failure}");
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_by_name() {
    let house = weights().await;
    for (query, named) in [
        ("&statistic=max", "maximum"),
        ("&statistic=count&duration=0", "duration"),
        ("&statistic=count&limit=0", "limit"),
    ] {
        let failure = house.get(&format!("{WEIGHT}{query}")).await.expect_err(query);
        assert!(failure.status == 400 && failure.to_string().contains(named), "{query}: {failure}");
    }
    let failure = house.get("Observation/$stats?subject=Patient/1&statistic=count").await.unwrap_err();
    assert!(failure.to_string().contains("code or coding"), "{failure}");
}
