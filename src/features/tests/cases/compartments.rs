//! Compartments (compartmentdefinition.html): searches within one give what a look at every resource gives.

use super::house::{House, keys};
use fhir::json::Doc;
use fhir::path::{Context, Expression, Item};
use fhir::spec::{Compartment, r4};
use serde_json::Value;
use std::collections::BTreeSet;

fn resources() -> Vec<Doc> {
    let bundles = features::demo::bundles("2026-11-18").unwrap();
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap()["entry"].as_array().unwrap().clone();
    let entries = bundles.into_iter().flat_map(read);
    entries.map(|it| Doc::parse(it["resource"].to_string()).unwrap()).collect()
}

fn key(doc: &Doc) -> String {
    format!("{}/{}", doc.root().str("resourceType").unwrap(), doc.root().str("id").unwrap())
}

/// The owners in whose compartments a resource is, by the definition's words.
fn owners(compartment: &Compartment, doc: &Doc) -> BTreeSet<String> {
    let of = r4().resource(doc.root().str("resourceType").unwrap()).unwrap();
    let owner = format!("{}/", r4().of(compartment.of).name);
    let codes = compartment.members.iter().filter(|(member, _)| *member == of).flat_map(|(_, codes)| codes);
    let mut found = BTreeSet::new();
    for code in codes {
        if &**code == "{def}" {
            found.insert(key(doc));
            continue;
        }
        let expression = Expression::parse(&r4().param(of, code).unwrap().expression).unwrap();
        for item in expression.evaluate(&Context::resource(doc.root()).unwrap()).unwrap() {
            let Item::Node(node) = item else { continue };
            found.extend(node.value().and_then(|it| it.str("reference")).map(str::to_owned));
        }
    }
    found.retain(|it| it.starts_with(&owner));
    found
}

#[tokio::test]
async fn every_compartment_has_what_its_definition_says() {
    let house = House::with_demo().await;
    let all = resources();
    assert_eq!(r4().compartments.len(), 5);
    for compartment in &r4().compartments {
        let of = &*r4().of(compartment.of).name;
        let owned: Vec<(String, BTreeSet<String>)> = all.iter().map(|it| (key(it), owners(compartment, it))).collect();
        let ids = all.iter().map(key).filter(|it| it.split('/').next() == Some(of));
        let mut members = 0;
        for owner in ids {
            let expected: BTreeSet<String> =
                owned.iter().filter(|(_, owners)| owners.contains(&owner)).map(|(key, _)| key.clone()).collect();
            let page = house.get(&format!("{owner}/*?_count=1000")).await.unwrap();
            let found: BTreeSet<String> = keys(&page).into_iter().map(|(key, _)| key).collect();
            assert_eq!(found, expected, "{owner}");
            members += expected.len();
            let observations = keys(&house.get(&format!("{owner}/Observation?_count=1000")).await.unwrap());
            assert_eq!(
                observations.len(),
                expected.iter().filter(|it| it.starts_with("Observation/")).count(),
                "{owner}"
            );
        }
        assert!(members > 1, "the demo hospital tells nothing of the compartment of {of}");
    }
}
