//! Which place is whose: what moves leave behind is taken away, and nothing else.

use super::moves::{LONG, NORTH, north, order, relocate, relocate_and_die, rows, version, write};
use super::{Database, database_of, run, until};
use crate::contract::secrets;
use crate::{
    Changes, Erasure, Error, Expect, LedgerChange, LedgerStep, Move, Moving, Placement, PostgresSettings,
    PostgresStore, Residence, Store,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// The same URL, written otherwise.
fn respelt(url: &str) -> String {
    format!("{url}{}application_name=other", if url.contains('?') { '&' } else { '?' })
}

async fn relocate_to_url(database: &Database, url: String) -> crate::Result<()> {
    let to = Residence { placement: Placement::Database, url: Some(url), region: None, standby: None };
    let order = Move { to, ..order(database, Placement::Database) };
    PostgresStore::relocate(&database.url(), &order, &|_| ()).await.map(drop)
}

#[tokio::test]
async fn the_place_itself_is_no_new_place_by_another_url() {
    let Some(database) = database_of(Placement::Schema).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    write(&*session, "p", Expect::Absent).await.unwrap();
    let other = database.residence(Placement::Database).url.unwrap();
    for url in [database.url(), other.clone()] {
        let refused = relocate_to_url(&database, respelt(&url)).await;
        if url == other {
            refused.unwrap();
            assert!(matches!(relocate_to_url(&database, url).await, Err(Error::CannotMove(_))));
        } else {
            assert!(matches!(refused, Err(Error::CannotMove(_))));
        }
        assert_eq!(version(&*session, "p").await, Some(1));
    }
}

/// They number their tenants alike, and each schema in the other database is called by the number.
#[tokio::test]
async fn installations_that_share_a_database_keep_off_each_others_records() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let Some(stranger) = database_of(Placement::Pool).await else { return };
    let server = stranger.server.clone().database(&stranger.name);
    run(&server, "UPDATE medisync.installation SET id = gen_random_uuid()").await;
    let (store, other) = (database.store(LONG).await, stranger.store(LONG).await);
    let (ours, theirs) = (north(&store).await, north(&other).await);
    for session in [&ours, &theirs] {
        write(&**session, "p", Expect::Absent).await.unwrap();
    }
    write(&*ours, "p", Expect::Version(1)).await.unwrap();
    relocate(&database, Placement::Database).await.unwrap();

    let shared = database.residence(Placement::Database);
    let refused = relocate_to_url(&stranger, shared.url.clone().unwrap()).await;
    assert!(matches!(refused, Err(Error::Foreign)), "{refused:?}");
    assert_eq!((version(&*ours, "p").await, version(&*theirs, "p").await), (Some(2), Some(1)));
    // Nor is it served, read or erased from there.
    let mut owner = stranger.owner().await;
    sqlx::raw_sql("DELETE FROM medisync.tenant; ALTER SEQUENCE medisync.tenant_number_seq RESTART")
        .execute(&mut owner)
        .await
        .unwrap();
    let settings = PostgresSettings { residence: shared, ..stranger.settings(LONG) };
    let other = stranger.open_store(settings).await;
    let tenant = other.create_tenant("south", secrets("south"), 0).await.unwrap().unwrap();
    let opened = other.open(&tenant).await.map(drop);
    assert!(matches!(opened, Err(Error::Foreign)), "{opened:?}");
    assert!(matches!(other.destroy_keys("south", "because").await, Err(Error::Foreign)));
    assert_eq!(version(&*ours, "p").await, Some(2));
}

async fn remnants(database: &Database) -> i64 {
    let mut owner = database.owner().await;
    let count = sqlx::query_scalar("SELECT count(*) FROM medisync.remnant").fetch_one(&mut owner).await.unwrap();
    owner.close().await.unwrap();
    count
}

/// Whether a tenant's own schema is in the other database.
async fn is_elsewhere(database: &Database, number: i32) -> bool {
    let mut other = database.server.clone().database(&database.other()).connect().await.unwrap();
    let there = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL").bind(format!("medisync_t{number}"));
    let there = there.fetch_one(&mut other).await.unwrap();
    other.close().await.unwrap();
    there
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_mover_left_behind_is_swept() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    write(&*session, "p", Expect::Absent).await.unwrap();
    relocate_and_die(&database, Placement::Schema, Moving::Pointed).await;
    relocate_and_die(&database, Placement::Database, Moving::Verified(0)).await;
    let number = database.number(NORTH).await;
    assert!(rows(&database, Placement::Pool).await > 0 && is_elsewhere(&database, number).await);
    // The place that serves may be noted by another URL.
    let mut owner = database.owner().await;
    let noted = sqlx::query("INSERT INTO medisync.remnant SELECT number, schema, $1, false FROM medisync.tenant");
    noted.bind(respelt(&database.url())).execute(&mut owner).await.unwrap();
    let swept = PostgresStore::sweep(&database.url()).await.unwrap();
    assert!(matches!(swept.as_slice(), [(name, None)] if name == NORTH), "{swept:?}");
    assert_eq!((rows(&database, Placement::Pool).await, remnants(&database).await), (0, 0));
    assert!(!is_elsewhere(&database, number).await);
    assert_eq!(version(&*session, "p").await, Some(1));
    assert!(PostgresStore::sweep(&database.url()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_certified_before_all_copies_are_gone() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    write(&*north(&store).await, "p", Expect::Absent).await.unwrap();
    let kept = Move { keep: true, ..order(&database, Placement::Schema) };
    PostgresStore::relocate(&database.url(), &kept, &|_| ()).await.unwrap();
    relocate_and_die(&database, Placement::Database, Moving::Verified(0)).await;
    assert!(rows(&database, Placement::Pool).await > 0, "it is kept");
    let number = database.number(NORTH).await;
    store.destroy_keys(NORTH, "because").await.unwrap();
    assert!(store.certify(NORTH, "it is gone").await.is_err());
    store.clear(NORTH).await.unwrap();
    store.certify(NORTH, "it is gone").await.unwrap();
    assert!(!is_elsewhere(&database, number).await);
    let mut owner = database.owner().await;
    for table in ["resource", "change", "audit_new", "ledger", "resident"] {
        let count = format!("SELECT count(*) FROM medisync_pool.{table}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut owner).await.unwrap();
        assert_eq!(count, 0, "{table}");
    }
    owner.close().await.unwrap();
}

/// A mover whose lock went with its connection does not know that another one came after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mover_who_was_overtaken_changes_nothing_more() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    let step = LedgerStep::Insert { value: "{}".into(), expires: None };
    let ledger = vec![LedgerChange { kind: "client", key: "c".into(), step }];
    session.commit(Changes { ledger, ..Changes::default() }).await.unwrap();
    write(&*session, "p", Expect::Absent).await.unwrap();
    let is_overtaken = AtomicBool::new(false);
    let overtake = async || {
        let unlock = "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
             WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 1802723941";
        let mut owner = database.owner().await;
        sqlx::raw_sql(unlock).execute(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        // Its end takes a moment.
        until("it is moved", async || relocate(&database, Placement::Schema).await.is_ok()).await;
    };
    let told = |it| {
        if matches!(it, Moving::Verified(_)) && !is_overtaken.swap(true, Ordering::Relaxed) {
            block_in_place(|| Handle::current().block_on(overtake()));
        }
    };
    let first = PostgresStore::relocate(&database.url(), &order(&database, Placement::Schema), &told).await;
    assert!(first.is_err() && is_overtaken.into_inner());
    assert!(session.entry("client", "c").await.unwrap().is_some());
    assert_eq!(version(&*session, "p").await, Some(1));
}
