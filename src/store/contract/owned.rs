//! Compartments of many: what refers to one of a set, and what refers to nobody.

use super::clauses::patients;
use super::filters::{finds, p};
use super::links::references_among;
use super::model::Entry;
use super::{Engine, ward};
use fhir::search::{Clause, Owners, ParamId, Test, TokenTest};
use std::sync::Arc;

fn owned(params: &[&str], owners: Arc<Owners>) -> Test {
    Test::Owned { params: params.iter().map(|it| p(it)).collect(), is_owner: false, owners }
}

pub(crate) async fn compartments_of_many(engine: &dyn Engine) {
    let ward = references_among(engine).await;
    let logical = Entry::Logical(p("subject"), None, Some("mrn"), "1");
    ward.create("Observation", "o5", &[logical]).await;
    let logical = Entry::Logical(p("subject"), Some("Device".into()), Some("mrn"), "1");
    ward.create("Observation", "o6", &[logical]).await;
    let crowd: Vec<String> = (0..500).map(|i| format!("p{i}")).chain(["old".to_owned()]).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let itself = Test::Owned {
        params: vec![ParamId::of("Patient", "link")],
        is_owner: true,
        owners: patients(&["old", "lost"]),
    };
    for (of, test, expected) in [
        ("Observation", owned(&["subject"], patients(&["kid", "lost"])), &["o1", "o3", "o5"][..]),
        ("Observation", owned(&["subject", "encounter"], patients(&["old"])), &["o2", "o5"]),
        ("Observation", owned(&["encounter"], patients(&["kid"])), &[]),
        ("Observation", owned(&["subject"], patients(&crowd)), &["o2", "o5"]),
        ("Observation", owned(&["subject"], Arc::new(Owners::new("Patient", Vec::new(), Vec::new()))), &[]),
        ("Patient", itself, &["old"]),
    ] {
        finds(&ward, of, test, expected).await;
    }
}

/// None of these has a driver: a search goes by its other clauses, and looks each row up.
pub(crate) async fn of_nobody(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let local = |of: &str, id: &str| Entry::Local(p("actor"), of.into(), id.into());
    ward.create("Patient", "kid", &[]).await;
    ward.create("Device", "d", &[]).await;
    ward.create("Observation", "o1", &[local("Patient", "kid")]).await;
    ward.create("Observation", "o2", &[local("Device", "d")]).await;
    ward.create("Observation", "o3", &[local("Device", "d"), local("Patient", "kid")]).await;
    ward.create("Observation", "o4", &[local("Patient", "lost")]).await;
    ward.create("Observation", "o5", &[]).await;
    ward.create("Observation", "o6", &[Entry::Logical(p("actor"), None, None, "1")]).await;
    let of_nobody =
        |codes: &[&str]| Test::Unowned { params: codes.iter().map(|it| p(it)).collect(), of: "Patient".into() };
    finds(&ward, "Observation", of_nobody(&["actor"]), &["o2", "o5"]).await;
    finds(&ward, "Observation", of_nobody(&["other", "actor"]), &["o2", "o5"]).await;
}

/// What refers to a resource of any type that passes.
pub(crate) async fn leads(engine: &dyn Engine) {
    let ward = references_among(engine).await;
    let to = |of: &str, id: &str| Entry::Local(p("focus"), of.into(), id.into());
    let code = Entry::Token(p("code"), None, "x");
    ward.create("Observation", "o7", &[Entry::Local(p("subject"), "Patient".into(), "kid".into()), code]).await;
    ward.create("Task", "t1", &[to("Observation", "o7")]).await;
    ward.create("Task", "t2", &[to("Patient", "kid")]).await;
    ward.create("Task", "t3", &[to("Patient", "old")]).await;
    ward.create("Task", "t4", &[to("Observation", "gone")]).await;
    let leads = |params: &[&str], filter| Test::Leads { params: params.iter().map(|it| p(it)).collect(), filter };
    let of_kid = || Test::Owned { params: vec![p("subject")], is_owner: true, owners: patients(&["kid"]) };
    let coded = Test::Token(p("code"), TokenTest::Code("x".into()));
    for (test, expected) in [
        (leads(&["focus"], vec![Clause::Any(vec![of_kid()])]), &["t1", "t2"][..]),
        (leads(&["focus"], vec![Clause::None(vec![of_kid()])]), &["t3"]),
        (leads(&["focus", "other"], vec![Clause::Any(vec![coded])]), &["t1"]),
        (leads(&["other"], vec![Clause::Any(vec![of_kid()])]), &[]),
        (leads(&["focus"], vec![Clause::Any(vec![Test::Of("Patient".into())])]), &["t2", "t3"]),
    ] {
        finds(&ward, "Task", test, expected).await;
    }
}
