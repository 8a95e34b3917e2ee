//! Whose records are is looked up and told within bounds, whatever somebody stored.

use super::event::Event;
use super::known::{Budget, Known};
use super::pointed::Record;
use super::tests::north;
use super::whose::Touched;
use store::{Changes, Expect, Key, Method, Put, Session};

/// More than any case needs.
const AMPLE: Budget = Budget { records: 100, bytes: 1 << 20, patients: 10_000 };

fn put(session: &dyn Session, (of, id): (&str, &str), version: i64, body: String) -> Put {
    let mut rows = session.rows();
    rows.of_type(of);
    let (expect, method) = match version {
        1 => (Expect::Absent, Method::Post),
        version => (Expect::Version(version - 1), Method::Put),
    };
    let (key, body) = (Key::new(of, id), body.into_bytes());
    Put { key, expect, version, method, body, stamp: None, rows, checked_by: None, sealed: None }
}

async fn write(session: &dyn Session, what: (&str, &str), version: i64, body: String) {
    let puts = vec![put(session, what, version, body)];
    session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
}

fn observation(patient: &str) -> String {
    format!(r#"{{"resourceType":"Observation","subject":{{"reference":"Patient/{patient}"}}}}"#)
}

/// Some ten thousand bytes.
fn scan(patient: &str) -> String {
    let data = "QUJD".repeat(2500);
    format!(r#"{{"resourceType":"Binary","securityContext":{{"reference":"Patient/{patient}"}},"data":"{data}"}}"#)
}

fn record(of: &str, id: &str, version: Option<i64>) -> Record {
    Record { key: Key::new(of, id), version }
}

/// What an event tells of Lists that point at these records: the patients, and how many references are not told.
async fn told(session: &dyn Session, lists: usize, records: &[Record], budget: Budget) -> (Vec<String>, Option<u64>) {
    let list =
        |it| Touched { key: Key::new("List", format!("{it}")), version: 1, owners: vec![], records: records.into() };
    let mut event = Event { pointing: (0..lists).map(list).collect(), ..Event::default() };
    let mut known = Known::within(budget);
    known.look_up(session, "", &known.missing(records.iter())).await.unwrap();
    event.settle(&known);
    event.patients.sort();
    (event.patients, event.untold)
}

fn patients(of: &[&str]) -> Vec<String> {
    of.iter().map(|it| (*it).to_owned()).collect()
}

/// A body is read once, whatever leads to it, and what is too much is told as that; what is small is not kept from being told.
#[tokio::test]
async fn what_is_too_much_to_read_is_untold() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, session) = north(folder.path()).await;
    write(&*session, ("Binary", "scan"), 1, scan("former")).await;
    write(&*session, ("Binary", "scan"), 2, scan("later")).await;
    write(&*session, ("Observation", "o"), 1, observation("one")).await;
    let mut records: Vec<Record> = (2..=40).map(|it| record("Binary", "scan", Some(it))).collect();
    records.extend([record("Binary", "scan", Some(1)), record("Observation", "o", None), record("List", "none", None)]);
    for (bytes, expected, untold) in
        [(30_000, &["former", "later", "one"][..], None), (5_000, &["one"], Some(40)), (0, &[], Some(41))]
    {
        let budget = Budget { bytes, ..AMPLE };
        assert_eq!(told(&*session, 1, &records, budget).await, (patients(expected), untold), "{bytes}");
    }
    // One of the two fits: the smaller one.
    let budget = Budget { bytes: 15_000, ..AMPLE };
    assert_eq!(told(&*session, 1, &records, budget).await, (patients(&["later", "one"]), Some(1)));
    // What is not looked at is untold, too: the Observation is the last but one.
    let budget = Budget { records: 40, ..AMPLE };
    assert_eq!(told(&*session, 1, &records, budget).await, (patients(&["former", "later"]), Some(2)));
}

/// A resource of many patients is told as a whole or not at all, and of those that point at it no more than an event is to have.
#[tokio::test]
async fn what_is_of_too_many_is_untold() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, session) = north(folder.path()).await;
    let entries: Vec<String> =
        (0..9000).map(|it| format!(r#"{{"resource":{}}}"#, observation(&format!("p{}", it % 3000)))).collect();
    let bundle = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, entries.join(","));
    write(&*session, ("Bundle", "b"), 1, bundle).await;
    write(&*session, ("Observation", "o"), 1, observation("one")).await;
    let records = [record("Observation", "o", None), record("Bundle", "b", None), record("Bundle", "b", Some(7))];
    let (named, untold) = told(&*session, 1, &records, Budget { patients: 3000, ..AMPLE }).await;
    assert_eq!((named, untold), (patients(&["one"]), Some(2)));
    let (named, untold) = told(&*session, 20, &records, AMPLE).await;
    // 16 times 3000, and each List's own.
    assert_eq!((named.len(), untold), (3001, Some(8)));
}

/// An event keeps so many references and no more, and still has the key of what points at something.
#[test]
fn what_is_not_kept_is_untold() {
    let items: Vec<String> =
        (0..20_003).map(|it| format!(r#"{{"item":{{"reference":"Observation/{it}"}}}}"#)).collect();
    let body = format!(r#"{{"resourceType":"List","entry":[{}]}}"#, items.join(","));
    let mut event = Event::default();
    for id in ["1", "2"] {
        event.add_body("", &Key::new("List", id), 1, [body.as_bytes(), &[]]);
    }
    let kept: Vec<usize> = event.pointing.iter().map(|it| it.records.len()).collect();
    assert_eq!((kept, event.untold), (vec![20_000, 0], Some(3 + 20_003)));
    event.settle(&Known::within(AMPLE));
    assert_eq!(event.untold, Some(2 * 20_003));
    assert_eq!(super::keys::of(&event), ["entity|List/1", "entity|List/2"]);
}
