//! Masked elements: two worlds that differ in nothing but what is hidden from a caller answer them alike, to the byte.

use super::resources::{self, CODES, Stored};
use super::sandbox::Sandbox;
use super::{drawn, search, world};
use engine::{Context, Scopes, Verb};
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Pairs of worlds tried.
const WORLDS: usize = 8;
/// Searches tried on each.
const SEARCHES: usize = 60;
/// The elements that may be hidden, each with the members that it is written as.
const ELEMENTS: [(&str, &[&str]); 6] = [
    ("Patient.name", &["name"]),
    ("Patient.birthDate", &["birthDate"]),
    ("Patient.identifier", &["identifier"]),
    ("Observation.value", &VALUES),
    ("Observation.effective", &["effectiveDateTime", "effectivePeriod"]),
    ("Observation.component", &["component"]),
];
const VALUES: [&str; 4] = ["valueQuantity", "valueCodeableConcept", "valueString", "valueDateTime"];

/// What is hidden, and whether men's records are shown whole by another rule.
#[derive(Clone, Debug)]
struct Masks {
    hidden: Vec<(&'static str, &'static [&'static str])>,
    are_men_shown: bool,
}

fn masks() -> impl Strategy<Value = Masks> {
    let hidden = subsequence(ELEMENTS.to_vec(), 1..ELEMENTS.len());
    (hidden, any::<bool>()).prop_map(|(hidden, are_men_shown)| Masks { hidden, are_men_shown })
}

impl Masks {
    fn scopes(&self) -> Scopes {
        let rule = |of: &str| {
            let own = self.hidden.iter().map(|it| it.0).filter(|it| it.starts_with(of)).collect::<Vec<_>>().join(",");
            let mask = if own.is_empty() { own } else { format!("?_mask={own}") };
            format!("user/{of}.rs{mask}")
        };
        let men = if self.are_men_shown { " user/Patient.rs?gender=male" } else { "" };
        let text = format!("{} {}{men} user/ValueSet.rs", rule("Patient"), rule("Observation"));
        let (scopes, unknown) = Scopes::parse(&text, None);
        assert!(unknown.is_empty(), "{unknown:?}");
        scopes
    }

    fn shows(&self, of: &str, resource: &Value) -> bool {
        self.are_men_shown && of == "Patient" && resource["gender"] == "male"
    }

    /// The resource with what another one has where something is hidden. Identifiers have other names, alike in what has
    /// them and in what refers by them.
    fn otherwise(&self, (of, id, body): &Stored, other: &Stored) -> Stored {
        let [mut resource, other]: [Value; 2] = [body, &other.2].map(|it| serde_json::from_str(it).expect("JSON"));
        if self.shows(of, &resource) {
            return (of, id.clone(), body.clone());
        }
        for (element, members) in self.hidden.iter().filter(|(element, _)| element.starts_with(of)) {
            for member in members.iter().filter(|_| *element != "Patient.identifier") {
                let members = resource.as_object_mut().expect("a resource");
                members.remove(*member);
                members.extend(other.get(*member).map(|it| ((*member).to_owned(), it.clone())));
            }
        }
        // A component has no code that the observation has which it is put into.
        if let Some(Value::Array(mut components)) = resource.as_object_mut().and_then(|it| it.remove("component")) {
            components.retain(|it| !resources::shares_coding(it, &resource));
            if !components.is_empty() {
                resource["component"] = components.into();
            }
        }
        (of, id.clone(), resource.to_string())
    }

    fn renamed(&self, (of, id, body): Stored) -> Stored {
        let mut resource: Value = serde_json::from_str(&body).expect("JSON");
        let is_hidden = self.hidden.iter().any(|it| it.0 == "Patient.identifier") && !self.are_men_shown;
        let identifiers = match of {
            "Patient" => {
                resource.get_mut("identifier").and_then(Value::as_array_mut).into_iter().flatten().collect::<Vec<_>>()
            }
            "Observation" => resource.pointer_mut("/subject/identifier").into_iter().collect(),
            _ => Vec::new(),
        };
        for identifier in identifiers.into_iter().filter(|_| is_hidden) {
            let at = CODES.iter().position(|it| identifier["value"] == *it).expect("one of the values");
            identifier["value"] = json!(CODES[(at + 1) % CODES.len()]);
        }
        (of, id, resource.to_string())
    }
}

#[test]
fn nothing_is_told_of_hidden_elements() {
    let mut runner = TestRunner::new(Config::default());
    let (mut refused, mut answered) = (0, 0);
    for _ in 0..WORLDS {
        let one = drawn(&mut runner, &resources::population()).named();
        let other = drawn(&mut runner, &resources::population()).named();
        let masks = drawn(&mut runner, &masks());
        let others: Vec<Stored> =
            one.iter().zip(&other).map(|(it, with)| masks.renamed(masks.otherwise(it, with))).collect();
        let worlds = [world(None, &one), world(None, &others)];
        let callers = worlds.each_ref().map(|it| it.caller(masks.scopes()));
        let both = |path: &str, query: &str| [0, 1].map(|at| told(&worlds[at], &callers[at], path, query));
        for _ in 0..SEARCHES {
            let (of, query) = drawn(&mut runner, &search());
            let [here, there] = both(of, &query);
            assert_eq!(here, there, "{of}?{query} with {masks:?}");
            *(if here.0 == 403 { &mut refused } else { &mut answered }) += 1;
        }
        for (of, id, body) in &one {
            for path in [format!("{of}/{id}"), format!("{of}/{id}/_history"), format!("{of}/{id}/_history/1")] {
                let [here, there] = both(&path, "");
                assert_eq!(here, there, "{path} with {masks:?}");
            }
            let resource: Value = serde_json::from_str(&both(&format!("{of}/{id}"), "")[0].1).expect("JSON");
            let is_shown = masks.shows(of, &serde_json::from_str(body).expect("JSON"));
            for (_, members) in masks.hidden.iter().filter(|(it, _)| it.starts_with(of) && !is_shown) {
                assert!(members.iter().all(|it| resource.get(*it).is_none()), "{resource} with {masks:?}");
            }
        }
        for path in ["Patient/_history", "Observation/_history", "_history"] {
            let [here, there] = both(path, "_count=1000");
            assert_eq!(here, there, "{path} with {masks:?}");
        }
    }
    assert!(refused > 0 && answered > 0, "{refused} refused, {answered} answered");
}

/// Status and body of an answer.
pub(super) fn told(world: &Sandbox, caller: &Context, path: &str, query: &str) -> (u16, String) {
    match world.perform_as(caller, Verb::Get, path, query, Vec::new()) {
        Ok(answer) => (answer.status, String::from_utf8(answer.body.to_vec()).expect("text")),
        Err(failure) => (failure.status, failure.to_string()),
    }
}
