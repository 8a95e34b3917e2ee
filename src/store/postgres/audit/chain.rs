//! Chaining: once a second, as long as there is something to chain, one of the nodes that wrote puts what was written into the
//! next row, seals what has become a block, and has the directory know where the log is.

use super::lot::Lot;
use super::{Inbox, PlaceLog, Within};
use crate::audit::{AuditKey, Head, Mac, Row, START, Sealed, Unchained, agrees, figures, is_full, tables};
use crate::postgres::connections::Taken;
use crate::postgres::directory::Directory;
use crate::postgres::records::Records;
use crate::query::Sql;
use crate::{AuditHead, Error, Result};
use sqlx::{AssertSqlSafe, Row as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

/// How long what was written waits to be chained.
const EVERY: Duration = Duration::from_secs(1);
/// The most statements' events in one row.
const LOT: i64 = 1000;
/// The lock that one who chains has.
pub(in crate::postgres) const CHAINER: i32 = 1_802_723_942;
/// After so many steps in which somebody else had it, it is said that nothing is chained.
const MISSED: u32 = 30;
/// The greatest number and total that a row can have; one beyond was put there by somebody else, and nothing goes on from it.
const LAST: i64 = 1 << 62;

/// What a node knows of a tenant's log.
pub(in crate::postgres) struct Chainer {
    pub(in crate::postgres) key: AuditKey,
    pub(in crate::postgres) inbox: Inbox,
    directory: Arc<Directory>,
    tenant: i32,
    /// A task waits to chain.
    is_awake: AtomicBool,
    /// That the log is not as it was written was said.
    is_told: AtomicBool,
    /// Where to go on with what waits: up to there nothing can be chained.
    after: AtomicI64,
    /// How many steps on end somebody else chained.
    missed: AtomicU32,
    /// How many were said to be not what was written.
    untrue: AtomicU32,
}

/// How a step ended.
#[derive(PartialEq, Eq)]
enum Step {
    /// Nothing waits any more.
    Done,
    /// There is more, or somebody else is at it.
    More,
}

impl Chainer {
    pub(in crate::postgres) fn new(key: AuditKey, directory: Arc<Directory>, tenant: i32) -> Chainer {
        let (is_awake, is_told) = (AtomicBool::new(false), AtomicBool::new(false));
        let (after, missed, untrue) = (AtomicI64::new(i64::MIN), AtomicU32::new(0), AtomicU32::new(0));
        Chainer { key, inbox: Inbox::default(), directory, tenant, is_awake, is_told, after, missed, untrue }
    }

    /// Says that what waits is not what was written, again when there is more of it.
    fn tell_untrue(&self, tenant: &str, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if count > self.untrue.fetch_max(count, Ordering::Relaxed) {
            figures::untrue();
            tracing::error!(
                tenant,
                count,
                "events that wait for the audit log are not what was written; they are left out"
            );
        }
    }

    /// Counts a step in which somebody else had the lock, and says so where it does not end.
    fn tell_missed(&self, tenant: &str) {
        figures::missed();
        if (self.missed.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(MISSED) {
            tracing::error!(
                tenant,
                "nothing was chained in the audit log for long: another connection to the database holds the lock (pg_locks, \
                 locktype advisory, classid {CHAINER})"
            );
        }
    }

    /// The head that the directory has.
    pub(super) async fn head(&self) -> Result<Option<Head>> {
        self.directory.audit_head(self.tenant).await
    }
}

/// Has what was written chained in a moment.
pub(in crate::postgres) fn wake(records: &Arc<Records>) {
    if records.audit.is_awake.swap(true, Ordering::AcqRel) {
        return;
    }
    let records = records.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            // What is written from here on wakes another one.
            records.audit.is_awake.store(false, Ordering::Release);
            match step(&records).await {
                Ok(Step::Done) | Err(Error::Moved | Error::Closed) => return,
                Ok(Step::More) => {}
                Err(error) => {
                    figures::failed();
                    tracing::warn!(%error, "the audit log could not be chained; it is tried again");
                }
            }
            if records.audit.is_awake.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    });
}

/// Chains what waits, if nobody else is at it.
async fn step(records: &Records) -> Result<Step> {
    // Before the log: it only ever points to what is written.
    let head = records.audit.head().await?;
    let mut taken = records.place.writes.take().await?;
    let work = chain_on(&mut taken, records, head);
    let patience = records.place.writes.patience();
    let chained = match tokio::time::timeout(patience, work).await.map_err(|_| Error::Silent)? {
        Ok(chained) => chained,
        Err(error) => {
            taken.fail(&error).await;
            return Err(error);
        }
    };
    taken.give_back();
    if let Some(at) = chained.to {
        records.audit.directory.put_audit_head(records.audit.tenant, &Head::sign(&records.audit.key, at)).await?;
    }
    Ok(chained.step)
}

/// What a step did.
struct Chained {
    step: Step,
    /// Where the log is now, if the directory is to know.
    to: Option<AuditHead>,
}

/// Where the chain ends, and where its blocks do.
struct End {
    number: i64,
    mac: Mac,
    total: i64,
    sealed: (i64, Mac, i64),
    bytes: i64,
}

async fn chain_on(taken: &mut Taken<'_>, records: &Records, head: Option<Head>) -> Result<Chained> {
    let number = records.tenancy.number.text();
    let beginning = if taken.is_in_transaction() { "" } else { "BEGIN; " };
    let enter = format!("{beginning}SELECT enter('{number}', NULL, NULL)");
    sqlx::raw_sql(AssertSqlSafe(enter)).execute(&mut taken.connection).await?;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1, $2)").bind(CHAINER).bind(records.audit.tenant);
    let is_alone: bool = lock.fetch_one(&mut taken.connection).await?;
    let mut log = Within { records, connection: &mut taken.connection };
    let chained = if is_alone {
        records.audit.missed.store(0, Ordering::Relaxed);
        log.chain(head).await?
    } else {
        records.audit.tell_missed(records.name());
        Chained { step: Step::More, to: None }
    };
    sqlx::raw_sql("COMMIT").execute(&mut taken.connection).await?;
    Ok(chained)
}

impl Within<'_> {
    async fn chain(&mut self, head: Option<Head>) -> Result<Chained> {
        let (records, audit) = (self.records, &self.records.audit);
        let waiting = self.fetch(tables::waiting(audit.after.load(Ordering::Relaxed), LOT)).await?;
        let waiting = waiting.iter().map(|it| tables::unchained(it, &audit.key)).collect::<Result<Vec<Unchained>>>()?;
        let lot = Lot::of(&audit.key, &waiting);
        audit.tell_untrue(records.name(), lot.untrue);
        // What cannot be chained stays where it is; a lot full of it is passed by, from the beginning again once the end is met.
        let last = waiting.last().map(|it| it.place).filter(|_| waiting.len() as i64 == LOT);
        audit.after.store(last.filter(|_| lot.places.is_empty()).unwrap_or(i64::MIN), Ordering::Relaxed);
        let step = if lot.is_cut || last.is_some() { Step::More } else { Step::Done };
        if lot.places.is_empty() {
            return Ok(Chained { step, to: None });
        }
        let end = self.end().await?;
        let agrees = agrees(&PlaceLog(records), head.as_ref(), end.number).await?;
        if !agrees && !audit.is_told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                tenant = records.name(),
                "the audit log is not as it was written; `medisync audit verify` tells where"
            );
        }
        if agrees && head.is_none() {
            // Before the first row, so that a log without a head was tampered with.
            let at = AuditHead { row: 0, events: 0, hash: START, at: records.clock() };
            audit.directory.put_audit_head(audit.tenant, &Head::sign(&audit.key, at)).await?;
        }
        let row = Row::after(&audit.key, end.number, &end.mac, end.total, lot.body.into());
        let row = row.ok_or(Error::Audit("it has no room left"))?;
        self.add(&row, lot.places).await?;
        figures::chained();
        if is_full(row.total.saturating_sub(end.sealed.2), end.bytes + row.body.len() as i64) {
            self.seal(end.sealed, row.number).await?;
        }
        let at = AuditHead { row: row.number, events: row.total, hash: row.mac, at: records.clock() };
        Ok(Chained { step, to: agrees.then_some(at) })
    }

    /// Adds a row of what stood at these places.
    async fn add(&mut self, row: &Row, places: Vec<i64>) -> Result<()> {
        sqlx::query("SELECT audit_chain($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(places)
            .bind(row.number)
            .bind(row.total)
            .bind(row.newest)
            .bind(row.low)
            .bind(row.high)
            .bind(row.mac.to_vec())
            .bind(self.key().encrypted(&row.body)?)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    async fn end(&mut self) -> Result<End> {
        let block = self.fetch(tables::block_of(LAST)).await?.first().map(tables::block).transpose()?;
        let sealed = block.map_or((0, START, 0), |it| (it.last, it.mac, it.total));
        let mut last = Sql::new(&format!("SELECT {} FROM audit_row WHERE number <= ? AND total <= ?", tables::ROW));
        last.push(" ORDER BY number DESC").bind(LAST).bind(LAST).limit(1);
        let row = self.fetch(last).await?.first().map(|it| tables::row(it, self.key())).transpose()?;
        let bytes = Sql::new("SELECT coalesce(sum(octet_length(body)), 0)::bigint FROM audit_row");
        let bytes = self.fetch(bytes).await?.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
        let (number, mac, total) = row.map_or(sealed, |it| (it.number, it.mac, it.total));
        Ok(End { number, mac, total, sealed, bytes })
    }

    /// Makes blocks of all rows that are in none, up to the last.
    async fn seal(&mut self, sealed: (i64, Mac, i64), last: i64) -> Result<()> {
        let rows = self.fetch(tables::rows_between(sealed.0 + 1, last)).await?;
        let key = self.key().clone();
        let sealing = tokio::task::spawn_blocking(move || {
            let rows = rows.iter().map(|it| tables::row(it, &key)).collect::<Result<Vec<_>>>()?;
            Sealed::of(&key, sealed, &rows)
        });
        let blocks = sealing.await.map_err(|_| Error::Closed)??;
        if !blocks.iter().all(|it| it.is_true) {
            figures::untrue();
            let tenant = self.records.name();
            tracing::error!(tenant, "rows of the audit log are not what was written; each was sealed alone");
        }
        for Sealed { block, keys, .. } in blocks {
            sqlx::query("SELECT audit_seal_rows($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
                .bind(keys)
                .bind(block.number)
                .bind(block.last)
                .bind(block.earlier)
                .bind(block.total)
                .bind(block.oldest)
                .bind(block.newest)
                .bind(block.low)
                .bind(block.high)
                .bind(block.before.to_vec())
                .bind(block.mac.to_vec())
                .bind(block.seal.to_vec())
                .bind(block.body.to_vec())
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }
}
