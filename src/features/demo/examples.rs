//! The files of `examples/` fit the demo hospital: their resources are valid, and what they name is there.

use super::tests::{TODAY, entries, key, problems_of, strings};
use serde_json::Value;
use std::collections::HashSet;

const REQUESTS: [&str; 6] = [
    include_str!("../../../examples/1-crud.http"),
    include_str!("../../../examples/2-conditional.http"),
    include_str!("../../../examples/3-search.http"),
    include_str!("../../../examples/4-history.http"),
    include_str!("../../../examples/5-patch.http"),
    include_str!("../../../examples/6-bundles.http"),
];
const TRANSACTION: &str = include_str!("../../../examples/first-visit.transaction.json");
const LINES: &str = include_str!("../../../examples/home-weights.ndjson");

/// The request lines of all files, without method and base.
fn targets() -> Vec<&'static str> {
    let lines = REQUESTS.iter().flat_map(|it| it.lines());
    lines.filter_map(|it| it.split_once(" {{base}}")).map(|(_, target)| target.trim_start_matches('/')).collect()
}

/// The JSON bodies of all files: what stands between an empty line and the next title.
fn bodies() -> impl Iterator<Item = &'static str> {
    let requests = REQUESTS.iter().flat_map(|it| it.split("\n###"));
    requests.filter_map(|it| it.split_once("\n\n")).map(|it| it.1.trim()).filter(|it| it.starts_with(['{', '[']))
}

fn resources() -> impl Iterator<Item = &'static str> {
    bodies().filter(|it| it.starts_with('{')).chain([TRANSACTION]).chain(LINES.lines())
}

#[test]
fn every_body_is_json_and_every_resource_is_valid() {
    for body in bodies() {
        assert!(serde_json::from_str::<Value>(body).is_ok(), "no JSON: {body}");
    }
    let problems: Vec<_> = resources().flat_map(problems_of).collect();
    assert!(resources().count() > 12 && problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_the_examples_name_is_in_the_demo_hospital() {
    let known: HashSet<String> = entries(TODAY).iter().map(key).collect();
    let there = |it: &str| known.contains(it) || it.contains("/example-") || it == "Patient/nobody";
    for target in targets() {
        let path = target.split(['?', ' ']).next().unwrap_or_default();
        let mut steps = path.split('/');
        let (of, id) = (steps.next().unwrap_or_default(), steps.next().unwrap_or("_"));
        let instance = format!("{of}/{id}");
        assert!(id.starts_with(['_', '{']) || there(&instance), "{target}");
    }
    for resource in resources() {
        let resource: Value = serde_json::from_str(resource).unwrap();
        let mut references = Vec::new();
        strings(&resource, "reference", &mut references);
        for reference in references {
            let elsewhere = reference.starts_with("urn:") || reference.contains('?');
            assert!(elsewhere || there(reference), "{reference}");
        }
    }
}

#[test]
fn identifiers_that_are_sought_are_there() {
    let all: Vec<Value> = entries(TODAY).into_iter().map(Value::Object).collect();
    let mut values = Vec::new();
    all.iter().for_each(|it| strings(it, "value", &mut values));
    let sought = REQUESTS.iter().chain([&TRANSACTION]).flat_map(|it| it.split("https://meridian-valley.example/fhir/"));
    let sought = sought.filter_map(|it| it.split_once('|')?.1.split(['"', '\n', '&']).next());
    for value in sought.filter(|it| it.starts_with("MV-") || it.starts_with("S-")).filter(|it| !it.contains("EXAMPLE"))
    {
        assert!(values.contains(&value), "{value}");
    }
}
