//! The full-text view follows the change log, whoever writes and whenever it is committed.

use super::outages::{all_listen, somebody_waits};
use super::{database, until};
use crate::contract::{delete, put, tenant};
use crate::postgres::PostgresStore;
use crate::{Branch, Changes, Expect, Indexed, Marks, Plan, PostgresSettings, Put, Session, Store};
use fhir::search::text::parse;
use fhir::search::{Clause, ParamId, Test};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn patient(session: &dyn Session, id: &str, expect: Expect, name: &str) -> Put {
    let body = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"text":"{name}"}}]}}"#);
    Put { body: body.into_bytes(), stamp: None, ..put(session, "Patient", id, expect, "", &[]) }
}

async fn write(session: &dyn Session, puts: Vec<Put>) {
    session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
}

async fn find(session: &dyn Session, query: &str) -> Vec<String> {
    let content = Test::Text(ParamId::of("Patient", "_content"), parse(query).unwrap());
    let filter = vec![Clause::Any(vec![content])];
    let branch = Branch { of: "Patient".into(), filter, sort: Vec::new() };
    let page = session.search(&Plan { branches: vec![branch], after: None, limit: 1000 }).await.unwrap();
    let mut found: Vec<String> = page.found.into_iter().map(|it| it.key.id).collect();
    found.sort();
    found
}

async fn session(store: &PostgresStore, name: &str) -> Arc<dyn Session> {
    store.open(&tenant(store, name).await).await.unwrap()
}

#[tokio::test]
async fn what_any_node_wrote_last_is_found() {
    let Some(database) = database(1000).await else { return };
    let other = tempfile::tempdir().unwrap();
    let elsewhere = PostgresSettings { text_folder: other.path().to_owned(), ..database.settings(LONG) };
    let (a, b) = (database.store(LONG).await, database.open_store(elsewhere).await);
    let (here, there) = (session(&a, "ward").await, session(&b, "ward").await);
    assert!(find(&*here, "anna").await.is_empty(), "nothing was ever written");
    write(&*here, vec![patient(&*here, "a", Expect::Absent, "Anna")]).await;
    write(&*there, vec![patient(&*there, "b", Expect::Absent, "Anna Berta")]).await;
    for node in [&here, &there] {
        assert_eq!(find(&**node, "anna").await, ["a", "b"]);
    }
    write(&*there, vec![patient(&*there, "a", Expect::Version(1), "Clara")]).await;
    write(&*here, vec![delete(&*here, "Patient", "b", 1)]).await;
    for node in [&here, &there] {
        assert!(find(&**node, "anna").await.is_empty());
        assert_eq!(find(&**node, "clara").await, ["a"]);
    }
}

/// A transaction that began earlier and is committed later is not passed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_commit_is_found() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(LONG).await;
    let s = session(&store, "ward").await;
    write(&*s, vec![patient(&*s, "old", Expect::Absent, "Anna")]).await;
    // Holds one row, on which the late one waits with its number given already.
    let mut holder = database.owner().await;
    let hold = "BEGIN; SELECT FROM medisync_pool.resource FOR UPDATE";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let late = tokio::spawn({
        let s = s.clone();
        async move {
            let puts =
                vec![patient(&*s, "old", Expect::Version(1), "Anna"), patient(&*s, "late", Expect::Absent, "Anna")];
            write(&*s, puts).await;
        }
    });
    somebody_waits(&database, "transactionid").await;
    write(&*s, vec![patient(&*s, "early", Expect::Absent, "Anna")]).await;
    assert_eq!(find(&*s, "anna").await, ["early", "old"]);
    write(&*s, vec![patient(&*s, "next", Expect::Absent, "Anna")]).await;
    assert_eq!(find(&*s, "anna").await, ["early", "next", "old"]);
    holder.close().await.unwrap();
    late.await.unwrap();
    assert_eq!(find(&*s, "anna").await, ["early", "late", "next", "old"]);
}

/// However much is put in while an older transaction goes on, what comes next is found.
#[tokio::test]
async fn many_changes_beside_an_older_transaction_are_gone_past() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(LONG).await;
    let s = session(&store, "ward").await;
    let mut older = database.owner().await;
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut older).await.unwrap();
    write(&*s, (0..600).map(|i| patient(&*s, &format!("p{i}"), Expect::Absent, "Anna")).collect()).await;
    assert_eq!(find(&*s, "anna").await.len(), 600);
    write(&*s, vec![patient(&*s, "next", Expect::Absent, "Berta")]).await;
    assert_eq!(find(&*s, "berta").await, ["next"]);
    older.close().await.unwrap();
    write(&*s, vec![patient(&*s, "last", Expect::Absent, "Berta")]).await;
    assert_eq!(find(&*s, "berta").await, ["last", "next"]);
}

#[tokio::test]
async fn a_restart_resumes_and_tenants_never_meet() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(LONG).await;
    for name in ["north", "west"] {
        let s = session(&store, name).await;
        write(&*s, vec![patient(&*s, "p", Expect::Absent, name)]).await;
        assert_eq!(find(&*s, name).await, ["p"]);
    }
    store.close().await;
    // One's view in the other's place is made anew.
    std::fs::remove_dir_all(database.folder.path().join("west.text")).unwrap();
    std::fs::rename(database.folder.path().join("north.text"), database.folder.path().join("west.text")).unwrap();
    let store = database.store(LONG).await;
    for (name, other) in [("north", "west"), ("west", "north")] {
        let s = session(&store, name).await;
        write(&*s, vec![patient(&*s, "q", Expect::Absent, name)]).await;
        assert_eq!(find(&*s, name).await, ["p", "q"]);
        assert!(find(&*s, other).await.is_empty());
    }
}

#[tokio::test]
async fn rebuilding_tells_how_far_it_has_come() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(LONG).await;
    let s = session(&store, "ward").await;
    for round in 0..3 {
        let expect = if round == 0 { Expect::Absent } else { Expect::Version(round) };
        write(&*s, (0..300).map(|i| patient(&*s, &format!("p{i}"), expect, "Anna")).collect()).await;
    }
    let done = AtomicI64::new(0);
    let told = |it: Indexed| {
        assert_eq!(it.total, 300);
        assert!(done.swap(it.done, Ordering::Relaxed) <= it.done);
    };
    s.rebuild_text(&told).await.unwrap();
    assert_eq!(done.load(Ordering::Relaxed), 300);
    assert_eq!(find(&*s, "anna").await.len(), 300);
}

/// A dump put back elsewhere brings the numbers of transactions along, which mean nothing there.
#[tokio::test]
async fn a_restored_log_is_followed() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(LONG).await;
    let s = session(&store, "ward").await;
    write(&*s, vec![patient(&*s, "a", Expect::Absent, "Anna")]).await;
    assert_eq!(find(&*s, "anna").await, ["a"]);
    store.close().await;
    let mut owner = database.owner().await;
    sqlx::raw_sql("UPDATE medisync_pool.change SET tx = '999999999999'").execute(&mut owner).await.unwrap();
    std::fs::remove_dir_all(database.folder.path().join("ward.text")).unwrap();

    let store = database.store(LONG).await;
    let s = session(&store, "ward").await;
    write(&*s, vec![patient(&*s, "b", Expect::Absent, "Anna")]).await;
    assert_eq!(find(&*s, "anna").await, ["a", "b"]);
    let ahead = "SELECT count(*) FROM medisync_pool.change WHERE tx = '999999999999'";
    assert_eq!(sqlx::query_scalar::<_, i64>(ahead).fetch_one(&mut owner).await.unwrap(), 0);
}

/// A log of any length: what was marked as old is committed again and again, and a tenant that is opened once more goes on from there.
#[tokio::test]
async fn a_long_log_is_restored_in_lots() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(LONG).await;
    session(&store, "ward").await;
    store.close().await;
    let number = database.number("ward").await;
    let mut owner = database.owner().await;
    let restored = format!(
        "INSERT INTO medisync_pool.change (tenant, seq, rid, version, updated, type, tx) \
         SELECT {number}, n, n, 1, 0, 'Patient', '999999999999' FROM generate_series(1, 12000) n"
    );
    sqlx::raw_sql(AssertSqlSafe(restored)).execute(&mut owner).await.unwrap();
    session(&database.store(LONG).await, "ward").await;
    let lots = "SELECT count(*) FILTER (WHERE tx = '3'), count(DISTINCT xmin::text) FROM medisync_pool.change";
    let row = sqlx::query(lots).fetch_one(&mut owner).await.unwrap();
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (12_000, 3));
}

/// What was marked does not stay in a view that nobody asks any more: each node takes its own away when it hears of it, or starts.
#[tokio::test]
async fn a_view_goes_with_what_is_marked_in_it() {
    let Some(database) = database(1000).await else { return };
    let other = tempfile::tempdir().unwrap();
    let elsewhere = || PostgresSettings { text_folder: other.path().to_owned(), ..database.settings(LONG) };
    let (a, b) = (database.store(LONG).await, database.open_store(elsewhere()).await);
    let (here, there) = (session(&a, "ward").await, session(&b, "ward").await);
    write(&*here, vec![patient(&*here, "a", Expect::Absent, "Anna")]).await;
    for node in [&here, &there] {
        assert_eq!(find(&**node, "anna").await, ["a"]);
    }
    all_listen(&database, 2).await;
    b.close().await;
    let elements = vec!["Patient.name".to_owned()];
    a.set_marks("ward", &Marks { elements, build: "marks/1".into(), ..Marks::default() }).await.unwrap();
    let view = database.folder.path().join("ward.text");
    until("the view goes", async || !view.exists()).await;
    let view = other.path().join("ward.text");
    assert!(view.exists());
    let b = database.open_store(elsewhere()).await;
    session(&b, "ward").await;
    assert!(!view.exists());
}
