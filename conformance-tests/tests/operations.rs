//! Operations on records (operations.html): `$everything`, `$lastn` and `$stats`, as their definitions have them.

use conformance_tests::{Client, eventually, samples::*};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A patient with `count` weights on days in a row; the patient's reference.
async fn weighed(client: &Client, count: usize) -> String {
    let subject = format!("Patient/{}", client.create(&patient("weighed")).await);
    for day in 1..=count {
        let weight = json!({
            "subject": {"reference": subject},
            "effectiveDateTime": format!("2026-01-{day:02}"),
            "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
            "valueQuantity": {"value": 70 + day, "system": "http://unitsofmeasure.org", "code": "kg"},
        });
        client.create(&with(observation("weight"), weight)).await;
    }
    subject
}

/// patient-operation-everything.html: with `_count` the next links lead through all of the record once.
#[tokio::test]
async fn everything_comes_once_on_pages() {
    let client = Client::fresh();
    let subject = weighed(&client, 7).await;
    let whole = client.page(&format!("{subject}/$everything")).await;
    assert!(whole.link("next").is_none());
    assert!(whole.ids().len() >= 8);
    let mut page = client.page(&format!("{subject}/$everything?_count=3")).await;
    let mut seen = Vec::new();
    loop {
        seen.extend(page.ids());
        let Some(next) = page.link("next").map(str::to_owned) else { break };
        page = client.page(&next).await;
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), whole.ids().into_iter().collect());
}

/// observation-operation-lastn.html: the `max` most recent of a code.
#[tokio::test]
async fn lastn_gives_the_most_recent_of_a_code() {
    let client = Client::fresh();
    let subject = weighed(&client, 4).await;
    let found = client.page(&format!("Observation/$lastn?subject={subject}&code=29463-7&max=2")).await;
    let days: Vec<&str> = found.matches().iter().filter_map(|it| it["effectiveDateTime"].as_str()).collect();
    assert_eq!(days, ["2026-01-04", "2026-01-03"]);
    client.get("Observation/$lastn?code=29463-7").await.expect_outcome(400..=400);
}

/// observation-operation-stats.html: an Observation for each code, a component for each statistic.
#[tokio::test]
async fn stats_tell_a_component_for_each_statistic() {
    let client = Client::fresh();
    let subject = weighed(&client, 4).await;
    let query = format!("Observation/$stats?subject={subject}&code=29463-7&system=http://loinc.org");
    let told = client.get(&format!("{query}&statistic=average&statistic=maximum")).await.expect(200).json();
    let components = told["parameter"][0]["resource"]["component"].as_array().cloned().unwrap_or_default();
    let values: Vec<Option<f64>> = components.iter().map(|it| it["valueQuantity"]["value"].as_f64()).collect();
    assert_eq!(values, [Some(72.5), Some(74.0)]);
    client.get(&query).await.expect_outcome(400..=400);
}

/// operations.html#executing: a Parameters resource does what the query does.
#[tokio::test]
async fn a_parameters_resource_does_what_a_query_does() {
    let client = Client::fresh();
    let subject = weighed(&client, 2).await;
    let parameters = json!({"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Patient"}]});
    let posted: Value = client.post(&format!("{subject}/$everything"), &parameters).await.expect(200).json();
    let got = client.read(&format!("{subject}/$everything?_type=Patient")).await;
    assert_eq!(posted["entry"], got["entry"]);
}

/// searchparameter.html: a search parameter that is POSTed is served when `$reindex-status` says `ready`, for what was
/// there before as well; until then, and once it is deleted, it is unknown.
#[tokio::test]
async fn a_search_parameter_of_ones_own_is_served() {
    let client = Client::fresh();
    let mark = conformance_tests::unique();
    let before = client.create(&with(patient("own"), json!({"maritalStatus": {"text": mark}}))).await;
    let code = format!("own-{mark}");
    let own = client
        .create(&json!({
            "resourceType": "SearchParameter", "url": format!("http://example.org/{code}"), "name": "Own",
            "status": "active", "description": "Marital status as text", "code": code, "base": ["Patient"],
            "type": "string", "expression": "Patient.maritalStatus.text",
        }))
        .await;
    let ready = |status: &Value| {
        let parts = |it: &Value| it["part"].as_array().cloned().unwrap_or_default();
        let all = status["parameter"].as_array().cloned().unwrap_or_default();
        let of_own = all.iter().map(parts).find(|it| it.iter().any(|part| part["valueCode"] == *code));
        of_own.is_some_and(|it| it.iter().any(|part| part["valueCode"] == "ready"))
    };
    eventually("it is ready", async || ready(&client.read("$reindex-status").await).then_some(())).await;
    let after = client.create(&with(patient("own"), json!({"maritalStatus": {"text": mark}}))).await;
    let found = client.page(&format!("Patient?{code}={mark}")).await.ids();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([before, after]));
    client.delete(&format!("SearchParameter/{own}")).await.expect_in(200..=204);
    client
        .call("GET", &format!("Patient?{code}={mark}"))
        .header("Prefer", "handling=strict")
        .send()
        .await
        .expect_outcome(400..=400);
    let nonsense = json!({
        "resourceType": "SearchParameter", "url": "http://example.org/nonsense", "name": "Nonsense", "status": "active",
        "description": "Nothing", "code": "nonsense", "base": ["Patient"], "type": "string", "expression": "Patient.nope",
    });
    client.post("SearchParameter", &nonsense).await.expect_outcome(422..=422);
}
