//! `$lastn` (observation-operation-lastn.html).

use super::house::{House, keys};
use serde_json::{Value, json};

/// An observation with these codes, made at this time.
fn observation(id: &str, codes: &[&str], time: &str) -> Value {
    let codings: Vec<Value> = codes.iter().map(|it| json!({ "system": "urn:codes", "code": it })).collect();
    json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": { "coding": codings },
        "category": [{ "coding": [{ "code": "lab" }] }],
        "subject": { "reference": "Patient/1" }, "effectiveDateTime": time,
    })
}

fn of_text(id: &str, text: &str) -> Value {
    let mut observation = observation(id, &[], "2020-01-01");
    observation["code"] = json!({ "text": text });
    observation
}

async fn latest(observations: &[Value], query: &str) -> Vec<String> {
    let house = House::new().await;
    house.put(observations).await;
    let found = house.get(&format!("Observation/$lastn?patient=1&category=lab{query}")).await.unwrap();
    assert_eq!(found["total"], keys(&found).len());
    keys(&found).into_iter().map(|(key, _)| key.trim_start_matches("Observation/").to_owned()).collect()
}

#[tokio::test]
async fn each_code_has_its_latest_from_the_most_recent_on() {
    let observations = [
        observation("a1", &["a"], "2020-01-01"),
        observation("a3", &["a"], "2020-03-01"),
        observation("a2", &["a"], "2020-02-01"),
        observation("b1", &["b"], "2020-02-15"),
    ];
    assert_eq!(latest(&observations, "").await, ["a3", "b1"]);
    assert_eq!(latest(&observations, "&max=2").await, ["a3", "b1", "a2"]);
    assert_eq!(latest(&observations, "&code=urn:codes|b&max=5").await, ["b1"]);
}

/// Those of the same time as the last that is given are given as well.
#[tokio::test]
async fn ties_are_all_given() {
    let times = ["2020-03-01T10:00:00Z", "2020-02-01T10:00:00Z", "2020-02-01T11:00:00+01:00", "2020-01-01T10:00:00Z"];
    let observations: Vec<Value> =
        times.iter().enumerate().map(|(at, time)| observation(&format!("o{at}"), &["a"], time)).collect();
    assert_eq!(latest(&observations, "&max=2").await, ["o0", "o1", "o2"]);
    assert_eq!(latest(&observations, "&max=1").await, ["o0"]);
}

/// The table of the definition: translations make codes the same, and that is transitive.
#[tokio::test]
async fn translations_are_one_group() {
    let day = |it: u32| format!("2020-01-0{it}");
    for (third, expected) in [(&["c"][..], 3), (&["a", "c"], 2), (&["a", "b"], 1)] {
        let observations =
            [observation("a", &["a"], &day(1)), observation("b", &["b"], &day(2)), observation("c", third, &day(3))];
        assert_eq!(latest(&observations, "").await.len(), expected, "{third:?}");
    }
    let texts = [of_text("t1", "textM"), of_text("t2", "Text"), of_text("t3", "t e x t")];
    assert_eq!(latest(&texts, "").await.len(), 3);
}

#[tokio::test]
async fn a_subject_and_codes_are_needed_and_nothing_unknown_is_taken() {
    let house = House::new().await;
    for (query, named) in [
        ("category=lab", "patient or subject"),
        ("patient=1", "category, code"),
        ("patient=1&code=a&shoe=43", "shoe"),
        ("patient=1&code=a&date=never", "date"),
    ] {
        let failure = house.get(&format!("Observation/$lastn?{query}")).await.expect_err(query);
        assert!(failure.status == 400 && failure.to_string().contains(named), "{query}: {failure}");
    }
    let none = house.get("Observation/$lastn?subject=Patient/1&code=a").await.unwrap();
    assert_eq!((&none["total"], &none["entry"]), (&json!(0), &Value::Null));
}
