//! Moves: nothing is lost and nothing lands in the former place, wherever the mover dies.

use super::{Database, database_of, until};
use crate::contract::audit::{chained, event};
use crate::contract::{put, secrets};
use crate::keys::tests::keeper;
use crate::{
    Changes, CommitError, Error, Expect, Key, Move, Moved, Moving, Placement, PostgresSettings, PostgresStore, Posting,
    ReleaseConcept, ReleasePart, Session, Store, Terms,
};
use sqlx::{AssertSqlSafe, Connection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

pub(super) const LONG: Duration = Duration::from_secs(20);
pub(super) const NORTH: &str = "north";

pub(super) async fn north(store: &PostgresStore) -> Arc<dyn Session> {
    let tenant = match store.tenant(NORTH).await.unwrap() {
        Some(tenant) => tenant,
        None => store.create_tenant(NORTH, secrets(NORTH), 0).await.unwrap().unwrap(),
    };
    store.open(&tenant).await.unwrap()
}

pub(super) fn order(database: &Database, to: Placement) -> Move {
    Move {
        tenant: NORTH.into(),
        to: database.residence(to),
        keep: false,
        pause: Duration::from_secs(3),
        keeper: keeper(),
    }
}

pub(super) async fn relocate(database: &Database, to: Placement) -> crate::Result<Moved> {
    PostgresStore::relocate(&database.url(), &order(database, to), &|_| ()).await
}

/// A move that dies when it is told of this step, as by a crash: nothing of it tidies up.
pub(super) async fn relocate_and_die(database: &Database, to: Placement, at: Moving) {
    let (url, order) = (database.url(), order(database, to));
    let told = move |it| {
        let is_there = match (it, at) {
            (Moving::Copying(..), Moving::Copying(..)) | (Moving::CaughtUp(_), Moving::CaughtUp(_)) => true,
            (Moving::Verified(_), Moving::Verified(_)) => true,
            (it, at) => it == at,
        };
        if is_there {
            // Not by `panic!`, whose message would look like a failure.
            std::panic::resume_unwind(Box::new("killed"));
        }
    };
    let died = tokio::spawn(async move { PostgresStore::relocate(&url, &order, &told).await.map(|_| ()) }).await;
    assert!(died.unwrap_err().is_panic(), "it came to {at:?}");
    database.no_mover_is_left().await;
}

pub(super) async fn write(session: &dyn Session, id: &str, expect: Expect) -> Result<(), CommitError> {
    let puts = vec![put(session, "Patient", id, expect, "note", &[])];
    let audit = vec![event(&format!("{id} {expect:?}"), &["written"])];
    session.commit(Changes { puts, audit, ..Changes::default() }).await.map(|_| ())
}

pub(super) async fn version(session: &dyn Session, id: &str) -> Option<i64> {
    session.read(&Key::new("Patient", id)).await.unwrap().map(|it| it.version)
}

/// Every row of a tenant's tables in a placement.
pub(super) async fn rows(database: &Database, placement: Placement) -> i64 {
    let number = database.number(NORTH).await;
    let (mut connection, schema) = database.place(placement, NORTH).await;
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace::regnamespace::text = $1 AND relkind = 'r' \
         AND relname NOT IN ('migration', 'closed')";
    let tables: Vec<String> = sqlx::query_scalar(tables).bind(&schema).fetch_all(&mut connection).await.unwrap();
    let mut all = 0;
    for table in tables {
        let count = format!("SELECT count(*) FROM {schema}.{table} WHERE tenant = $1");
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).bind(number);
        all += count.fetch_one(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_on_two_nodes_lose_nothing_from_place_to_place() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let (a, b) = (database.store(LONG).await, database.store(LONG).await);
    let nodes = [north(&a).await, north(&b).await];
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (session, stop, written) = (nodes[writer % 2].clone(), stop.clone(), written.clone());
            tokio::spawn(async move {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    let shared = format!("shared-{writer}");
                    let expect = if last == 0 { Expect::Absent } else { Expect::Version(last) };
                    write(&*session, &shared, expect).await.unwrap();
                    last += 1;
                    write(&*session, &format!("p-{writer}-{last}"), Expect::Absent).await.unwrap();
                    assert_eq!(version(&*session, &shared).await, Some(last), "a read sees the last write");
                    written.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
                last
            })
        })
        .collect();
    let mut before = Placement::Pool;
    for to in [Placement::Schema, Placement::Database, Placement::Pool] {
        let enough = written.load(Ordering::Relaxed) + 16;
        until("it is written", async || written.load(Ordering::Relaxed) >= enough).await;
        let moved = relocate(&database, to).await.unwrap();
        assert!(moved.rows > 0 && moved.left.is_none(), "{moved:?}");
        if before == Placement::Pool {
            assert_eq!(rows(&database, before).await, 0, "nothing is left behind");
        }
        before = to;
    }
    stop.store(true, Ordering::Relaxed);
    let mut writes = 0;
    for (writer, done) in writers.into_iter().enumerate() {
        let last = done.await.unwrap();
        writes += 2 * last;
        for node in &nodes {
            assert_eq!(version(&**node, &format!("shared-{writer}")).await, Some(last));
            for i in 1..=last {
                assert_eq!(version(&**node, &format!("p-{writer}-{i}")).await, Some(1));
                let old = node.read_version(&Key::new("Patient", format!("shared-{writer}")), i).await.unwrap();
                assert!(old.is_some(), "version {i} is there");
            }
        }
    }
    let verdict = chained(&*nodes[1]).await;
    assert_eq!((verdict.head.events, verdict.faults), (writes, Vec::new()), "the audit log moved along");
}

/// An index with more of the log than goes at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_audit_log_leaves_nothing_behind_and_comes_back() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    for lot in 0..3 {
        let events = (0..2500).map(|i| event(&format!("{lot}-{i}"), &[&format!("patient {lot} {i}")]));
        session.audit(events.collect()).await.unwrap();
        chained(&*session).await;
    }
    let (mut pool, schema) = database.place(Placement::Pool, NORTH).await;
    let keys = format!("SELECT count(*) FROM {schema}.audit_key");
    let keys: i64 = sqlx::query_scalar(AssertSqlSafe(keys)).fetch_one(&mut pool).await.unwrap();
    assert!(keys > 5000, "{keys}");
    relocate(&database, Placement::Schema).await.unwrap();
    assert_eq!(rows(&database, Placement::Pool).await, 0, "nothing is left behind");
    relocate(&database, Placement::Pool).await.unwrap();
    let verdict = chained(&*session).await;
    assert_eq!((verdict.head.events, verdict.faults), (7500, Vec::new()));
}

/// Wherever a mover dies the tenant is served, one place only has its records, and the next mover brings it there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mover_may_die_anywhere() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    for i in 0..20 {
        write(&*session, &format!("p{i}"), Expect::Absent).await.unwrap();
    }
    write(&*session, "counted", Expect::Absent).await.unwrap();
    let mut last = 1;
    let before = [Moving::Copying(0, 0), Moving::CaughtUp(0), Moving::Verified(0), Moving::Paused, Moving::Closed];
    let after = [Moving::Pointed, Moving::Opened];
    let mut to = Placement::Database;
    let mut here = Placement::Pool;
    for (at, is_turned) in before.map(|it| (it, false)).into_iter().chain(after.map(|it| (it, true))) {
        relocate_and_die(&database, to, at).await;
        write(&*session, "counted", Expect::Version(last)).await.unwrap();
        last += 1;
        // A node that starts now finds the same.
        let other = database.store(LONG).await;
        let there = north(&other).await;
        assert_eq!(version(&*there, "counted").await, Some(last), "after a death at {at:?}");
        write(&*there, "counted", Expect::Version(last)).await.unwrap();
        last += 1;
        assert_eq!(version(&*session, "counted").await, Some(last), "after a death at {at:?}");
        if !is_turned {
            continue;
        }
        // It is served from the new place; the other way next.
        assert!(matches!(relocate(&database, to).await, Err(Error::CannotMove(_))), "it is there already");
        (to, here) = (here, to);
    }
    relocate(&database, to).await.unwrap();
    for i in 0..20 {
        assert_eq!(version(&*session, &format!("p{i}")).await, Some(1));
    }
    assert_eq!(version(&*session, "counted").await, Some(last));
    let _ = here;
}

/// A move that was broken off goes on: what was copied is not copied again.
#[tokio::test]
async fn a_broken_move_goes_on() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    for i in 0..3 {
        write(&*session, &format!("p{i}"), Expect::Absent).await.unwrap();
    }
    relocate_and_die(&database, Placement::Schema, Moving::Verified(0)).await;
    write(&*session, "p0", Expect::Version(1)).await.unwrap();
    let copied = AtomicI64::new(0);
    let told = |it| {
        if let Moving::Copying(..) = it {
            copied.fetch_add(1, Ordering::Relaxed);
        }
    };
    PostgresStore::relocate(&database.url(), &order(&database, Placement::Schema), &told).await.unwrap();
    assert_eq!(copied.into_inner(), 0, "the resources were there");
    assert_eq!(version(&*session, "p0").await, Some(2));
}

/// A target that breaks in the middle, and one that is not there: the former place serves on.
#[tokio::test]
async fn a_broken_target_changes_nothing() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    for id in ["p", "q"] {
        write(&*session, id, Expect::Absent).await.unwrap();
    }
    let mut nowhere = order(&database, Placement::Database);
    nowhere.to.url = Some("postgres://localhost:1/none".into());
    assert!(PostgresStore::relocate(&database.url(), &nowhere, &|_| ()).await.is_err());
    relocate_and_die(&database, Placement::Database, Moving::Verified(0)).await;
    let (mut there, schema) = database.place(Placement::Database, NORTH).await;
    let spoil = format!("UPDATE {schema}.resource SET body = 'spoiled'");
    sqlx::raw_sql(AssertSqlSafe(spoil)).execute(&mut there).await.unwrap();
    let refused = relocate(&database, Placement::Database).await.unwrap_err();
    assert!(refused.to_string().contains("not the same"), "{refused}");
    write(&*session, "p", Expect::Version(1)).await.unwrap();
    assert_eq!(version(&*session, "p").await, Some(2));
    let (mut here, _) = database.place(Placement::Pool, NORTH).await;
    let closed: i64 =
        sqlx::query_scalar("SELECT count(*) FROM medisync_pool.closed").fetch_one(&mut here).await.unwrap();
    assert_eq!(closed, 0);
    // What is not the same is not gone on with.
    relocate(&database, Placement::Database).await.unwrap();
    assert_eq!(version(&*session, "q").await, Some(1));
}

/// What is kept behind is closed: it is neither read nor written, by whatever node.
#[tokio::test]
async fn a_kept_copy_is_closed() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let (deaf, store) = (database.store(LONG).await, database.store(LONG).await);
    let (stale, session) = (north(&deaf).await, north(&store).await);
    write(&*stale, "p", Expect::Absent).await.unwrap();
    deaf.homes.stop_listening();
    let kept = Move { keep: true, ..order(&database, Placement::Schema) };
    PostgresStore::relocate(&database.url(), &kept, &|_| ()).await.unwrap();
    write(&*session, "p", Expect::Version(1)).await.unwrap();
    assert!(rows(&database, Placement::Pool).await > 0, "it is kept");
    // It was told of nothing, and is refused where it looks first.
    assert_eq!(version(&*stale, "p").await, Some(2));
    write(&*stale, "p", Expect::Version(2)).await.unwrap();
    assert_eq!(version(&*session, "p").await, Some(3));
    // Back over the kept copy, which counts for nothing.
    relocate(&database, Placement::Pool).await.unwrap();
    for node in [&stale, &session] {
        assert_eq!(version(&**node, "p").await, Some(3));
    }
}

/// A server that serves some regions refuses tenants that are kept elsewhere, and those of whom that is unknown.
#[tokio::test]
async fn regions_are_kept_to() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let mut settings = database.settings(LONG);
    settings.residence.region = Some("eu".into());
    let store = database.open_store(settings.clone()).await;
    let session = north(&store).await;
    write(&*session, "p", Expect::Absent).await.unwrap();
    let of = |region: &str| PostgresSettings { regions: vec![region.into()], ..settings.clone() };
    assert!(database.open_store(of("eu")).await.tenant(NORTH).await.unwrap().is_some());
    let other = database.open_store(of("us")).await;
    assert!(matches!(other.tenant(NORTH).await, Err(Error::Region)));
    let served = database.open_store(of("eu")).await;
    let there = north(&served).await;
    assert_eq!(version(&*there, "p").await, Some(1));
    let mut away = order(&database, Placement::Database);
    away.to.region = Some("us".into());
    PostgresStore::relocate(&database.url(), &away, &|_| ()).await.unwrap();
    assert!(matches!(there.read(&Key::new("Patient", "p")).await, Err(Error::Region)), "it moved out of the region");
    let failure = fhir::Failure::from(Error::Region);
    assert_eq!(failure.status, 421);
}

/// What was loaded of code systems goes along, also what is being loaded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loaded_code_systems_go_along() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    let concepts = |from: i64, until: i64| {
        let concept =
            |place: i64| ReleaseConcept { place, code: format!("c{place}"), links: vec![1, 2], about: "{}".to_owned() };
        ReleasePart::Concepts((from..until).map(concept).collect())
    };
    let posting = |term: &str| Posting { property: String::new(), term: term.to_owned(), places: vec![7] };
    let whole = session.begin_release("urn:x", "1", "{}").await.unwrap();
    session.fill_release(whole, concepts(0, 4500)).await.unwrap();
    session.fill_release(whole, ReleasePart::Postings(vec![posting("a"), posting("b")])).await.unwrap();
    assert!(session.finish_release(whole).await.unwrap());
    let begun = session.begin_release("urn:x", "2", "{}").await.unwrap();
    session.fill_release(begun, concepts(0, 10)).await.unwrap();
    for to in [Placement::Schema, Placement::Database] {
        relocate(&database, to).await.unwrap();
        assert_eq!(session.releases().await.unwrap().len(), 1);
        assert_eq!(session.concepts_at(whole, &[0, 2500, 4499]).await.unwrap().len(), 3);
        assert_eq!(session.postings(whole, "", Terms::Begins(""), 9).await.unwrap().len(), 2);
    }
    session.fill_release(begun, concepts(10, 20)).await.unwrap();
    assert!(session.finish_release(begun).await.unwrap());
    assert_eq!(session.concepts_with(begun, &["c9", "c10"]).await.unwrap().len(), 2);
}
