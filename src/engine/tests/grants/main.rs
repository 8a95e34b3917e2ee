//! Nothing can be told of what a grant hides: a caller whose scopes are narrowed is answered as in a world that has
//! nothing else, whatever is asked: chains, `_has`, includes, totals, sorts, pages, reads and histories.

mod labels;
mod masks;
mod pointing;
#[allow(dead_code, reason = "other properties use more of it")]
#[path = "../naive_filter/queries.rs"]
mod queries;
#[path = "../naive_filter/resources.rs"]
mod resources;
mod rules;
#[allow(dead_code, reason = "other properties use more of it")]
#[path = "../sandbox/mod.rs"]
mod sandbox;

use engine::{Context, Duties, Realm, Role, Scopes, Verb};
use fhir::json::Doc;
use fhir::path::{Context as At, Expression};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use queries::{Clause, Link, Query};
use resources::Stored;
use sandbox::Sandbox;
use serde_json::Value;

/// Populations tried.
const POPULATIONS: usize = 3;
/// Grants tried on each.
const GRANTS: usize = 4;
/// Searches tried with each.
const SEARCHES: usize = 30;

/// Scopes, and what they reach.
#[derive(Clone, Debug)]
struct Grant {
    scopes: String,
    patient: Option<String>,
    /// FHIRPath of the patients that are reached.
    patients: String,
    /// FHIRPath of the observations that are reached.
    observations: String,
}

/// Where worlds are kept: in SQLite, and in PostgreSQL where there is one; with how many populations are tried there.
fn engines() -> Vec<(Option<String>, usize)> {
    let postgres = std::env::var("MEDISYNC_TEST_POSTGRES").ok();
    [(None, POPULATIONS)].into_iter().chain(postgres.map(|it| (Some(it), 1))).collect()
}

#[test]
fn nothing_is_told_of_what_is_hidden() {
    for (url, populations) in engines() {
        nothing_is_told_of_what_grants_hide(url.as_deref(), populations);
    }
}

fn nothing_is_told_of_what_grants_hide(url: Option<&str>, populations: usize) {
    let mut runner = TestRunner::new(Config::default());
    let mut hidden = 0;
    for _ in 0..populations {
        let population = drawn(&mut runner, &resources::population()).named();
        let whole = world(url, &population);
        for _ in 0..GRANTS {
            let grant = drawn(&mut runner, &grant());
            let Some(scopes) = scopes(&grant) else { continue };
            let (seen, unseen): (Vec<_>, Vec<_>) = population.iter().cloned().partition(|it| is_reached(&grant, it));
            hidden += unseen.len();
            let narrowed = Asker { world: &whole, caller: whole.caller(scopes) };
            same_as_alone(&mut runner, &narrowed, (&seen, &unseen), &format!("{grant:?}"));
        }
    }
    assert!(hidden > 0, "no grant hid anything");
}

/// The same of what the tenant's rules hide, consents and labels.
#[test]
fn nothing_is_told_of_what_rules_hide() {
    for (url, populations) in engines() {
        nothing_is_told_of_what_is_hidden_by_rules_and(url.as_deref(), populations, false);
    }
}

/// The same of what points at hidden records, and of what has a code in what it refers to.
#[test]
fn nothing_is_told_by_what_points_at_what_is_hidden() {
    for (url, populations) in engines() {
        let mut runner = TestRunner::new(Config::default());
        let (mut hidden, mut shown) = (0, 0);
        for _ in 0..populations * GRANTS {
            let population = drawn(&mut runner, &resources::population()).named();
            let mut population: Vec<Stored> = population.into_iter().map(rules::labelled).collect();
            population.extend(drawn(&mut runner, &pointing::pointing()).named());
            let rules = drawn(&mut runner, &rules::rules());
            let whole = world(url.as_deref(), &population);
            whole.write(&rules.resources());
            whole.keep(&rules.settings());
            let (seen, unseen): (Vec<_>, Vec<_>) =
                population.iter().cloned().partition(|it| rules.shows(&population, it));
            let is_pointing = |it: &&Stored| pointing::TYPES.contains(&it.0);
            hidden += unseen.iter().filter(is_pointing).count();
            shown += seen.iter().filter(is_pointing).count();
            let narrowed = Asker { world: &whole, caller: whole.context_of(rules.caller()) };
            same_as_alone(&mut runner, &narrowed, (&seen, &unseen), &format!("{rules:?}"));
            let part = world(None, &seen);
            let all = Asker { world: &part, caller: part.caller(Scopes::parse(rules::SCOPES, None).0) };
            for (of, query) in pointing::SEARCHES {
                let search = (of, query.to_owned());
                assert_eq!(narrowed.answer(&search), all.answer(&search), "{search:?} with {rules:?}");
            }
        }
        assert!(hidden > 0 && shown > 0, "{hidden} are hidden, {shown} are shown");
    }
}

/// The same of all of it joined: the scopes of an app, the rules of a user's role, and the tenant's rules.
#[test]
fn nothing_is_told_of_what_scopes_roles_and_rules_hide() {
    for (url, populations) in engines() {
        nothing_is_told_of_what_is_hidden_by_rules_and(url.as_deref(), populations, true);
    }
}

fn nothing_is_told_of_what_is_hidden_by_rules_and(url: Option<&str>, populations: usize, is_joined: bool) {
    let mut runner = TestRunner::new(Config::default());
    let (mut hidden, mut shown) = (0, 0);
    for _ in 0..populations * GRANTS {
        let population = drawn(&mut runner, &resources::population()).named();
        let population: Vec<Stored> = population.into_iter().map(rules::labelled).collect();
        let rules = drawn(&mut runner, &rules::rules());
        let mut caller = rules.caller();
        let mut grants = Vec::new();
        if is_joined {
            let (app, role) = (drawn(&mut runner, &grant()), drawn(&mut runner, &by_criteria()));
            let Some(scopes) = scopes(&app).filter(|_| scopes(&role).is_some()) else { continue };
            let duties = Duties { roles: vec![role_of(&role.scopes)], ..Duties::default() };
            caller.scopes = scopes.met_by(&duties);
            grants.extend([app, role]);
        }
        let whole = world(url, &population);
        whole.write(&rules.resources());
        whole.keep(&rules.settings());
        let is_seen = |it: &Stored| rules.shows(&population, it) && grants.iter().all(|grant| is_reached(grant, it));
        let (seen, unseen): (Vec<_>, Vec<_>) = population.iter().cloned().partition(is_seen);
        (hidden, shown) = (hidden + unseen.len(), shown + seen.len());
        let narrowed = Asker { world: &whole, caller: whole.context_of(caller) };
        same_as_alone(&mut runner, &narrowed, (&seen, &unseen), &format!("{rules:?} {grants:?}"));
    }
    assert!(hidden > 0 && shown > 0, "{hidden} are hidden, {shown} are shown");
}

/// A role with these rules.
fn role_of(rules: &str) -> Role {
    Role {
        name: "doctor".into(),
        title: "Doctor".into(),
        description: String::new(),
        of: Realm::Tenant,
        rules: rules.split_whitespace().map(str::to_owned).collect(),
        permissions: Vec::new(),
        gives: Vec::new(),
        rights: Vec::new(),
        purposes: Vec::new(),
    }
}

/// Somebody is answered as if there were nothing but what they may see.
fn same_as_alone(runner: &mut TestRunner, narrowed: &Asker<'_>, (seen, unseen): (&[Stored], &[Stored]), by: &str) {
    let part = world(None, seen);
    let all = Asker { world: &part, caller: part.caller(Scopes::parse(rules::SCOPES, None).0) };
    for _ in 0..SEARCHES {
        let search = drawn(runner, &search());
        assert_eq!(narrowed.answer(&search), all.answer(&search), "{search:?} with {by}");
    }
    for path in ["Patient/_history", "Observation/_history", "_history"] {
        assert_eq!(narrowed.history(path), all.history(path), "{path} with {by}");
    }
    for (of, id, _) in seen.iter().chain(unseen) {
        for path in [format!("{of}/{id}"), format!("{of}/{id}/_history"), format!("{of}/{id}/_history/1")] {
            assert_eq!(narrowed.status(&path), all.status(&path), "{path} with {by}");
        }
    }
}

fn drawn<S: Strategy>(runner: &mut TestRunner, from: &S) -> S::Value {
    from.new_tree(runner).expect("a value").current()
}

/// What stands in a search beside its criteria.
const FRAMES: [&str; 9] = [
    "_total=accurate",
    "_count=2",
    "_count=3&_sort=-_id",
    "_sort=_id&_total=accurate",
    "_sort=birthdate,date&_count=4",
    "_summary=count",
    "_include=Observation:subject",
    "_revinclude=Observation:subject",
    "_include=*&_count=5",
];

/// Type and query of a search.
fn search() -> impl Strategy<Value = (&'static str, String)> {
    (queries::query(), select(&FRAMES[..])).prop_map(|(query, frame)| {
        // Each type sorts by the parameters that it has.
        let other = if query.of == "Patient" { ",date" } else { "birthdate," };
        (query.of, format!("{}&{}", written(&query.clauses), frame.replace(other, "")))
    })
}

fn written(clauses: &[Clause]) -> String {
    let pairs = clauses.iter().map(|it| (&it.name, &it.value));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Scopes by the criteria of a query on each type, or of a patient.
fn grant() -> impl Strategy<Value = Grant> {
    let of_patient = (0..9_u8).prop_map(|i| Grant {
        scopes: "patient/*.rs user/ValueSet.rs".into(),
        patient: Some(format!("r{i}")),
        patients: format!("id = 'r{i}'"),
        observations: format!("subject.where(reference = 'Patient/r{i}').exists()"),
    });
    prop_oneof![2 => by_criteria(), 1 => of_patient]
}

/// Scopes by the criteria of a query on each type.
fn by_criteria() -> impl Strategy<Value = Grant> {
    let of = |of: &'static str| {
        let is_plain = move |it: &Query| it.of == of && it.clauses.iter().all(|it| matches!(it.link, Link::None));
        queries::query().prop_filter("criteria on the resource itself", is_plain)
    };
    (of("Patient"), of("Observation")).prop_map(|(patients, observations)| Grant {
        scopes: format!(
            "user/Patient.rs?{} user/Observation.rs?{} user/ValueSet.rs",
            written(&patients.clauses),
            written(&observations.clauses)
        ),
        patient: None,
        patients: all_hold(&patients.clauses),
        observations: all_hold(&observations.clauses),
    })
}

fn all_hold(clauses: &[Clause]) -> String {
    clauses.iter().map(|it| format!("({})", it.holds)).collect::<Vec<_>>().join(" and ")
}

/// The scopes of a grant; `None` if criteria are among them that no scope can have.
fn scopes(grant: &Grant) -> Option<Scopes> {
    let (scopes, unknown) = Scopes::parse(&grant.scopes, grant.patient.as_deref());
    unknown.is_empty().then_some(scopes)
}

fn is_reached(grant: &Grant, (of, _, body): &Stored) -> bool {
    let holds = match *of {
        "Patient" => &grant.patients,
        "Observation" => &grant.observations,
        _ => return true,
    };
    let expression = Expression::parse(holds).unwrap_or_else(|error| panic!("{error}: {holds}"));
    let doc = Doc::parse(body).expect("JSON");
    let at = At::resource(doc.root()).expect("a resource");
    expression.truth(&at).unwrap_or_else(|error| panic!("{error}: {holds}")) == Some(true)
}

/// A tenant that has just these, in the PostgreSQL of a URL or in SQLite.
fn world(url: Option<&str>, resources: &[Stored]) -> Sandbox {
    let sandbox = Sandbox::empty_in(url);
    sandbox.write(resources);
    sandbox
}

/// Somebody who asks in a world.
struct Asker<'w> {
    world: &'w Sandbox,
    caller: Context,
}

/// What a search finds on all its pages: an order where one is asked for, what is included, and how many there are.
#[derive(Debug, PartialEq)]
struct Found {
    matches: Vec<String>,
    included: Vec<String>,
    total: Value,
}

impl Asker<'_> {
    fn status(&self, path: &str) -> u16 {
        match self.world.perform_as(&self.caller, Verb::Get, path, "", Vec::new()) {
            Ok(answer) => answer.status,
            Err(failure) => failure.status,
        }
    }

    /// What has a version in a history, newest first.
    fn history(&self, path: &str) -> Vec<String> {
        let answer = self.world.perform_as(&self.caller, Verb::Get, path, "_count=1000", Vec::new());
        let answer = answer.unwrap_or_else(|failure| panic!("{failure}: {path}"));
        let bundle: Value = serde_json::from_slice(&answer.body).expect("a Bundle");
        let entries = bundle["entry"].as_array().into_iter().flatten();
        entries.map(|it| it["request"]["url"].to_string()).collect()
    }

    fn answer(&self, (of, query): &(&str, String)) -> Found {
        let mut found = Found { matches: Vec::new(), included: Vec::new(), total: Value::Null };
        let mut query = query.clone();
        let is_sorted = query.contains("_sort=");
        for page in 0.. {
            let answer = self.world.perform_as(&self.caller, Verb::Get, of, &query, Vec::new());
            let answer = answer.unwrap_or_else(|failure| panic!("{failure}: {of}?{query}"));
            let bundle: Value = serde_json::from_slice(&answer.body).expect("a Bundle");
            if page == 0 {
                found.total = bundle["total"].clone();
            }
            for entry in bundle["entry"].as_array().into_iter().flatten() {
                let name = format!("{}/{}", entry["resource"]["resourceType"], entry["resource"]["id"]);
                match entry["search"]["mode"].as_str() {
                    Some("match") => found.matches.push(name),
                    Some("include") => found.included.push(name),
                    other => panic!("{other:?} on {of}?{query}: {entry}"),
                }
            }
            let links = bundle["link"].as_array().into_iter().flatten();
            let next = links.filter(|it| it["relation"] == "next").find_map(|it| it["url"].as_str());
            let Some((_, next)) = next.and_then(|it| it.split_once('?')) else { break };
            query = next.to_owned();
        }
        let many = found.matches.len();
        if !is_sorted {
            found.matches.sort();
        }
        found.included.sort();
        found.included.dedup();
        let mut once = found.matches.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), many, "something comes twice of {of}?{query}");
        found
    }
}
