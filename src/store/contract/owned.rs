//! Compartments of many: what refers to one of a set, and what refers to nobody.

use super::clauses::patients;
use super::filters::{finds, p};
use super::links::references_among;
use super::model::Entry;
use super::{Engine, ward};
use fhir::search::{Owners, ParamId, Test};
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
