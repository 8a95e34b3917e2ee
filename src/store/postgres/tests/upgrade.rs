//! A database is brought up to date while a server of the version before goes on.
//!
//! What that server does to the database was recorded (previous.sql). When migrations are added it is recorded anew, of the version
//! before them; the numbers below say which migrations that one knew, and which were added.

use super::{Database, PATIENCE, database, until};
use crate::contract::{filters, put, tenant};
use crate::keys::tests::bare_keeper;
use crate::postgres::schema::{self, DIRECTORY, Kind, OPERATOR_LOCK};
use crate::postgres::{PostgresSettings, PostgresStore};
use crate::{Changes, Expect, Key, Session, Store};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use std::slice::Iter;
use std::time::Duration;
use tokio::time::timeout;

/// The migrations of the directory and of records that the version before knew.
const KNEW: (usize, usize) = (6, 10);
/// Those that this version adds.
const ADDED: (usize, usize) = (1, 3);
/// A table that these change.
const CHANGED: &str = "medisync_pool.audit_block";
const POOL: &str = "medisync_pool";
const LONG: Duration = Duration::from_secs(20);
const RECORDED: &str = include_str!("previous.sql");

/// A statement, and how many rows it found where that was recorded.
#[derive(Clone, Copy)]
struct Part {
    sql: &'static str,
    rows: Option<usize>,
}

fn parts() -> Vec<Part> {
    let marked = RECORDED.split("\n--").filter_map(|it| it.split_once('\n'));
    marked.map(|(mark, sql)| Part { sql, rows: mark.strip_prefix(" rows: ").map(|it| it.parse().unwrap()) }).collect()
}

/// The server of the version before.
struct Previous<'a> {
    directory: PgConnection,
    records: PgConnection,
    enter: &'static str,
    find: &'static str,
    steps: Iter<'a, Part>,
}

impl<'a> Previous<'a> {
    async fn start(database: &Database, parts: &'a [Part]) -> Previous<'a> {
        let [begin_directory, begin_records, enter, find, rest @ ..] = parts else {
            panic!("the beginning is recorded")
        };
        let (mut directory, mut records) = (database.owner().await, database.owner().await);
        run(&mut directory, begin_directory.sql).await;
        run(&mut records, begin_records.sql).await;
        let (prepared, steps) = rest.split_at(rest.iter().position(|it| it.rows.is_some()).unwrap());
        for it in prepared {
            run(&mut records, it.sql).await;
        }
        Previous { directory, records, enter: enter.sql, find: find.sql, steps: steps.iter() }
    }

    /// Enters a tenant.
    async fn enter(&mut self, name: &str) {
        sqlx::query(self.enter).bind(name).execute(&mut self.directory).await.unwrap();
        assert_eq!(self.find(name).await, 1);
    }

    async fn find(&mut self, name: &str) -> usize {
        let found = sqlx::query(self.find).bind(name).fetch_all(&mut self.directory);
        timeout(PATIENCE, found).await.expect("it is not held up").unwrap().len()
    }

    /// Does the next things, which must find what they found when they were recorded.
    async fn go_on(&mut self, count: usize) {
        for step in self.steps.by_ref().take(count) {
            let found = run(&mut self.records, step.sql).await;
            assert_eq!(Some(found.len()), step.rows, "{}", step.sql);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn run(connection: &mut PgConnection, sql: &'static str) -> Vec<sqlx::postgres::PgRow> {
    sqlx::raw_sql(sql).fetch_all(connection).await.unwrap()
}

/// A database as the version before has it.
async fn former_database() -> Option<Database> {
    let database = database(1000).await?;
    let mut owner = database.owner().await;
    run(&mut owner, "DROP SCHEMA medisync, medisync_pool CASCADE").await;
    let target = database.url().parse().unwrap();
    schema::migrate_to(&target, DIRECTORY, Kind::Directory, KNEW.0, OPERATOR_LOCK).await.unwrap();
    schema::migrate_to(&target, POOL, Kind::Records, KNEW.1, OPERATOR_LOCK).await.unwrap();
    Some(database)
}

/// Whoever adds migrations has the version before recorded: else nobody would know whether that one still works beside them.
#[test]
fn what_the_version_before_does_is_known() {
    let are = (Kind::Directory.files().len(), Kind::Records.files().len());
    let known = (KNEW.0 + ADDED.0, KNEW.1 + ADDED.1);
    assert_eq!(known, are, "migrations were added: record previous.sql anew, of the version before them");
}

/// The new server, with no master key, as the one before had none.
async fn serve(database: &Database) -> PostgresStore {
    database.open_store(PostgresSettings { keeper: bare_keeper(), ..database.settings(LONG) }).await
}

async fn upgrade(database: &Database) {
    let upgraded = PostgresStore::migrate(&database.url(), &|_| ()).await.unwrap();
    assert!(upgraded.failed.is_empty(), "{:?}", upgraded.failed);
}

async fn write(session: &dyn Session, id: &str, expect: Expect) {
    let puts = vec![put(session, "Patient", id, expect, "by the new server", &[])];
    session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
}

/// Both versions serve side by side: each finds what the other has written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_before_goes_on() {
    let Some(database) = former_database().await else { return };
    let parts = parts();
    let mut previous = Previous::start(&database, &parts).await;
    previous.enter("north").await;
    let third = previous.steps.len() / 3;
    previous.go_on(third).await;
    tokio::join!(upgrade(&database), previous.go_on(third));

    let store = serve(&database).await;
    let session = store.open(&tenant(&store, "north").await).await.unwrap();
    let version = async |id: &str| {
        let stored = session.read(&Key::new("Patient", id)).await.unwrap();
        stored.map(|it| (it.version, it.is_deleted()))
    };
    assert_eq!(version("p1").await, Some((2, false)), "what was written before is found");
    write(&*session, "new", Expect::Absent).await;
    previous.go_on(usize::MAX).await;
    assert_eq!(version("p5").await, Some((2, false)), "and what was written afterwards");
    assert_eq!(version("p2").await, Some((3, true)));
    let everybody = filters::plan("Patient", Vec::new(), Vec::new(), 100);
    assert_eq!(session.search(&everybody).await.unwrap().found.len(), 6);

    // The first thing that was recorded looks for p0.
    write(&*session, "p0", Expect::Version(1)).await;
    let found = run(&mut previous.records, parts.iter().find(|it| it.rows.is_some()).unwrap().sql).await;
    assert_eq!(found[0].get::<i64, _>("version"), 2, "the version before finds what the new one wrote");

    previous.enter("later").await;
    let later = store.tenant("later").await.unwrap().expect("it was entered");
    write(&*store.open(&later).await.unwrap(), "p", Expect::Absent).await;
}

/// A change of a table that is in use waits for its turn, and does not let others wait behind it for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_holds_nobody_up() {
    let Some(database) = former_database().await else { return };
    let parts = parts();
    let mut previous = Previous::start(&database, &parts).await;
    previous.enter("north").await;
    let mut long = database.owner().await;
    let write = format!("BEGIN; LOCK TABLE {CHANGED} IN ROW EXCLUSIVE MODE");
    sqlx::raw_sql(AssertSqlSafe(write.clone())).execute(&mut long).await.unwrap();
    let meanwhile = async {
        let mut looker = database.owner().await;
        let waits = format!("SELECT FROM pg_locks WHERE relation = '{CHANGED}'::regclass AND NOT granted");
        until("the upgrade waits for the table", async || {
            !sqlx::raw_sql(AssertSqlSafe(waits.clone())).fetch_all(&mut looker).await.unwrap().is_empty()
        })
        .await;
        assert_eq!(previous.find("north").await, 1);
        previous.go_on(2).await;
        let written = sqlx::raw_sql(AssertSqlSafe(write)).execute(&mut looker);
        timeout(PATIENCE, written).await.expect("it is not held up").unwrap();
        run(&mut looker, "COMMIT").await;
        run(&mut long, "COMMIT").await;
    };
    tokio::join!(upgrade(&database), meanwhile);
}
