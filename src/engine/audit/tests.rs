use super::entities::Entities;
use super::event::{Agent, Event, Origin};
use super::render::Shown;
use super::{ReadEvents, Security, SecurityEvent, keys};
use crate::{Ambient, Engine, Settings};
use fhir::json::Doc;
use fhir::validate::{self, References};
use serde_json::Value as Json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Keeper, Secrets, Session, SqliteStore, Store, Unwrapped};
use tokio::sync::watch;

fn search() -> Event {
    let origin = Origin {
        client: Some("app".into()),
        user: Some("Practitioner/7".into()),
        address: Some("192.0.2.1".into()),
        request: Some("r-1".into()),
        purposes: vec!["TREAT".into()],
    };
    let mut entities = Entities::default();
    entities.add("Observation", "a", 1, &[0]);
    entities.add("Observation", "b", 3, &[1]);
    entities.add("Practitioner", "7", 1, &[]);
    Event {
        what: "search-type".into(),
        within: Some("batch".into()),
        action: 'E',
        status: 200,
        agent: Agent { subject: "meredith".into(), roles: vec!["doctor".into()], origin },
        query: Some("Observation?code=1".into()),
        patients: vec!["1".into(), "2".into()],
        entities,
        ..Event::default()
    }
}

fn rendered(event: &Event, only: Option<&str>) -> Json {
    let only = only.map(|it| [it.to_owned()].into_iter().collect());
    Shown { id: "e", at: 1_795_000_000_000, site: "north", event, only: only.as_ref() }.resource()
}

fn demand_valid(resource: &Json) {
    let doc = Doc::parse(resource.to_string()).unwrap();
    let issues = validate::r4().resource(doc.root(), References::Literal);
    assert!(issues.is_empty(), "{issues:?}\n{resource:#}");
}

fn references(resource: &Json) -> Vec<&str> {
    let entities = resource["entity"].as_array().unwrap().iter();
    entities.filter_map(|it| it["what"]["reference"].as_str()).collect()
}

#[test]
fn an_event_is_kept_and_comes_back() {
    let event = search();
    let kept = event.entry("e".into(), 0).unwrap();
    assert_eq!(Event::read(&kept.body).unwrap(), event);
}

#[test]
fn an_event_is_a_valid_audit_event() {
    let resource = rendered(&search(), None);
    demand_valid(&resource);
    assert_eq!(resource["subtype"][0]["code"], "batch");
    assert_eq!(resource["subtype"][1]["code"], "search-type");
    assert_eq!(resource["outcome"], "0");
    assert_eq!(resource["agent"][0]["who"]["reference"], "Practitioner/7");
    assert_eq!(resource["agent"][0]["network"]["address"], "192.0.2.1");
    assert_eq!(resource["agent"][1]["name"], "app");
    let expected =
        ["Patient/1", "Patient/2", "Observation/a/_history/1", "Observation/b/_history/3", "Practitioner/7/_history/1"];
    assert_eq!(references(&resource), expected);
    let query = resource["entity"].as_array().unwrap().iter().find_map(|it| it["query"].as_str());
    assert_eq!(query, Some("T2JzZXJ2YXRpb24/Y29kZT0x"));
}

#[test]
fn a_patient_is_told_of_nobody_else() {
    let resource = rendered(&search(), Some("2"));
    demand_valid(&resource);
    assert_eq!(references(&resource), ["Patient/2", "Observation/b/_history/3"]);
    assert!(!resource.to_string().contains("T2JzZXJ2YXRpb24"));
    assert_eq!(resource["meta"]["tag"][0]["code"], "SUBSETTED");
}

#[test]
fn every_event_of_security_is_a_valid_audit_event() {
    for what in [Security::SignIn, Security::SignOut, Security::Token, Security::Denied, Security::Roles] {
        let (subject, about, asked) =
            ("unknown".to_owned(), Some("meredith".to_owned()), Some("Get Patient/9".to_owned()));
        let event = SecurityEvent { what, status: 401, subject, origin: Origin::default(), about, asked, reason: None };
        let entry = event.entry("e".into(), 0).unwrap();
        for key in ["patient|9", "outcome|4"] {
            assert!(entry.keys.iter().any(|it| it == key), "{:?}", entry.keys);
        }
        demand_valid(&rendered(&Event::read(&entry.body).unwrap(), None));
    }
}

#[test]
fn keys_are_few() {
    let expected = ["agent|Practitioner/7", "entity|Practitioner/7", "patient|1", "patient|2"];
    assert_eq!(keys::of(&search()), expected);
    let failed = Event { status: 503, ..search() };
    assert!(keys::of(&failed).contains(&"outcome|8".to_owned()));
}

/// A store with the tenant `north`, open.
pub(super) async fn north(folder: &Path) -> (SqliteStore, Arc<dyn Session>) {
    let keeper = Arc::new(Keeper::new(Arc::new(Unwrapped), |_| Ok(())));
    let store = SqliteStore::open(folder, || 1_795_000_000_000, Duration::from_secs(10), keeper).await.unwrap();
    let (data_keys, sealing, marks) = <_>::default();
    let (index_key, page_key, token_key) = ([7; 16], [7; 32], Vec::new());
    let secrets = Secrets { index_key, page_key, token_key, edition: 0, data_keys, sealing, marks };
    let tenant = store.create_tenant("north", secrets, 0).await.unwrap().unwrap();
    let session = store.open(&tenant).await.unwrap();
    (store, session)
}

/// The database may have taken an event whose outcome is unknown: the same waits, and is in the log once.
#[tokio::test]
async fn what_is_recorded_later_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, session) = north(folder.path()).await;
    let audit_folder = Some(folder.path().join("audit"));
    let settings = Settings { audit_folder, audit_reads: ReadEvents::Database, ..Settings::default() };
    let new_id = || "00000000-0000-4000-8000-000000000001".to_owned();
    let ambient = Ambient { now_ms: || 1_795_000_000_000, new_id };
    let engine = Engine::new(Arc::new(store), settings, ambient, Vec::new());

    let (subject, origin) = ("unknown".to_owned(), Origin::default());
    let (about, asked, reason) = (None, None, None);
    let event = SecurityEvent { what: Security::Denied, status: 401, subject, origin, about, asked, reason };
    let entries = engine.recorded(event).unwrap();
    session.audit(entries.clone()).await.unwrap();
    engine.record_later(&*session, "north", &entries).await.unwrap();
    engine.log_waiting_events(watch::channel(true).1).await;
    let verdict = session.verify_audit(&|_, _| ()).await.unwrap();
    assert_eq!((verdict.head.events, verdict.faults), (1, Vec::new()));
}
