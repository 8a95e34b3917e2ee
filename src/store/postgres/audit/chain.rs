//! Chaining: once a second, as long as there is something to chain, one of the nodes that wrote puts what was written into the
//! next row, seals what has become a block, and has the directory know where the log is.

use super::{Inbox, PlaceLog, Within};
use crate::audit::{AuditKey, Block, Head, Mac, Row, START, Unchained, agrees, is_full, tables};
use crate::postgres::connections::Taken;
use crate::postgres::directory::Directory;
use crate::postgres::records::Records;
use crate::query::Sql;
use crate::{AuditHead, Error, Result};
use bytes::Bytes;
use sqlx::{AssertSqlSafe, Row as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long what was written waits to be chained.
const EVERY: Duration = Duration::from_secs(1);
/// The most statements' events in one row, and bytes after which it takes no more.
const LOT: i64 = 1000;
const BYTES: usize = 2 << 20;
/// The lock that one who chains has.
const CHAINER: i32 = 1_802_723_942;

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
        Chainer { key, inbox: Inbox::default(), directory, tenant, is_awake, is_told }
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
                Err(error) => tracing::warn!(%error, "the audit log could not be chained; it is tried again"),
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
            taken.roll_back().await;
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
    let chained = match is_alone {
        true => log.chain(head).await?,
        false => Chained { step: Step::More, to: None },
    };
    sqlx::raw_sql("COMMIT").execute(&mut taken.connection).await?;
    Ok(chained)
}

impl Within<'_> {
    async fn chain(&mut self, head: Option<Head>) -> Result<Chained> {
        let (records, key) = (self.records, &self.records.audit.key);
        let waiting = self.fetch(tables::waiting(LOT)).await?;
        if waiting.is_empty() {
            return Ok(Chained { step: Step::Done, to: None });
        }
        let is_more = waiting.len() as i64 == LOT;
        let waiting = waiting.iter().map(tables::unchained).collect::<Result<Vec<Unchained>>>()?;
        let end = self.end().await?;
        let agrees = agrees(&PlaceLog(records), head.as_ref(), end.number).await?;
        if !agrees && !records.audit.is_told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                tenant = records.name(),
                "the audit log is not as it was written; `medisync audit verify` tells where"
            );
        }
        if agrees && head.is_none() {
            // Before the first row, so that a log without a head was tampered with.
            let at = AuditHead { row: 0, events: 0, hash: START, at: records.clock() };
            records.audit.directory.put_audit_head(records.audit.tenant, &Head::sign(key, at)).await?;
        }
        let (places, body, is_cut) = joined(key, &waiting);
        let Some(row) = Row::after(key, end.number, &end.mac, end.total, body) else {
            // What is not as it was written stays where it is, for a verification to find.
            return Ok(Chained { step: Step::Done, to: None });
        };
        sqlx::query("SELECT audit_chain($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(places)
            .bind(row.number)
            .bind(row.total)
            .bind(row.newest)
            .bind(row.low)
            .bind(row.high)
            .bind(row.mac.to_vec())
            .bind(row.body.to_vec())
            .execute(&mut *self.connection)
            .await?;
        if is_full(row.total.saturating_sub(end.sealed.2), end.bytes + row.body.len() as i64) {
            self.seal(end.sealed).await?;
        }
        let at = AuditHead { row: row.number, events: row.total, hash: row.mac, at: records.clock() };
        let step = if is_more || is_cut { Step::More } else { Step::Done };
        Ok(Chained { step, to: agrees.then_some(at) })
    }

    async fn end(&mut self) -> Result<End> {
        let block = self.fetch(tables::block_of(i64::MAX)).await?.first().map(tables::block).transpose()?;
        let sealed = block.map_or((0, START, 0), |it| (it.last, it.mac, it.total));
        let last = Sql::new(&format!("SELECT {} FROM audit_row ORDER BY number DESC LIMIT 1", tables::ROW));
        let row = self.fetch(last).await?.first().map(tables::row).transpose()?;
        let bytes = Sql::new("SELECT coalesce(sum(octet_length(body)), 0)::bigint FROM audit_row");
        let bytes = self.fetch(bytes).await?.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
        let (number, mac, total) = row.map_or(sealed, |it| (it.number, it.mac, it.total));
        Ok(End { number, mac, total, sealed, bytes })
    }

    /// Makes a block of all rows that are in none.
    async fn seal(&mut self, (last, before, earlier): (i64, Mac, i64)) -> Result<()> {
        let rows = self.fetch(tables::rows_from(last + 1, i64::MAX)).await?;
        let rows = rows.iter().map(tables::row).collect::<Result<Vec<_>>>()?;
        let key = self.records.audit.key.clone();
        let sealing = tokio::task::spawn_blocking(move || {
            let block = Block::seal(&key, before, earlier, &rows)?;
            let keys = block.as_ref().and_then(|it| it.keys(&key)).unwrap_or_default();
            Ok::<_, Error>(block.map(|it| (it, keys)))
        });
        let (block, keys) = match sealing.await.map_err(|_| Error::Closed)? {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Ok(()),
            // The rows stay as they are, for a verification to find what is wrong with them.
            Err(error) => {
                tracing::error!(%error, "a block of the audit log was not sealed");
                return Ok(());
            }
        };
        sqlx::query("SELECT audit_seal($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
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
        Ok(())
    }
}

/// What goes into one row: the places, the events, and whether something is left. What is not as it was written is left out.
fn joined(key: &AuditKey, waiting: &[Unchained]) -> (Vec<i64>, Bytes, bool) {
    let (mut places, mut body) = (Vec::new(), Vec::new());
    for it in waiting {
        if body.len() > BYTES {
            return (places, body.into(), true);
        }
        if it.is_true(key) {
            places.push(it.place);
            body.extend_from_slice(&it.body);
        }
    }
    (places, body.into(), false)
}
