//! The contract on SQLite, with index ranges taken for large early and late; and what is SQLite's own.

use super::{SqliteStore, options};
use crate::contract::{Engine, clock, contract};
use crate::keys::tests::keeper;
use crate::{Keeper, Store};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

mod audit;
mod encrypted;
mod limits;
mod plans;
mod text;
mod ways;

/// A store in a folder of its own.
pub(super) struct Folder {
    pub(super) folder: TempDir,
    enough: i64,
}

pub(super) fn folder(enough: i64) -> Folder {
    Folder { folder: tempfile::tempdir().unwrap(), enough }
}

impl Folder {
    pub(super) async fn store(&self, query_time: Duration) -> SqliteStore {
        self.store_at(clock, query_time, keeper()).await
    }

    async fn store_at(&self, clock: fn() -> i64, query_time: Duration, keeper: Arc<Keeper>) -> SqliteStore {
        let mut store = SqliteStore::open(self.folder.path(), clock, query_time, keeper).await.unwrap();
        store.settings.enough = self.enough;
        store
    }
}

impl Folder {
    /// A connection to a tenant's file.
    async fn of(&self, tenant: &str) -> SqliteConnection {
        let file = self.folder.path().join("tenants").join(format!("{tenant}.sqlite"));
        options(&file).connect().await.unwrap()
    }

    async fn run(&self, statement: &str) {
        let mut connection = options(&self.folder.path().join("directory.sqlite")).connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

#[async_trait]
impl Engine for Folder {
    async fn open_with(&self, clock: fn() -> i64, keeper: Arc<Keeper>) -> Arc<dyn Store> {
        Arc::new(self.store_at(clock, Duration::from_secs(20), keeper).await)
    }

    async fn kept_values(&self, tenant: &str) -> Vec<String> {
        let mut connection = self.of(tenant).await;
        let values = "SELECT value FROM ledger ORDER BY kind, key";
        let values = sqlx::query_scalar(values).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        values
    }

    async fn kept_bodies(&self, tenant: &str) -> Vec<Vec<u8>> {
        let mut connection = self.of(tenant).await;
        let bodies = "SELECT body FROM resource UNION ALL SELECT body FROM history";
        let bodies = sqlx::query_scalar(bodies).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        bodies
    }

    async fn kept_texts(&self, tenant: &str) -> Vec<String> {
        let mut connection = self.of(tenant).await;
        let texts = sqlx::query_scalar("SELECT norm FROM string").fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        texts
    }

    async fn kept_events(&self, tenant: &str) -> Vec<Vec<u8>> {
        let mut connection = self.of(tenant).await;
        let events = "SELECT body FROM audit_row UNION ALL SELECT body FROM audit_block";
        let events = sqlx::query_scalar(events).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        events
    }

    async fn change_bodies(&self, tenant: &str, statement: &'static str) {
        let mut connection = self.of(tenant).await;
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn bare_keys(&self) {
        let of = |letter: &str, times: usize| format!("CAST('{}' AS BLOB)", letter.repeat(times));
        let (index, page, token) = (of("i", 16), of("p", 32), of("t", 138));
        self.run(&format!(
            "UPDATE tenant SET wrapped = NULL, wrapped_by = NULL, index_key = {index}, page_key = {page}, token_key = {token}"
        ))
        .await;
    }

    async fn change_directory(&self, statement: &'static str) {
        self.run(statement).await;
    }

    async fn index_rows(&self, tenant: &str) -> i64 {
        let mut connection = self.of(tenant).await;
        let tables = "SELECT (SELECT count(*) FROM key) + (SELECT count(*) FROM reference) + (SELECT count(*) FROM string) \
                      + (SELECT count(*) FROM date) + (SELECT count(*) FROM number)";
        let rows = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    }
}

mod few_rows_are_many {
    use super::*;
    contract!(Some(folder(1)));
}

mod few_rows_are_few {
    use super::*;
    contract!(Some(folder(crate::sqlite::ENOUGH)));
}
