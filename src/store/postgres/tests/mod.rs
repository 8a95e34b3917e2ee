//! The contract on PostgreSQL, with index ranges taken for large early and late; and what is PostgreSQL's own.
//!
//! `MEDISYNC_TEST_POSTGRES` is the URL of a PostgreSQL whose login may make databases and roles, as `scripts/postgres
//! start FOLDER` prints it. Without it nothing is tested here, which is said.

use super::{ENOUGH, Placement, PostgresSettings, PostgresStore, Residence};
use crate::contract::{Engine, clock, contract};
use crate::keys::tests::keeper;
use crate::{Keeper, Store};
use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Nothing that must come to be takes so long, on whatever machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until it is so.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let waiting = async move {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    async move { tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("in vain: {what}")) }
}

/// A database of its own, and a folder for full-text views; both go when it is dropped.
pub(super) struct Database {
    server: PgConnectOptions,
    pub(super) name: String,
    pub(super) folder: TempDir,
    enough: i64,
    /// Where new tenants are kept.
    placement: Placement,
}

/// A new database; `None` where there is no PostgreSQL.
pub(super) async fn database(enough: i64) -> Option<Database> {
    static TEMPLATE: OnceCell<()> = OnceCell::const_new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("MEDISYNC_TEST_POSTGRES") else {
        // Past the test harness, which swallows what passing tests print.
        writeln!(std::io::stderr(), "SKIPPED: PostgreSQL's tests; set MEDISYNC_TEST_POSTGRES for them").unwrap();
        return None;
    };
    let server: PgConnectOptions = server.parse().unwrap();
    let template = format!("store_{}", std::process::id());
    let copied = |name: &str| format!("CREATE DATABASE {name} TEMPLATE {template}");
    TEMPLATE
        .get_or_init(async || {
            run(&server, &format!("DROP DATABASE IF EXISTS {template}")).await;
            run(&server, &format!("CREATE DATABASE {template}")).await;
            let upgraded = PostgresStore::migrate(&url(&server, &template), &|_| ()).await.unwrap();
            assert!(upgraded.failed.is_empty(), "{:?}", upgraded.failed);
        })
        .await;
    let name = format!("{template}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    run(&server, &copied(&name)).await;
    Some(Database { server, name, folder: tempfile::tempdir().unwrap(), enough, placement: Placement::Pool })
}

/// A new database whose tenants are kept there, in [`Database::other`] for [`Placement::Database`].
pub(super) async fn database_of(placement: Placement) -> Option<Database> {
    let mut database = database(ENOUGH).await?;
    database.placement = placement;
    run(&database.server, &format!("CREATE DATABASE {}", database.other())).await;
    Some(database)
}

fn url(server: &PgConnectOptions, database: &str) -> String {
    server.clone().database(database).to_url_lossy().to_string()
}

async fn run(server: &PgConnectOptions, statement: &str) {
    let mut connection = server.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Database {
    pub(super) fn url(&self) -> String {
        url(&self.server, &self.name)
    }

    pub(super) async fn store(&self, query_time: Duration) -> PostgresStore {
        self.store_with(query_time, 12).await
    }

    /// A store with so many connections.
    pub(super) async fn store_with(&self, query_time: Duration, connections: u32) -> PostgresStore {
        self.open_store(PostgresSettings { connections, ..self.settings(query_time) }).await
    }

    pub(super) async fn open_store(&self, settings: PostgresSettings) -> PostgresStore {
        PostgresStore::open_with(&self.url(), settings, Some(self.enough)).await.unwrap()
    }

    pub(super) fn settings(&self, query_time: Duration) -> PostgresSettings {
        PostgresSettings {
            clock,
            query_time,
            write_time: query_time,
            text_folder: self.folder.path().to_owned(),
            connections: 12,
            residence: self.residence(self.placement),
            regions: Vec::new(),
            read_url: None,
            keeper: keeper(),
        }
    }

    /// The name of a second database.
    fn other(&self) -> String {
        format!("{}_other", self.name)
    }

    pub(super) fn residence(&self, placement: Placement) -> Residence {
        let url = (placement == Placement::Database).then(|| url(&self.server, &self.other()));
        Residence { placement, url, region: None, standby: None }
    }

    /// A connection with all rights to the database in which a placement is, and the schema that a tenant has there.
    pub(super) async fn place(&self, placement: Placement, tenant: &str) -> (PgConnection, String) {
        let number = self.number(tenant).await;
        let schema = if placement == Placement::Pool { "medisync_pool".into() } else { format!("medisync_t{number}") };
        let connection = match placement {
            Placement::Database => self.server.clone().database(&self.other()).connect().await.unwrap(),
            _ => self.owner().await,
        };
        (connection, schema)
    }

    /// A tenant's number in every table.
    pub(super) async fn number(&self, tenant: &str) -> i32 {
        let mut owner = self.owner().await;
        let number = sqlx::query_scalar("SELECT number FROM medisync.tenant WHERE name = $1").bind(tenant);
        let number = number.fetch_one(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        number
    }

    /// Waits until the database has seen the end of a mover's connection, with which its lock goes.
    pub(super) async fn no_mover_is_left(&self) {
        let mut owner = self.owner().await;
        until("no mover is left", async || movers(&mut owner).await == 0).await;
        owner.close().await.unwrap();
    }

    /// A connection with all rights.
    pub(super) async fn owner(&self) -> PgConnection {
        self.server.clone().database(&self.name).connect().await.unwrap()
    }
}

/// How many have a tenant in hand.
pub(super) async fn movers(owner: &mut PgConnection) -> i64 {
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
         WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 1802723941";
    sqlx::query_scalar(locks).fetch_one(owner).await.unwrap()
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            for name in [format!("{name}_other"), name] {
                runtime.block_on(run(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
            }
        });
        dropping.join().unwrap();
    }
}

#[async_trait]
impl Engine for Database {
    async fn open_with(&self, clock: fn() -> i64, keeper: Arc<Keeper>) -> Arc<dyn Store> {
        Arc::new(self.open_store(PostgresSettings { clock, keeper, ..self.settings(Duration::from_secs(20)) }).await)
    }

    async fn kept_values(&self, tenant: &str) -> Vec<String> {
        let number = self.number(tenant).await;
        let (mut connection, schema) = self.place(self.placement, tenant).await;
        let values = format!("SELECT l.value FROM {schema}.ledger l WHERE l.tenant = $1 ORDER BY l.kind, l.key");
        let values = sqlx::query_scalar(AssertSqlSafe(values)).bind(number).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        values
    }

    async fn kept_bodies(&self, tenant: &str) -> Vec<Vec<u8>> {
        let number = self.number(tenant).await;
        let (mut connection, schema) = self.place(self.placement, tenant).await;
        let of = |table: &str| format!("SELECT t.body FROM {schema}.{table} t WHERE t.tenant = $1");
        let bodies = format!("{} UNION ALL {}", of("resource"), of("history"));
        let bodies = sqlx::query_scalar(AssertSqlSafe(bodies)).bind(number).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        bodies
    }

    async fn kept_texts(&self, tenant: &str) -> Vec<String> {
        let number = self.number(tenant).await;
        let (mut connection, schema) = self.place(self.placement, tenant).await;
        let texts = format!("SELECT s.norm FROM {schema}.string s WHERE s.tenant = $1");
        let texts = sqlx::query_scalar(AssertSqlSafe(texts)).bind(number).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        texts
    }

    async fn kept_events(&self, tenant: &str) -> Vec<Vec<u8>> {
        let number = self.number(tenant).await;
        let (mut connection, schema) = self.place(self.placement, tenant).await;
        let of = |table: &str| format!("SELECT t.body FROM {schema}.{table} t WHERE t.tenant = $1");
        let events = ["audit_new", "audit_row", "audit_block"].map(of).join(" UNION ALL ");
        let events = sqlx::query_scalar(AssertSqlSafe(events)).bind(number).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        events
    }

    async fn change_bodies(&self, tenant: &str, statement: &'static str) {
        let (mut connection, schema) = self.place(self.placement, tenant).await;
        let statement = format!("SET search_path = {schema}; {statement}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn bare_keys(&self) {
        self.change_directory(
            "UPDATE tenant SET wrapped = NULL, wrapped_by = NULL, index_key = repeat('i', 16)::bytea, \
             page_key = repeat('p', 32)::bytea, token_key = repeat('t', 138)::bytea",
        )
        .await;
    }

    async fn change_directory(&self, statement: &'static str) {
        let mut owner = self.owner().await;
        let statement = format!("SET search_path = medisync; {statement}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.unwrap();
        owner.close().await.unwrap();
    }

    async fn index_rows(&self, tenant: &str) -> i64 {
        let number = self.number(tenant).await;
        let (mut connection, schema) = self.place(self.placement, tenant).await;
        let of = |table: &str| format!("(SELECT count(*) FROM {schema}.{table} i WHERE i.tenant = $1)");
        let tables = ["key", "reference", "string", "date", "number"].map(of).join(" + ");
        let query = sqlx::query(AssertSqlSafe(format!("SELECT {tables}"))).bind(number);
        let row = query.fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        row.get(0)
    }
}

mod audit;
mod broken_moves;
mod chaining;
mod citus;
mod connections;
mod erasure;
mod isolation;
mod lines;
mod losses;
mod moves;
mod nodes;
mod outages;
mod places;
mod plans;
mod retries;
mod silence;
mod text;
mod upgrade;

mod few_rows_are_many {
    use super::*;
    contract!(database(1).await);
}

mod in_a_schema_of_its_own {
    use super::*;
    contract!(database_of(Placement::Schema).await);
}

mod in_another_database {
    use super::*;
    contract!(database_of(Placement::Database).await);
}

mod few_rows_are_few {
    use super::*;
    contract!(database(ENOUGH).await);
}
