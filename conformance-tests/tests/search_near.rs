//! Search by distance (location.html#positional).

use conformance_tests::{Client, Labelled, samples::*};
use serde_json::Value;

const PLACES: &[(&str, &str)] = &[
    ("berlin", r#"{"latitude":52.52,"longitude":13.405}"#),
    ("potsdam", r#"{"latitude":52.3906,"longitude":13.0645,"altitude":32}"#),
    ("quito", r#"{"latitude":-0.1807,"longitude":-78.4678}"#),
    ("taveuni", r#"{"latitude":-16.85,"longitude":-179.99}"#),
    ("rabi", r#"{"latitude":-16.5,"longitude":179.99}"#),
];

/// What lies within each distance: along a great circle, across the antimeridian and the equator too.
const ROWS: &[(&str, &str)] = &[
    ("near=52.5|13.4|5|km", "berlin"),
    ("near=52.5|13.4|5", "berlin"),
    ("near=52.5|13.4|27|km", "berlin potsdam"),
    ("near=52.5|13.4|25|km", "berlin"),
    ("near=52.5|13.4|17|mi", "berlin potsdam"),
    ("near=52.5|13.4|27000|m", "berlin potsdam"),
    ("near=52.5|13.4", "berlin potsdam"),
    ("near=-16.7|180|30|km", "taveuni rabi"),
    ("near=0.1|-78.4|50", "quito"),
    ("near=52.5|13.4|5|km,0|-78.4|50|km", "berlin quito"),
    ("near=52.5|13.4|10200|km", "berlin potsdam quito"),
    ("near=10|10|5", ""),
    ("near:missing=true", "nowhere"),
    ("near:missing=false", "berlin potsdam quito taveuni rabi"),
];

/// location.html#positional
#[tokio::test]
async fn places_are_found_by_their_distance() {
    let client = Client::fresh();
    let location = |json: &str| parsed(&format!(r#"{{"resourceType":"Location","position":{json}}}"#));
    let mut locations: Vec<(&str, Value)> = PLACES.iter().map(|(label, json)| (*label, location(json))).collect();
    locations.push(("nowhere", parsed(r#"{"resourceType":"Location"}"#)));
    let stored = Labelled::create(&client, locations).await;
    let rows: Vec<(String, &str)> = ROWS.iter().map(|(query, found)| (format!("Location?{query}"), *found)).collect();
    stored.check(&rows).await;
}

/// search.html#errors
#[tokio::test]
async fn what_is_no_place_is_400() {
    let client = Client::fresh();
    for value in ["52.5", "95|0|1|km", "0|181", "0|0|-1|km", "0|0|1|kg", "here"] {
        client.get(&format!("Location?near={value}")).await.expect_outcome(400..=400);
    }
}
