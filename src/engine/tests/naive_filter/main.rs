//! A search finds just what a naive filter finds: random resources, random queries, each query told a second time as
//! FHIRPath, which is evaluated on one resource at a time.

mod queries;
mod resources;
#[allow(dead_code, reason = "other properties use more of it")]
#[path = "../sandbox/mod.rs"]
mod sandbox;

use engine::Verb;
use fhir::json::Doc;
use fhir::path::{Context, Expression};
use fhir::search::{Alone, Indexer, NO_CODES, is_told_alone};
use fhir::spec::r4;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use queries::{Link, Query};
use resources::Stored;
use sandbox::Sandbox;
use serde_json::Value;

/// Populations tried, each written over the one before.
const POPULATIONS: usize = 6;
/// Queries tried on each.
const QUERIES: usize = 120;

#[test]
fn searches_find_what_a_naive_filter_finds() {
    let sandbox = Sandbox::empty();
    let mut runner = TestRunner::new(Config::default());
    let (mut found_something, mut compared) = (0, 0);
    for _ in 0..POPULATIONS {
        let population = resources::population().new_tree(&mut runner).expect("a population").current();
        let stored = population.named();
        sandbox.write(&stored);
        for _ in 0..QUERIES {
            let query = queries::query().new_tree(&mut runner).expect("a query").current();
            let expected = naive(&stored, &query);
            let found = searched(&sandbox, &query);
            let differs = |it: &&Stored| it.0 == query.of && found.contains(&it.1) != expected.contains(&it.1);
            let differing: Vec<&Stored> = stored.iter().filter(differs).collect();
            assert_eq!(found, expected, "{query:#?} on {differing:#?}");
            if let Some(alone) = told_alone(&stored, &query) {
                assert_eq!(alone, expected, "by the resources alone: {query:#?}");
                compared += 1;
            }
            found_something += usize::from(!expected.is_empty());
        }
    }
    assert!(found_something > POPULATIONS * QUERIES / 5, "only {found_something} queries found something");
    assert!(compared > POPULATIONS * QUERIES / 3, "only {compared} queries were compared");
}

/// The ids that the server finds.
fn searched(sandbox: &Sandbox, query: &Query) -> Vec<String> {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for clause in &query.clauses {
        text.append_pair(&clause.name, &clause.value);
    }
    let text = text.append_pair("_count", "1000").finish();
    let answer = sandbox.perform(Verb::Get, query.of, &text, Vec::new());
    let answer = answer.unwrap_or_else(|failure| panic!("{failure}: {query:?}"));
    let bundle: Value = serde_json::from_slice(&answer.body).expect("a Bundle");
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        entries.iter().map(|it| it["resource"]["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

/// The ids that pass as each resource tells alone; `None` where it cannot, or where a query names value sets.
fn told_alone(stored: &[Stored], query: &Query) -> Option<Vec<String>> {
    let of = r4().resource(query.of)?;
    let reader = fhir::search::Query { spec: r4(), of, base: "", now: 0, codes: &NO_CODES };
    let filter: Vec<_> =
        query.clauses.iter().map(|it| reader.clause(&it.name, &it.value).ok()).collect::<Option<_>>()?;
    if !is_told_alone(&filter) {
        return None;
    }
    let indexer = Indexer::new(r4());
    let passes = |(_, id, body): &&Stored| {
        let doc = Doc::parse(body).expect("JSON");
        let mut alone = Alone::new(id, &filter);
        indexer.index(of, doc.root(), "", &mut alone);
        alone.passes(&filter).expect("to be told alone")
    };
    let mut ids: Vec<String> =
        stored.iter().filter(|it| it.0 == query.of).filter(passes).map(|it| it.1.clone()).collect();
    ids.sort();
    Some(ids)
}

/// The ids that pass when looked at one by one.
fn naive(stored: &[Stored], query: &Query) -> Vec<String> {
    let mut ids = ids_of(stored, query.of);
    for clause in &query.clauses {
        let passing = match clause.link {
            Link::None => passing(stored, query.of, &clause.holds),
            Link::Subject => {
                let patients = passing(stored, "Patient", &clause.holds);
                let leads = is_one_of(stored, &patients);
                passing(stored, "Observation", &format!("Observation.subject.where({leads}).exists()"))
            }
            Link::HasObservation => {
                let observations = passing(stored, "Observation", &clause.holds);
                let points_here = |id: &String| {
                    let leads = is_one_of(stored, std::slice::from_ref(id));
                    let here = format!("Observation.subject.where({leads}).exists()");
                    passing(stored, "Observation", &here).iter().any(|it| observations.contains(it))
                };
                ids_of(stored, "Patient").into_iter().filter(points_here).collect()
            }
        };
        ids.retain(|it| passing.contains(it));
    }
    ids.sort();
    ids
}

fn ids_of(stored: &[Stored], of: &str) -> Vec<String> {
    stored.iter().filter(|it| it.0 == of).map(|it| it.1.clone()).collect()
}

/// That a Reference leads to one of these: by its address, or without one by an identifier (references.html#logical).
fn is_one_of(stored: &[Stored], patients: &[String]) -> String {
    let meant = stored.iter().filter(|it| it.0 == "Patient" && patients.contains(&it.1));
    let each = meant.flat_map(|(_, id, body)| {
        let patient: Value = serde_json::from_str(body).expect("JSON");
        let identifiers = patient["identifier"].as_array().cloned().unwrap_or_default();
        let named = identifiers.into_iter().filter_map(|it| {
            let system = it["system"].as_str().map_or("system.empty()".into(), |it| format!("system = '{it}'"));
            let value = it["value"].as_str()?;
            Some(format!("(reference.empty() and identifier.where({system} and value = '{value}').exists())"))
        });
        [format!("reference = 'Patient/{id}'")].into_iter().chain(named).collect::<Vec<_>>()
    });
    each.chain(["false".to_owned()]).collect::<Vec<_>>().join(" or ")
}

/// The resources of a type on which the expression is true.
fn passing(stored: &[Stored], of: &str, holds: &str) -> Vec<String> {
    let expression = Expression::parse(holds).unwrap_or_else(|error| panic!("{error}: {holds}"));
    let is_true = |body: &str| {
        let doc = Doc::parse(body).expect("JSON");
        let context = Context::resource(doc.root()).expect("a resource");
        expression.truth(&context).unwrap_or_else(|error| panic!("{error}: {holds}")) == Some(true)
    };
    stored.iter().filter(|it| it.0 == of && is_true(&it.2)).map(|it| it.1.clone()).collect()
}
