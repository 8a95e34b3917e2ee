//! One tenant's file: connections to read it, and the one writer.

use super::{Clock, options, schema, writer};
use crate::rows::IndexHash;
use crate::{
    Changes, CommitError, Committed, History, HistoryPage, Key, Page, Plan, Result, Rows, Secrets, Session, Stored,
};
use async_trait::async_trait;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use std::path::Path;
use std::time::Duration;

/// The most connections that read one tenant's file at the same time.
const READERS: u32 = 8;

pub(super) struct Place {
    pub(super) readers: SqlitePool,
    pub(super) hash: IndexHash,
    pub(super) query_time: Duration,
    writer: writer::Writer,
}

impl Place {
    pub(super) async fn open(file: &Path, secrets: &Secrets, clock: Clock, query_time: Duration) -> Result<Place> {
        schema::migrate(file, &schema::TENANT).await?;
        let hash = IndexHash::new(&secrets.index_key);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(0)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(options(file).read_only(true));
        let writer = writer::Writer::start(file, hash.clone(), clock).await?;
        Ok(Place { readers, hash, query_time, writer })
    }

    pub(super) async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

#[async_trait]
impl Session for Place {
    fn rows(&self) -> Rows {
        Rows::new(self.hash.clone())
    }

    async fn read(&self, key: &Key) -> Result<Option<Stored>> {
        super::read::current(self, key).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        super::read::many(self, keys).await
    }

    async fn read_version(&self, key: &Key, version: i64) -> Result<Option<Stored>> {
        super::read::version(self, key, version).await
    }

    async fn history(&self, history: &History) -> Result<HistoryPage> {
        super::history::page(self, history).await
    }

    async fn search(&self, plan: &Plan) -> Result<Page> {
        super::search::page(self, plan).await
    }

    async fn count(&self, plan: &Plan) -> Result<i64> {
        super::search::count(self, plan).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.writer.commit(changes).await
    }

    async fn loaded(&self, content: &[u8; 16]) -> Result<bool> {
        super::read::loaded(self, content).await
    }
}
