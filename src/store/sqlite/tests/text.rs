//! The full-text view follows the change log.

use super::folder;
use crate::contract::{delete, put, tenant};
use crate::query::{self, Way};
use crate::sqlite::runner::Reading;
use crate::sqlite::{SqliteStore, text};
use crate::{Branch, Changes, Error, Expect, Indexed, Marks, Plan, Put, Result, Session, Store};
use fhir::search::text::parse;
use fhir::search::{Clause, ParamId, Test};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(120);

/// A patient of this name, to be written.
fn patient(session: &dyn Session, id: &str, expect: Expect, name: &str) -> Put {
    let body = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"text":"{name}"}}]}}"#);
    Put { body: body.into_bytes(), stamp: None, ..put(session, "Patient", id, expect, "", &[]) }
}

async fn write(session: &dyn Session, put: Put) {
    session.commit(Changes { puts: vec![put], ..Changes::default() }).await.unwrap();
}

async fn create(session: &dyn Session, id: &str, name: &str) {
    write(session, patient(session, id, Expect::Absent, name)).await;
}

fn plan(filter: Vec<Clause>) -> Plan {
    Plan { branches: vec![Branch { of: "Patient".into(), filter, sort: Vec::new() }], after: None, limit: 100 }
}

fn content(query: &str) -> Clause {
    Clause::Any(vec![Test::Text(ParamId::of("Patient", "_content"), parse(query).unwrap())])
}

async fn find(session: &dyn Session, query: &str) -> Result<Vec<String>> {
    let page = session.search(&plan(vec![content(query)])).await?;
    Ok(page.found.into_iter().map(|it| it.key.id).collect())
}

async fn session(store: &SqliteStore, name: &str) -> Arc<dyn Session> {
    store.open(&tenant(store, name).await).await.unwrap()
}

#[tokio::test]
async fn what_was_written_last_is_found() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    assert!(find(&*s, "anna").await.unwrap().is_empty(), "nothing was ever written");
    create(&*s, "a", "Anna").await;
    create(&*s, "b", "Anna Berta").await;
    assert_eq!(find(&*s, "anna").await.unwrap(), ["a", "b"]);
    write(&*s, patient(&*s, "a", Expect::Version(1), "Clara")).await;
    assert_eq!(find(&*s, "anna").await.unwrap(), ["b"]);
    assert_eq!(find(&*s, "clara").await.unwrap(), ["a"]);
    write(&*s, delete(&*s, "Patient", "b", 1)).await;
    assert!(find(&*s, "anna").await.unwrap().is_empty());
}

#[tokio::test]
async fn text_is_one_criterion_among_others() {
    let folder = folder(1);
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    for (id, name) in [("a", "Anna"), ("b", "Anna"), ("c", "Berta")] {
        create(&*s, id, name).await;
    }
    let ids = |ids: &[&str]| Clause::Any(ids.iter().map(|it| Test::Id((*it).to_owned())).collect());
    for (filter, expected) in [
        (vec![content("anna"), ids(&["b", "c"])], 1),
        (vec![content("anna"), content("berta")], 0),
        (vec![content("anna or berta")], 3),
        (vec![Clause::Any(vec![Test::All(vec![content("anna")]), Test::Id("c".into())])], 3),
    ] {
        assert_eq!(s.count(&plan(filter.clone())).await.unwrap(), expected, "{filter:?}");
        assert_eq!(s.search(&plan(filter)).await.unwrap().found.len() as i64, expected);
    }
}

#[tokio::test]
async fn what_is_deleted_between_view_and_records_is_not_found() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    create(&*s, "a", "Anna").await;
    let place = store.door(&tenant(&store, "ward").await).place().await.unwrap();
    let plan = plan(vec![content("anna")]);
    let texts = text::answers(&place, &plan).await.unwrap();
    write(&*s, delete(&*s, "Patient", "a", 1)).await;
    let page = query::page(&mut Reading(&place), &texts, &plan, Way::On).await.unwrap();
    assert!(page.found.is_empty());
}

#[tokio::test]
async fn a_restart_resumes() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    create(&*session(&store, "ward").await, "a", "Anna").await;
    assert_eq!(find(&*session(&store, "ward").await, "anna").await.unwrap(), ["a"]);
    create(&*session(&store, "ward").await, "b", "Anna").await;
    store.close().await;

    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    create(&*s, "c", "Anna").await;
    assert_eq!(find(&*s, "anna").await.unwrap(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_view_of_another_log_is_made_anew() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    create(&*s, "a", "Anna").await;
    assert_eq!(find(&*s, "anna").await.unwrap(), ["a"]);
    store.close().await;
    // As when an older copy of the records is put back.
    for end in ["sqlite", "sqlite-wal", "sqlite-shm"] {
        let _ = std::fs::remove_file(folder.folder.path().join("tenants").join(format!("ward.{end}")));
    }
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    create(&*s, "b", "Berta").await;
    assert!(find(&*s, "anna").await.unwrap().is_empty());
    assert_eq!(find(&*s, "berta").await.unwrap(), ["b"]);
}

#[tokio::test]
async fn tenants_never_meet() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    for (name, patient) in [("north", "Anna"), ("west", "Berta")] {
        create(&*session(&store, name).await, "p", patient).await;
    }
    for (name, query, expected) in
        [("north", "anna", 1), ("north", "berta", 0), ("west", "anna", 0), ("west", "berta", 1)]
    {
        assert_eq!(find(&*session(&store, name).await, query).await.unwrap().len(), expected, "{name} {query}");
    }
    store.close().await;
    // Not even when one's view is put in the other's place.
    let tenants = folder.folder.path().join("tenants");
    std::fs::remove_dir_all(tenants.join("west.text")).unwrap();
    std::fs::rename(tenants.join("north.text"), tenants.join("west.text")).unwrap();
    let store = folder.store(LONG).await;
    let west = session(&store, "west").await;
    assert!(find(&*west, "anna").await.unwrap().is_empty());
    assert_eq!(find(&*west, "berta").await.unwrap(), ["p"]);
}

#[tokio::test]
async fn a_tenant_that_never_searches_text_has_no_view() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    create(&*s, "a", "Anna").await;
    s.search(&plan(Vec::new())).await.unwrap();
    store.close().await;
    assert!(!folder.folder.path().join("tenants/ward.text").exists());
}

#[tokio::test]
async fn a_view_that_comes_too_late_is_said_and_goes_on() {
    let folder = folder(1000);
    let store = folder.store(Duration::from_millis(500)).await;
    let s = session(&store, "ward").await;
    create(&*s, "a", "Anna").await;
    let busy = store.settings.text_writers.clone().acquire_many_owned(2).await.unwrap();
    // On a busy machine other things come too late as well.
    let found = async || loop {
        match find(&*s, "anna").await {
            Err(Error::Timeout) => {}
            found => return found,
        }
    };
    assert!(matches!(found().await, Err(Error::TextBehind)));
    drop(busy);
    let found = async {
        loop {
            match found().await {
                Err(Error::TextBehind) => {}
                found => return found.unwrap(),
            }
        }
    };
    assert_eq!(tokio::time::timeout(LONG, found).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn rebuilding_tells_how_far_it_has_come() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    for round in 0..3 {
        let expect = if round == 0 { Expect::Absent } else { Expect::Version(round) };
        let puts = (0..300).map(|i| patient(&*s, &format!("p{i}"), expect, "Anna")).collect();
        s.commit(Changes { puts, ..Changes::default() }).await.unwrap();
    }
    let (done, calls) = (AtomicI64::new(0), AtomicI64::new(0));
    let told = |it: Indexed| {
        assert_eq!(it.total, 300);
        assert!(done.swap(it.done, Ordering::Relaxed) <= it.done);
        calls.fetch_add(1, Ordering::Relaxed);
    };
    s.rebuild_text(&told).await.unwrap();
    assert_eq!(done.load(Ordering::Relaxed), 300);
    assert!(calls.load(Ordering::Relaxed) >= 2);
    let page = s.count(&plan(vec![content("anna")])).await.unwrap();
    assert_eq!(page, 300);
}

/// What was marked does not stay in a view that nobody asks any more: it goes when all is encrypted anew.
#[tokio::test]
async fn a_view_goes_with_what_is_marked_in_it() {
    let folder = folder(1000);
    let store = folder.store(LONG).await;
    let s = session(&store, "ward").await;
    create(&*s, "a", "Anna").await;
    assert_eq!(find(&*s, "anna").await.unwrap(), ["a"]);
    let view = folder.folder.path().join("tenants/ward.text");
    assert!(view.exists());
    let elements = vec!["Patient.name".to_owned()];
    store.set_marks("ward", &Marks { elements, build: "marks/1".into(), ..Marks::default() }).await.unwrap();
    store.reseal("ward", &|_| ()).await.unwrap();
    assert!(!view.exists());
}
