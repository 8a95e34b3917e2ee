//! The audit log in a placement: events are written where they come, by many nodes at once, and chained a moment later by one
//! of them.

mod chain;
mod inbox;
mod lot;

#[cfg(test)]
pub(super) use chain::CHAINER;
pub(super) use chain::{Chainer, wake};
pub(super) use inbox::Inbox;

use super::numbers::{least_at, time_of};
use super::records::Records;
use super::releases::change;
use super::runner::query;
use super::write::write;
use crate::audit::{AuditKey, Block, Head, Log, Row, Unchained, encode, tables};
use crate::query::{Dialect, Sql};
use crate::rows::IndexHash;
use crate::{AuditEntry, AuditRecords, Changes, CommitError, Error, Result};
use async_trait::async_trait;
use sqlx::{PgConnection, Row as _};
use std::sync::Arc;

/// The events of a statement, as they are kept. What waited has the places that it got, of which the first may be another statement's:
/// at each attempt it stands under an earlier one.
pub(super) fn gathered(
    records: &Records,
    group: &[Changes],
    place: impl Fn(usize) -> i64,
    attempt: u32,
) -> Result<Option<Unchained>> {
    let mut body = Vec::new();
    for (i, entry) in group.iter().flat_map(|it| &it.audit).enumerate() {
        encode(&mut body, entry, place(i), &records.tenancy.hash);
    }
    let given = (!body.is_empty()).then(|| place(0));
    // What waited comes alone, so that what is written together stands together.
    let waited = group.iter().filter_map(|it| it.waited.least()).map(|it| it.saturating_sub(attempt.into()));
    group.iter().for_each(|it| body.extend_from_slice(it.waited.as_bytes()));
    let Some(place) = given.into_iter().chain(waited).min() else { return Ok(None) };
    let key = &records.audit.key;
    Ok(Some(Unchained { place, mac: key.unchained(place, &body), body: key.encrypted(&body)?.into() }))
}

/// The events as they will stand in the log, with places from now on.
pub(super) fn placed(records: &Records, entries: &[AuditEntry]) -> AuditRecords {
    let places = records.numbers().take(records.clock(), entries.len());
    AuditRecords::new(entries, |i| places.at(i), &records.tenancy.hash)
}

/// What waited elsewhere, in parts of a statement each.
pub(super) fn parts(waited: AuditRecords) -> Vec<AuditRecords> {
    waited.parts(time_of)
}

/// Writes such a part.
pub(super) async fn write_waited(records: &Arc<Records>, waited: AuditRecords) -> Result<()> {
    match write(records, &mut [Changes { waited, ..Changes::default() }]).await {
        Ok(_) => Ok(()),
        Err(CommitError::Store(error)) => Err(error),
        Err(_) => Err(Error::Silent),
    }
}

/// Drops blocks whose events are all from before a time; how many events.
pub(super) async fn drop_before(records: &Records, before_ms: i64) -> Result<i64> {
    let log = PlaceLog(records);
    let (mut events, mut after) = (0, 0);
    while let Some(block) = log.blocks(tables::block_before(before_ms, after)).await?.pop() {
        after = block.number;
        // What is not what was written stays, for a verification to find.
        let Some(keys) = block.true_keys(log.key()) else { continue };
        let stub = block.stub(log.key());
        let drop = || {
            let query = sqlx::query("SELECT audit_drop($1, $2, $3)").bind(keys.clone());
            query.bind(block.number).bind(stub.seal.to_vec())
        };
        change(records, drop).await?;
        events += block.total - block.earlier;
    }
    Ok(events)
}

/// The log, as a place's readers see it.
pub(super) struct PlaceLog<'a>(pub(super) &'a Records);

#[async_trait]
impl Log for PlaceLog<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn hash(&self) -> &IndexHash {
        &self.0.tenancy.hash
    }

    fn key(&self) -> &AuditKey {
        &self.0.audit.key
    }

    async fn rows(&self, statement: Sql) -> Result<Vec<Row>> {
        self.0.reading().fetch(statement).await?.iter().map(|it| tables::row(it, self.key())).collect()
    }

    async fn blocks(&self, statement: Sql) -> Result<Vec<Block>> {
        self.0.reading().fetch(statement).await?.iter().map(tables::block).collect()
    }

    async fn count(&self, statement: Sql) -> Result<i64> {
        let rows = self.0.reading().fetch(statement).await?;
        Ok(rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?)
    }

    async fn unchained(&self, before: i64, most: i64) -> Result<Vec<Unchained>> {
        let rows = self.0.reading().fetch(tables::waiting_before(before, most)).await?;
        rows.iter().map(|it| tables::unchained(it, self.key())).collect()
    }

    fn time_of(&self, place: i64) -> i64 {
        time_of(place)
    }

    fn place_after(&self, ms: i64) -> i64 {
        least_at(ms.saturating_add(1))
    }

    fn now(&self) -> i64 {
        self.0.clock()
    }

    async fn head(&self) -> Result<Option<Head>> {
        self.0.audit.head().await
    }
}

/// The log, as a transaction sees it that has its tenant.
struct Within<'a> {
    records: &'a Records,
    connection: &'a mut PgConnection,
}

impl Within<'_> {
    fn key(&self) -> &AuditKey {
        &self.records.audit.key
    }

    async fn fetch(&mut self, statement: Sql) -> Result<Vec<sqlx::postgres::PgRow>> {
        Ok(query(&self.records.tenancy.number, statement)?.fetch_all(&mut *self.connection).await?)
    }
}
