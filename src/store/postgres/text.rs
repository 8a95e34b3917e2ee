//! The full-text view of a tenant, a folder of this node's own, which follows the change log when it is asked something.
//!
//! Other nodes write at the same time, and what has a lower number may be committed later. A view is at a *transaction*:
//! all before it had ended when it was looked at, so what they wrote was seen. A look reads from there to the end whatever
//! is visible; what the view has put in already it remembers by its place in the log. So no late commit is passed over, and
//! nobody waits for a long transaction (docs/decisions/0013-postgresql.md).

use super::records::Records;
use crate::keys::Version;
use crate::query::{Answers, Sql};
use crate::text::{self, COMMIT, View, Writer, answers_of, asked_by, blocking, put};
use crate::{Error, Indexed, Key, Plan, Result};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::sync::Arc;

/// The most changes that are read at a time.
const CHANGES: i64 = 256;
/// Bytes of bodies after which no more changes are read at a time.
const BYTES: i64 = 16 << 20;

pub(super) type Follower = text::Follower<Reached>;
type Followed = text::Followed<Reached>;

/// How far a view has come.
pub(super) struct Reached {
    /// The transaction that it is at.
    tx: i64,
    /// What is in it from there on: places in the log, with their transactions.
    seen: FxHashMap<i64, i64>,
}

impl From<i64> for Reached {
    fn from(tx: i64) -> Reached {
        Reached { tx, seen: FxHashMap::default() }
    }
}

/// A change and what became of its resource.
struct Change {
    seq: i64,
    tx: i64,
    rid: i64,
    /// Whether no later version has taken its place.
    is_last: bool,
    /// The resource now; `None` if it is deleted.
    body: Option<Bytes>,
}

/// Asks the view all full-text tests of a plan, as of the end of the change log now.
pub(super) async fn answers(records: &Arc<Records>, plan: &Plan) -> Result<Answers> {
    let asked = asked_by(plan);
    if asked.is_empty() {
        return Ok(Answers::default());
    }
    // It goes on without the caller, who waits no longer than a query may take.
    let work = tokio::spawn({
        let records = records.clone();
        async move { follow(&records, &|_| ()).await }
    });
    let view = match tokio::time::timeout(records.shared.bounds.query_time, work).await {
        Ok(done) => done.map_err(Error::text)??,
        Err(_) => return Err(Error::TextBehind),
    };
    answers_of(view, asked).await
}

/// Throws the view away and makes it anew from all resources; tells how far it has come.
pub(super) async fn rebuild(records: &Records, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<()> {
    records.text.discard().await?;
    follow(records, told).await.map(|_| ())
}

/// Brings the view to what is committed now.
async fn follow(records: &Records, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<Arc<View>> {
    let has = |tx| async move { Ok(tx <= oldest_transaction(records).await?) };
    let (mut shelf, mut followed) = records.text.take(records.tenancy.sealer.left_out(), has).await?;
    let oldest = oldest_transaction(records).await?;
    let mut cursor = (followed.at.tx, 0);
    let mut batch = after(records, cursor).await?;
    // What was put in already may fill whole batches, as long as a transaction that is older is under way.
    while let Some(last) = batch.last()
        && batch.iter().all(|it| followed.at.seen.contains_key(&it.seq))
    {
        cursor = (last.tx, last.seq);
        batch = after(records, cursor).await?;
    }
    if batch.is_empty() {
        followed.at.pass(oldest);
    } else {
        let _permit = records.shared.text_writers.acquire().await.map_err(|_| Error::Closed)?;
        let view = followed.view.clone();
        let mut writer = blocking(move || view.writer()).await?;
        let mut progress = Indexed { done: 0, total: resources(records).await? };
        let mut uncommitted = 0;
        while let Some(last) = batch.last() {
            cursor = (last.tx, last.seq);
            let new: Vec<Change> = batch.into_iter().filter(|it| !followed.at.seen.contains_key(&it.seq)).collect();
            followed.at.seen.extend(new.iter().map(|it| (it.seq, it.tx)));
            uncommitted += new.len();
            let new: Vec<_> = new.into_iter().filter(|it| it.is_last).map(|it| (it.rid, it.body)).collect();
            progress.done += new.len() as i64;
            writer = blocking(move || put(writer, new.into_iter())).await?;
            told(progress);
            if uncommitted >= COMMIT {
                writer = commit(&mut followed, writer, cursor.0.min(oldest)).await?;
                uncommitted = 0;
            }
            batch = after(records, cursor).await?;
        }
        writer = commit(&mut followed, writer, oldest).await?;
        blocking(move || writer.close()).await?;
        followed.refresh().await?;
    }
    let view = followed.view.clone();
    *shelf = Some(followed);
    Ok(view)
}

impl Reached {
    /// Everything before this transaction is in the view.
    fn pass(&mut self, tx: i64) {
        self.tx = tx;
        self.seen.retain(|_, it| *it >= tx);
    }
}

/// Commits what was put in; the view is at this transaction then.
async fn commit(followed: &mut Followed, mut writer: Writer, tx: i64) -> Result<Writer> {
    let writer = blocking(move || writer.commit(tx).map(|()| writer)).await?;
    followed.at.pass(tx);
    followed.refresh().await?;
    Ok(writer)
}

/// All transactions before this one have ended.
async fn oldest_transaction(records: &Records) -> Result<i64> {
    one(records, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").await
}

/// How many resources there are, deleted ones included: as many as there are changes that nothing has gone past.
async fn resources(records: &Records) -> Result<i64> {
    one(records, "SELECT count(*) FROM resource").await
}

async fn one(records: &Records, text: &str) -> Result<i64> {
    let rows = records.reading().fetch(Sql::new(text)).await?;
    Ok(rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?)
}

/// The next changes behind a transaction's place in the log, as they are visible now.
async fn after(records: &Records, (tx, seq): (i64, i64)) -> Result<Vec<Change>> {
    let mut sql = Sql::new(
        "SELECT p.seq, p.tx::text::bigint, p.rid, r.version IS NOT NULL, r.method < 4, r.body, r.type, r.id, r.version, r.updated FROM \
         (SELECT c.seq, c.tx, c.rid, c.version, sum(s.size) OVER (ORDER BY c.tx, c.seq) - s.size AS before FROM \
          (SELECT seq, tx, rid, version FROM change WHERE (tx, seq) > (?::text::xid8, ?) ORDER BY tx, seq",
    );
    sql.bind(tx).bind(seq).limit(CHANGES).push(
        ") c CROSS JOIN LATERAL (SELECT coalesce(max(octet_length(body)), 0) AS size FROM resource \
         WHERE rid = c.rid AND version = c.version) s) p \
         LEFT JOIN LATERAL (SELECT version, method, body, type, id, updated FROM resource WHERE rid = p.rid AND version = p.version OFFSET 0) r \
         ON true WHERE p.before < ? ORDER BY p.tx, p.seq",
    );
    sql.bind(BYTES);
    let rows = records.reading().fetch(sql).await?;
    let mut changes = Vec::with_capacity(rows.len());
    for row in &rows {
        changes.push(change(records, row).await?);
    }
    Ok(changes)
}

async fn change(records: &Records, row: &PgRow) -> Result<Change> {
    let (seq, tx, rid) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let body = match row.try_get(4)? {
        Some(true) => {
            let key = Key { of: row.try_get(6)?, id: row.try_get(7)? };
            let of = Version { key: &key, version: row.try_get(8)?, updated: row.try_get(9)?, rid };
            let kept: Vec<u8> = row.try_get(5)?;
            records.tenancy.sealer.open_followed(&of, kept.into()).await?
        }
        _ => None,
    };
    Ok(Change { seq, tx, rid, is_last: row.try_get(3)?, body })
}
