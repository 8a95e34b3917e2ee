//! The database goes away, is full of locks or takes too long: requests fail in time or go on, and nothing is done twice
//! or by halves.

use super::{Database, PATIENCE, database, database_of, until};
use crate::contract::commits::{code, none_matches};
use crate::contract::model::Entry;
use crate::contract::{Engine, WARD, is_conflict, put, tenant, ward};
use crate::{Changes, CommitError, Error, Expect, Key, Placement, Sealing, Session, Store, Told};
use fhir::{Failure, IssueType};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Ends all connections to the database but this one.
async fn end_all(owner: &mut PgConnection) {
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(end).execute(owner).await.unwrap();
}

/// Holds a table so that nobody reads or writes it, until the connection is closed.
async fn hold(database: &Database, table: &str) -> PgConnection {
    let mut owner = database.owner().await;
    let hold = format!("BEGIN; LOCK TABLE medisync_pool.{table} IN ACCESS EXCLUSIVE MODE");
    sqlx::raw_sql(AssertSqlSafe(hold)).execute(&mut owner).await.unwrap();
    owner
}

async fn create(session: &dyn Session, id: &str) -> Result<crate::Committed, CommitError> {
    let puts = vec![put(session, "Patient", id, Expect::Absent, "", &[])];
    session.commit(Changes { puts, ..Changes::default() }).await
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let Some(database) = database(1000).await else { return };
    let ward = ward(&database).await;
    let mut owner = database.owner().await;
    for i in 0..5 {
        ward.create("Patient", &format!("p{i}"), &[]).await;
        end_all(&mut owner).await;
        assert!(ward.session.read(&Key::new("Patient", format!("p{i}"))).await.unwrap().is_some());
        assert!(ward.store.tenant(WARD).await.unwrap().is_some());
        end_all(&mut owner).await;
        ward.create("Patient", &format!("q{i}"), &[]).await;
    }
}

/// A write whose connection is ended in the middle is made again, once that is known to do it once.
#[tokio::test]
async fn a_write_cut_off_is_written_once() {
    let Some(database) = database(1000).await else { return };
    let ward = ward(&database).await;
    ward.create("Patient", "p", &[]).await;
    let mut holder = hold(&database, "change").await;
    let session = ward.session.clone();
    let writing = tokio::spawn(async move {
        let puts = vec![
            put(&*session, "Patient", "p", Expect::Version(1), "", &[]),
            put(&*session, "Patient", "q", Expect::Absent, "", &[]),
        ];
        session.commit(Changes { puts, ..Changes::default() }).await
    });
    somebody_waits(&database, "relation").await;
    end_all(&mut holder).await;
    // Where it is made again it waits again.
    tokio::time::sleep(Duration::from_millis(200)).await;
    holder.close().await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(ward.session.read(&Key::new("Patient", "p")).await.unwrap().unwrap().version, 2);
    assert!(is_conflict(&create(&*ward.session, "q").await));
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(Duration::from_secs(3)).await;
    let session = store.open(&tenant(&store, "t").await).await.unwrap();
    create(&*session, "p").await.unwrap();
    let holder = hold(&database, "resource").await;
    assert!(matches!(session.read(&Key::new("Patient", "p")).await, Err(Error::Timeout)));
    holder.close().await.unwrap();
    assert!(session.read(&Key::new("Patient", "p")).await.unwrap().is_some());
}

/// Somebody who makes schemas, and does not end, holds up nobody for long.
#[tokio::test]
async fn a_schema_in_the_making_is_not_waited_for_for_ever() {
    let Some(database) = database_of(Placement::Schema).await else { return };
    let store = database.store(LONG).await;
    let tenant = tenant(&store, "t").await;
    let mut holder = database.owner().await;
    let hold = "SELECT pg_advisory_lock(hashtextextended('medisync migrate', 0))";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let opened = tokio::time::timeout(PATIENCE, store.open(&tenant)).await.expect("it is given up");
    assert!(opened.is_err_and(|it| it.is_passing()));
    holder.close().await.unwrap();
    store.open(&tenant).await.unwrap();
}

/// A write waits some seconds for a lock and is then refused as what may pass later; nothing of it is written.
#[tokio::test]
async fn a_write_does_not_wait_for_ever() {
    let Some(database) = database(1000).await else { return };
    let ward = ward(&database).await;
    let holder = hold(&database, "key").await;
    let refused = create(&*ward.session, "p").await.unwrap_err();
    let CommitError::Store(error) = refused else { panic!("{refused}") };
    assert_eq!(Failure::from(error).issues.first().map(|it| it.code), Some(IssueType::Transient));
    holder.close().await.unwrap();
    assert!(ward.session.read(&Key::new("Patient", "p")).await.unwrap().is_none());
    create(&*ward.session, "p").await.unwrap();
}

/// Many who write the same resources in any order: nobody waits for ever, each winner once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_the_same_resources_do_not_block_each_other() {
    let Some(database) = database(1000).await else { return };
    let nodes = [database.store(LONG).await, database.store(LONG).await];
    let mut sessions: Vec<Arc<dyn Session>> = Vec::new();
    for node in &nodes {
        sessions.push(node.open(&tenant(node, "t").await).await.unwrap());
    }
    let ids: Vec<String> = (0..12).map(|i| format!("p{i}")).collect();
    let first = ids.iter().map(|id| put(&*sessions[0], "Patient", id, Expect::Absent, "", &[])).collect();
    sessions[0].commit(Changes { puts: first, ..Changes::default() }).await.unwrap();
    let writers = (0..8).map(|writer: usize| {
        let (session, mut ids) = (sessions[writer % 2].clone(), ids.clone());
        ids.rotate_left(writer);
        if writer.is_multiple_of(3) {
            ids.reverse();
        }
        tokio::spawn(async move {
            let mut won = 0;
            for _ in 0..6 {
                let version = session.read(&Key::new("Patient", "p0")).await.unwrap().unwrap().version;
                let puts = ids.iter().map(|id| put(&*session, "Patient", id, Expect::Version(version), "", &[]));
                match session.commit(Changes { puts: puts.collect(), ..Changes::default() }).await {
                    Ok(_) => won += 1,
                    Err(CommitError::Conflict) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            won
        })
    });
    let mut won = 0;
    for writer in writers.collect::<Vec<_>>() {
        won += writer.await.unwrap();
    }
    for id in ids {
        assert_eq!(sessions[0].read(&Key::new("Patient", id)).await.unwrap().unwrap().version, 1 + won);
    }
}

/// Whatever isolation a database gives by itself, who waits for somebody's commit sees what that wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waited_sees_what_it_waited_for() {
    let Some(database) = database(1000).await else { return };
    let mut owner = database.owner().await;
    let set = format!("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'", database.name);
    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut owner).await.unwrap();
    let ward = ward(&database).await;
    sqlx::raw_sql("BEGIN; LOCK TABLE medisync_pool.resource IN SHARE MODE").execute(&mut owner).await.unwrap();
    let racer = |id: &'static str| {
        let session = ward.session.clone();
        tokio::spawn(async move {
            let puts = vec![put(&*session, "Patient", id, Expect::Fresh, "", &[Entry::Token(code(), None, "same")])];
            session.commit(Changes { puts, guards: vec![none_matches("same")], ..Changes::default() }).await
        })
    };
    let first = racer("p");
    somebody_waits(&database, "relation").await;
    let second = racer("q");
    somebody_waits(&database, "advisory").await;
    owner.close().await.unwrap();
    first.await.unwrap().unwrap();
    assert!(is_conflict(&second.await.unwrap()));
}

/// Who encrypts all anew waits for the write that was let in before, and finds what it wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_under_way_is_encrypted_anew() {
    let Some(database) = database(1000).await else { return };
    let ward = ward(&database).await;
    ward.store.set_sealing(WARD, Sealing::Files).await.unwrap();
    ward.create("Patient", "p", &[]).await;
    let mut holder = database.owner().await;
    sqlx::raw_sql("BEGIN; SELECT FROM medisync_pool.resource FOR UPDATE").execute(&mut holder).await.unwrap();
    let session = ward.session.clone();
    let next = put(&*session, "Patient", "p", Expect::Version(1), "", &[]);
    let writing = tokio::spawn(async move { session.commit(Changes { puts: vec![next], ..Changes::default() }).await });
    somebody_waits(&database, "transactionid").await;
    ward.store.set_sealing(WARD, Sealing::All).await.unwrap();
    let store = ward.store.clone();
    let sealing = tokio::spawn(async move { store.reseal(WARD, &|_| ()).await });
    somebody_waits(&database, "advisory").await;
    holder.close().await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(sealing.await.unwrap().unwrap(), 2);
    assert!(database.kept_bodies(WARD).await.iter().all(|it| it.first() != Some(&b'{')));
}

/// Waits until somebody waits for a lock of this kind.
pub(super) async fn somebody_waits(database: &Database, kind: &str) {
    let mut owner = database.owner().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = $1";
    until("somebody waits", async || {
        sqlx::query_scalar::<_, i64>(waiting).bind(kind).fetch_one(&mut owner).await.unwrap() > 0
    })
    .await;
    owner.close().await.unwrap();
}

/// Index rows made by former definitions are refused on every node, and nodes tell each other of new ones.
#[tokio::test]
async fn definitions_hold_on_all_nodes() {
    let Some(database) = database(1000).await else { return };
    let (a, b) = (database.store(LONG).await, database.store(LONG).await);
    let here = a.open(&tenant(&a, "t").await).await.unwrap();
    let there = b.open(&tenant(&b, "t").await).await.unwrap();
    let mut heard = b.told().unwrap();
    all_listen(&database, 2).await;
    let change = |session: &dyn Session, of: &str, id: &str, definitions| Changes {
        puts: vec![put(session, of, id, Expect::Absent, "", &[])],
        definitions: Some(definitions),
        ..Changes::default()
    };
    let before = there.definitions().await.unwrap();
    there.commit(change(&*there, "Patient", "p", before)).await.unwrap();
    here.commit(change(&*here, "SearchParameter", "s", before)).await.unwrap();
    let mut told = Told::Anything;
    while told == Told::Anything {
        told = tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    }
    assert_eq!(told, Told::Definitions("t".into()));
    let refused = there.commit(change(&*there, "Patient", "q", before)).await;
    assert!(matches!(refused, Err(CommitError::Outdated)), "{refused:?}");
    let now = there.definitions().await.unwrap();
    assert!(now > before);
    there.commit(change(&*there, "Patient", "q", now)).await.unwrap();
}

/// Waits until so many nodes hear what others tell.
pub(super) async fn all_listen(database: &Database, nodes: i64) {
    let mut owner = database.owner().await;
    // Each that listens holds this lock.
    let listening = "SELECT count(*) FROM pg_locks, hashtextextended('medisync serves', 0) AS key \
                     WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = key \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until(&format!("{nodes} nodes listen"), async || {
        sqlx::query_scalar::<_, i64>(listening).fetch_one(&mut owner).await.unwrap() >= nodes
    })
    .await;
    owner.close().await.unwrap();
}
