//! Moves and erasures beside writers, and what is done anew after one that was broken off.

use super::moves::{LONG, NORTH, north, order, relocate, relocate_and_die, version, write};
use super::{Database, PATIENCE, database_of, movers, until};
use crate::{Erasure, Expect, Move, Moving, Placement, PostgresStore, Sealing, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::timeout;

const A_WHILE: Duration = Duration::from_millis(20);

/// Locks the copy's change log until the mover who waits for it has given up.
async fn hold_up(database: &Database, to: Placement) -> JoinHandle<()> {
    let (mut holder, schema) = database.place(to, NORTH).await;
    let (mut watcher, _) = database.place(to, NORTH).await;
    let lock = format!("BEGIN; LOCK TABLE {schema}.change IN SHARE ROW EXCLUSIVE MODE");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut holder).await.unwrap();
    tokio::spawn(async move {
        let waiting = format!(
            "SELECT pid FROM pg_locks WHERE NOT granted AND relation = '{schema}.change'::regclass ORDER BY pid"
        );
        let mut waiters = async || {
            tokio::time::sleep(A_WHILE).await;
            let pids = sqlx::query_scalar::<_, i32>(AssertSqlSafe(waiting.as_str()));
            pids.fetch_all(&mut watcher).await.unwrap()
        };
        let given_up = async {
            let first = loop {
                if let Some(pid) = waiters().await.first() {
                    break *pid;
                }
            };
            while waiters().await.contains(&first) {}
        };
        timeout(PATIENCE, given_up).await.expect("the mover waits, and gives up");
        holder.close().await.unwrap();
    })
}

/// Whoever has taken a tenant in hand gives it up before that is said to be done: who comes next would find somebody at work.
#[tokio::test]
async fn who_is_done_has_nothing_in_hand() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    north(&store).await;
    let mut owner = database.owner().await;
    for _ in 0..50 {
        store.reseal(NORTH, &|_| ()).await.unwrap();
        assert_eq!(movers(&mut owner).await, 0);
    }
    owner.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_takes_too_long_skips_no_change() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    write(&*session, "p", Expect::Absent).await.unwrap();
    let (is_verified, is_held_up) = (AtomicBool::new(false), AtomicBool::new(false));
    let told = |it| match it {
        Moving::Verified(_) => is_verified.store(true, Ordering::Relaxed),
        // The next step is the switch, which finds this change.
        Moving::CaughtUp(_) if is_verified.load(Ordering::Relaxed) && !is_held_up.swap(true, Ordering::Relaxed) => {
            block_in_place(|| {
                Handle::current().block_on(async {
                    write(&*session, "p", Expect::Version(1)).await.unwrap();
                    hold_up(&database, Placement::Schema).await;
                })
            })
        }
        _ => {}
    };
    let order = Move { pause: Duration::from_secs(4), ..order(&database, Placement::Schema) };
    PostgresStore::relocate(&database.url(), &order, &told).await.unwrap();
    assert!(is_held_up.into_inner());
    assert_eq!(version(&*session, "p").await, Some(2));
    assert_eq!(changes(&database).await, 2, "the log tells of both");
}

async fn changes(database: &Database) -> i64 {
    let (mut place, schema) = database.place(Placement::Schema, NORTH).await;
    let count = format!("SELECT count(*) FROM {schema}.change");
    let count = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut place).await.unwrap();
    place.close().await.unwrap();
    count
}

/// What is encrypted anew is not in the change log: a copy that was broken off before does not count any more.
#[tokio::test]
async fn what_was_encrypted_anew_is_copied_anew() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = database.store(LONG).await;
    let session = north(&store).await;
    write(&*session, "p", Expect::Absent).await.unwrap();
    relocate_and_die(&database, Placement::Schema, Moving::Verified(0)).await;
    store.set_sealing(NORTH, Sealing::All).await.unwrap();
    assert!(store.reseal(NORTH, &|_| ()).await.unwrap() > 0);
    relocate(&database, Placement::Schema).await.unwrap();
    assert_eq!(version(&*session, "p").await, Some(1));
}

/// A write of the tenant that is under way as long as the connection is open, which the owner of all makes.
async fn long_write(database: &Database) -> PgConnection {
    let number = database.number(NORTH).await;
    let mut owner = database.owner().await;
    let begin = format!("SET search_path = medisync_pool; BEGIN; SELECT enter('{number}', NULL, NULL)");
    sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut owner).await.unwrap();
    owner
}

/// Waits until somebody wants to be the only one who writes, or the work is done.
async fn awaited<T>(database: &Database, work: &JoinHandle<T>) {
    let mut watcher = database.owner().await;
    let waiting = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
         WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND NOT l.granted)";
    until("somebody waits", async || {
        work.is_finished() || sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut watcher).await.unwrap()
    })
    .await;
    watcher.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_long_write_lets_others_write() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let (store, eraser) = (database.store(LONG).await, Arc::new(database.store(LONG).await));
    let session = north(&store).await;
    let long = long_write(&database).await;
    let erasing = tokio::spawn(async move { eraser.destroy_keys(NORTH, "because").await });
    awaited(&database, &erasing).await;
    write(&*session, "p", Expect::Absent).await.unwrap();
    assert!(!erasing.is_finished(), "it waits for the long one");
    long.close().await.unwrap();
    erasing.await.unwrap().unwrap();
}

/// Who is started again after a crash may find somebody who writes still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_goes_on_waits_for_writes_under_way() {
    let Some(database) = database_of(Placement::Pool).await else { return };
    let store = Arc::new(database.store(LONG).await);
    write(&*north(&store).await, "p", Expect::Absent).await.unwrap();
    let number = database.number(NORTH).await;
    let mut long = long_write(&database).await;
    // It was killed between two steps.
    let mut owner = database.owner().await;
    let killed = "WITH gone AS (DELETE FROM medisync.tenant RETURNING name, number, schema, database) \
         INSERT INTO medisync.erased (name, number, schema, database, record) SELECT g.*, '' FROM gone g";
    sqlx::raw_sql(killed).execute(&mut owner).await.unwrap();
    let clearing = tokio::spawn(async move { store.clear(NORTH).await });
    awaited(&database, &clearing).await;
    let written =
        format!("INSERT INTO ledger (tenant, kind, key, value, version) VALUES ({number}, 'k', 'k', '', 1); COMMIT");
    sqlx::raw_sql(AssertSqlSafe(written)).execute(&mut long).await.unwrap();
    clearing.await.unwrap().unwrap();
    let left = "SELECT count(*) FROM medisync_pool.ledger WHERE tenant = $1";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).bind(number).fetch_one(&mut owner).await.unwrap(), 0);
    long.close().await.unwrap();
    owner.close().await.unwrap();
}
