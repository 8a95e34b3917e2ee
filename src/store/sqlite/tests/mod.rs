//! The contract on SQLite, with index ranges taken for large early and late; and what is SQLite's own.

use super::{SqliteStore, options};
use crate::Store;
use crate::contract::{Engine, clock, contract};
use async_trait::async_trait;
use sqlx::{ConnectOptions, Connection};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

mod audit;
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
        self.store_at(clock, query_time).await
    }

    async fn store_at(&self, clock: fn() -> i64, query_time: Duration) -> SqliteStore {
        let mut store = SqliteStore::open(self.folder.path(), clock, query_time).await.unwrap();
        store.settings.enough = self.enough;
        store
    }
}

#[async_trait]
impl Engine for Folder {
    async fn open_at(&self, clock: fn() -> i64) -> Arc<dyn Store> {
        Arc::new(self.store_at(clock, Duration::from_secs(20)).await)
    }

    async fn index_rows(&self, tenant: &str) -> i64 {
        let file = self.folder.path().join("tenants").join(format!("{tenant}.sqlite"));
        let mut connection = options(&file).connect().await.unwrap();
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
