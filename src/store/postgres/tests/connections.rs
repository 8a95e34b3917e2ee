//! Connections: a node has so many to a database, however many schemas it is asked for.

use super::{Database, PATIENCE, database, database_of, until};
use crate::contract::{put, tenant};
use crate::postgres::budget::Budget;
use crate::postgres::connections::{Connections, Purpose};
use crate::{Changes, Error, Expect, Key, Placement, Session, Store};
use sqlx::{AssertSqlSafe, Connection};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(20);
/// Those to the directory, and the one that listens.
const OTHERS: i64 = 5;

async fn write_and_read(session: Arc<dyn Session>, id: String) {
    let puts = vec![put(&*session, "Patient", &id, Expect::Absent, "", &[])];
    session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
    assert!(session.read(&Key::new("Patient", &id)).await.unwrap().is_some());
}

async fn sessions(database: &Database) -> i64 {
    let mut owner = database.owner().await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let count = sqlx::query_scalar(count).fetch_one(&mut owner).await.unwrap();
    owner.close().await.unwrap();
    count
}

/// Schemas of tenants' own, more of them than connections: all are served, one after the other and at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_share_connections() {
    const SCHEMAS: usize = 12;
    const CONNECTIONS: u32 = 6;
    let Some(database) = database_of(Placement::Schema).await else { return };
    let store = database.store_with(LONG, CONNECTIONS).await;
    let mut all = Vec::new();
    for i in 0..SCHEMAS {
        let session = store.open(&tenant(&store, &format!("t{i}")).await).await.unwrap();
        write_and_read(session.clone(), "first".into()).await;
        all.push(session);
    }
    for round in 0..3 {
        let mut work = JoinSet::new();
        for session in &all {
            work.spawn(write_and_read(session.clone(), format!("p{round}")));
        }
        work.join_all().await;
    }
    // A session that was closed is gone a moment later.
    until("schemas share connections", async || sessions(&database).await <= i64::from(CONNECTIONS) + OTHERS).await;
}

/// Connections by the login of the URL.
fn connections(database: &Database, purpose: Purpose) -> Connections {
    Connections::new(database.url().parse().unwrap(), "", &Budget::new(2), LONG, purpose)
}

/// The process of a connection that is taken and given back.
pub(super) async fn used(connections: &Connections) -> i32 {
    let taken = connections.take().await.unwrap();
    let pid = taken.pid;
    taken.give_back();
    pid
}

/// An address may lead elsewhere by now, which a connection that is kept for ever would never learn.
#[tokio::test]
async fn connections_do_not_grow_old() {
    let Some(database) = database(1000).await else { return };
    let mut reads = connections(&database, Purpose::Truth);
    let first = used(&reads).await;
    assert_eq!(used(&reads).await, first);
    reads.age = Duration::ZERO;
    assert_ne!(used(&reads).await, first);
}

/// Where one waited for a connection in vain, the next ones wait long one at a time: the others are told soon that there is none.
#[tokio::test]
async fn where_none_is_to_be_had_one_at_a_time_waits_long() {
    let Some(database) = database(1000).await else { return };
    let budget = Budget::new(2);
    let new = || Connections::new(database.url().parse().unwrap(), "", &budget, LONG, Purpose::Truth);
    let (others, mut reads) = (new(), new());
    let (first, second) = (others.take().await.unwrap(), others.take().await.unwrap());
    (reads.wait, reads.brief) = (Duration::from_millis(10), Duration::ZERO);
    reads.take().await.err().expect("there are two");
    reads.wait = PATIENCE;
    let release = async {
        for _ in 0..2 {
            reads.take().await.err().expect("another one waits long");
        }
        first.give_back();
    };
    let (waited, ()) = tokio::join!(reads.take(), release);
    waited.unwrap().give_back();
    second.give_back();
}

/// Of an outage that is over for long nobody may know who did not ask meanwhile: that one waits long again.
#[tokio::test]
async fn that_none_was_to_be_had_is_forgotten_after_a_while() {
    let Some(database) = database(1000).await else { return };
    let mut reads = connections(&database, Purpose::Truth);
    reads.wait = Duration::from_secs(2);
    reads.brief = Duration::ZERO;
    reads.lately = Duration::ZERO;
    let (first, second) = (reads.take().await.unwrap(), reads.take().await.unwrap());
    reads.take().await.err().expect("there are two");
    let release = async {
        first.give_back();
        second.give_back();
    };
    let (third, fourth, ()) = tokio::join!(reads.take(), reads.take(), release);
    third.unwrap().give_back();
    fourth.unwrap().give_back();
}

/// What led to the primary when it was taken may lead nowhere when it is given back.
#[tokio::test]
async fn a_connection_in_use_is_forgotten_with_those_that_rest() {
    let Some(database) = database(1000).await else { return };
    let reads = connections(&database, Purpose::Truth);
    let taken = reads.take().await.unwrap();
    let pid = taken.pid;
    reads.forget();
    taken.give_back();
    assert_ne!(used(&reads).await, pid);
}

/// What breaks the connections that are read by breaks those that are written by: nobody waits for these in vain as well.
#[tokio::test]
async fn connections_for_other_work_are_forgotten_with_those_that_broke() {
    let Some(database) = database(1000).await else { return };
    let reads = connections(&database, Purpose::Truth);
    let beside = reads.budget().beside(2);
    let writes = Connections::new(database.url().parse().unwrap(), "", &beside, LONG, Purpose::Truth);
    let pid = used(&writes).await;
    reads.forget();
    assert_ne!(used(&writes).await, pid);
}

/// A session of a database that takes no writes is none but for copies, which is told to whoever asks for as long as it is so.
#[tokio::test]
async fn a_database_that_only_reads_is_not_written_to() {
    let Some(database) = database(1000).await else { return };
    let mut owner = database.owner().await;
    let mut only_reads = async |word: &str| {
        let set = format!("ALTER DATABASE {} SET default_transaction_read_only = {word}", database.name);
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut owner).await.unwrap();
    };
    let mut writes = connections(&database, Purpose::Truth);
    writes.hunger = Duration::ZERO;
    only_reads("on").await;
    writes.verify().await.unwrap();
    assert!(matches!(writes.take().await, Err(Error::ReadOnly)));
    assert!(matches!(writes.verify().await, Err(Error::ReadOnly)));
    used(&connections(&database, Purpose::Copies)).await;
    only_reads("off").await;
    writes.verify().await.unwrap();
    used(&writes).await;
}

/// What sessions depend on holds whatever a database gives them by itself.
#[tokio::test]
async fn sessions_set_what_they_depend_on() {
    let Some(database) = database(1000).await else { return };
    let mut owner = database.owner().await;
    for other in [
        "default_transaction_isolation = 'serializable'",
        "idle_in_transaction_session_timeout = 0",
        "lock_timeout = 0",
    ] {
        let set = format!("ALTER DATABASE {} SET {other}", database.name);
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut owner).await.unwrap();
    }
    let writes = connections(&database, Purpose::Truth);
    let mut taken = writes.take().await.unwrap();
    let settings = "SELECT concat_ws(', ', current_setting('transaction_isolation'), \
                    current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout'))";
    let settings = sqlx::query_scalar::<_, String>(settings).fetch_one(&mut taken.connection).await.unwrap();
    assert_eq!(settings, "read committed, 10s, 5s");
}

/// A session that the database ended, as it did nothing within a transaction, is as lost as any.
#[tokio::test]
async fn a_session_that_idled_in_a_transaction_is_lost() {
    let Some(database) = database(1000).await else { return };
    let (mut idle, mut looker) = (database.owner().await, database.owner().await);
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut idle).await.unwrap();
    sqlx::raw_sql("SET idle_in_transaction_session_timeout = 10; BEGIN").execute(&mut idle).await.unwrap();
    let there = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    until("the session is ended", async || {
        sqlx::query_scalar::<_, i64>(there).bind(pid).fetch_one(&mut looker).await.unwrap() == 0
    })
    .await;
    let error = Error::from(sqlx::raw_sql("SELECT 1").execute(&mut idle).await.unwrap_err());
    assert!(error.is_connection_lost() && error.is_passing(), "{error}");
}
