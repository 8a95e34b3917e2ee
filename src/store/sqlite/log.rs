//! The audit log in a tenant's file, as who looks into it sees it.

use super::place::Place;
use super::runner::query;
use crate::Result;
use crate::audit::{AuditKey, Block, Head, Log, Row, Unchained, tables};
use crate::query::{Dialect, Sql};
use crate::rows::IndexHash;
use async_trait::async_trait;
use sqlx::Row as _;

/// The milliseconds of a place, which is a time in microseconds ([`super::stamps`]).
pub(super) fn time_of(place: i64) -> i64 {
    place.div_euclid(1000)
}

/// The log, as a place's readers see it.
pub(super) struct FileLog<'a>(pub(super) &'a Place);

impl FileLog<'_> {
    /// The last row's number; 0 of an empty log.
    pub(super) async fn last(&self) -> Result<i64> {
        let last = "SELECT max((SELECT coalesce(max(number), 0) FROM audit_row), (SELECT coalesce(max(last), 0) FROM audit_block))";
        self.count(Sql::new(last)).await
    }
}

#[async_trait]
impl Log for FileLog<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn hash(&self) -> &IndexHash {
        &self.0.hash
    }

    fn key(&self) -> &AuditKey {
        &self.0.keeper.key
    }

    async fn rows(&self, statement: Sql) -> Result<Vec<Row>> {
        self.0.readers.fetch_all(query(statement)?).await?.iter().map(|it| tables::row(it, self.key())).collect()
    }

    async fn blocks(&self, statement: Sql) -> Result<Vec<Block>> {
        self.0.readers.fetch_all(query(statement)?).await?.iter().map(tables::block).collect()
    }

    async fn count(&self, statement: Sql) -> Result<i64> {
        Ok(self.0.readers.fetch_one(query(statement)?).await?.try_get(0)?)
    }

    /// The writer chains what it writes at once.
    async fn unchained(&self, _: i64, _: i64) -> Result<Vec<Unchained>> {
        Ok(Vec::new())
    }

    fn time_of(&self, place: i64) -> i64 {
        time_of(place)
    }

    fn place_after(&self, ms: i64) -> i64 {
        ms.saturating_add(1).saturating_mul(1000)
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    async fn head(&self) -> Result<Option<Head>> {
        self.0.keeper.find().await
    }
}
