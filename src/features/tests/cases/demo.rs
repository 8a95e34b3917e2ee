//! The demo hospital on another day.

use super::house::House;
use engine::Verb;
use serde_json::Value;
use std::collections::BTreeSet;

/// `Type/id` of the entries of transactions.
fn keys(bundles: &[String]) -> BTreeSet<String> {
    let entries = |it: &String| serde_json::from_str::<Value>(it).unwrap()["entry"].as_array().unwrap().clone();
    bundles.iter().flat_map(entries).map(|it| it["request"]["url"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn only_what_is_as_the_demo_made_it_moves_on() {
    let house = House::new().await;
    let all = keys(&house.due("2026-11-18").await);
    let house = House::with_demo().await;
    assert!(house.due("2026-11-18").await.is_empty(), "on the same day nothing is to be done");
    let moving = keys(&house.due("2026-11-19").await);
    assert!(moving.len() > 20 && moving.is_subset(&all) && moving.iter().any(|it| it.starts_with("Slot/")));

    let mut slots = moving.iter().filter(|it| it.starts_with("Slot/"));
    let (edited, deleted) = (slots.next().unwrap(), slots.next().unwrap());
    let mut slot = house.get(edited).await.unwrap();
    slot["comment"] = "Kept for Ms Diallo".into();
    house.put(&[slot]).await;
    house.send(Verb::Delete, deleted, String::new()).await.unwrap();
    let left = keys(&house.due("2026-11-19").await);
    let untouched: BTreeSet<String> = moving.iter().filter(|it| *it != edited && *it != deleted).cloned().collect();
    assert_eq!(left, untouched);
    for bundle in house.due("2026-11-19").await {
        house.send(Verb::Post, "", bundle).await.unwrap();
    }
    assert_eq!(house.get(edited).await.unwrap()["comment"], "Kept for Ms Diallo");
    assert_eq!(house.get(deleted).await.unwrap_err().status, 410);
}
