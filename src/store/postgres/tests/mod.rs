//! The contract on PostgreSQL, with index ranges taken for large early and late; and what is PostgreSQL's own.
//!
//! `MEDISYNC_TEST_POSTGRES` is the URL of a PostgreSQL whose login may make databases and roles, as `scripts/postgres
//! start FOLDER` prints it. Without it nothing is tested here, which is said.

use super::{ENOUGH, PostgresSettings, PostgresStore};
use crate::Store;
use crate::contract::{Engine, clock, contract};
use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A database of its own, and a folder for full-text views; both go when it is dropped.
pub(super) struct Database {
    server: PgConnectOptions,
    pub(super) name: String,
    pub(super) folder: TempDir,
    enough: i64,
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
            PostgresStore::migrate(&url(&server, &template)).await.unwrap();
        })
        .await;
    let name = format!("{template}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    run(&server, &copied(&name)).await;
    Some(Database { server, name, folder: tempfile::tempdir().unwrap(), enough })
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
        let text_folder = self.folder.path().to_owned();
        PostgresSettings { clock, query_time, write_time: query_time, text_folder, connections: 12 }
    }

    /// A connection with all rights.
    pub(super) async fn owner(&self) -> PgConnection {
        self.server.clone().database(&self.name).connect().await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")));
        });
        dropping.join().unwrap();
    }
}

#[async_trait]
impl Engine for Database {
    async fn open_at(&self, clock: fn() -> i64) -> Arc<dyn Store> {
        Arc::new(self.open_store(PostgresSettings { clock, ..self.settings(Duration::from_secs(20)) }).await)
    }

    async fn index_rows(&self, tenant: &str) -> i64 {
        let mut connection = self.owner().await;
        let of = |table: &str| format!("(SELECT count(*) FROM medisync_pool.{table} i WHERE i.tenant = t.number)");
        let tables = ["key", "reference", "string", "date", "number"].map(of).join(" + ");
        let text = format!("SELECT {tables} FROM medisync.tenant t WHERE t.name = $1");
        let row = sqlx::query(AssertSqlSafe(text)).bind(tenant).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        row.get(0)
    }
}

mod isolation;
mod nodes;
mod outages;
mod plans;
mod text;

mod few_rows_are_many {
    use super::*;
    contract!(database(1).await);
}

mod few_rows_are_few {
    use super::*;
    contract!(database(ENOUGH).await);
}
