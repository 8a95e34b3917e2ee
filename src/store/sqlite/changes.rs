//! The change log as followers read it: forward, from where they stopped. A tenant has one writer, so the order of `seq`
//! is the order of commit, and nothing is ever added before what a reader saw.

use super::place::Place;
use crate::keys::Version;
use crate::{Key, Result};
use bytes::Bytes;
use sqlx::Row;

/// The most changes that are read at a time.
const CHANGES: i64 = 256;
/// Bytes of bodies after which no more changes are read at a time.
const BYTES: i64 = 16 << 20;

/// A change that its resource has not gone past.
pub(super) struct Change {
    /// Its place in the log.
    pub(super) seq: i64,
    pub(super) rid: i64,
    /// The resource now; `None` if it is deleted.
    pub(super) body: Option<Bytes>,
}

/// The end of the log; 0 if nothing was ever written.
pub(super) async fn end(place: &Place) -> Result<i64> {
    let query = sqlx::query("SELECT coalesce(max(seq), 0) FROM change");
    Ok(place.readers.fetch_one(query).await?.try_get(0)?)
}

/// Whether there is a change at this place of the log, as there must be where a follower stopped.
pub(super) async fn has(place: &Place, seq: i64) -> Result<bool> {
    let query = sqlx::query("SELECT 1 FROM change WHERE seq = ?").bind(seq);
    Ok(seq == 0 || place.readers.fetch_optional(query).await?.is_some())
}

/// How many resources there are, deleted ones included: as many as there are changes that nothing has gone past.
pub(super) async fn resources(place: &Place) -> Result<i64> {
    let query = sqlx::query("SELECT count(*) FROM resource");
    Ok(place.readers.fetch_one(query).await?.try_get(0)?)
}

/// The next changes after one place of the log, none behind another; empty when there are none. A version that was
/// superseded is passed over: its successor's change comes.
pub(super) async fn after(place: &Place, seq: i64, until: i64) -> Result<Vec<Change>> {
    let query = sqlx::query(
        "SELECT p.seq, p.rid, r.method < 4, r.body, r.type, r.id, r.version, r.updated FROM \
         (SELECT seq, rid, sum(size) OVER (ORDER BY seq) - size AS before FROM \
          (SELECT c.seq, c.rid, length(r.body) AS size FROM change c \
           CROSS JOIN resource r ON r.rid = c.rid AND r.version = c.version \
           WHERE c.seq > ? AND c.seq <= ? ORDER BY c.seq LIMIT ? + 0)) p \
         CROSS JOIN resource r ON r.rid = p.rid WHERE p.before < ? ORDER BY p.seq",
    )
    .bind(seq)
    .bind(until)
    .bind(CHANGES)
    .bind(BYTES);
    let rows = place.readers.fetch_all(query).await?;
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        let (seq, rid): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let body = match row.try_get(2)? {
            true => {
                let key = Key { of: row.try_get(4)?, id: row.try_get(5)? };
                let of = Version { key: &key, version: row.try_get(6)?, updated: row.try_get(7)?, rid };
                place.sealer.open_followed(&of, row.try_get::<Vec<u8>, _>(3)?.into()).await?
            }
            false => None,
        };
        changes.push(Change { seq, rid, body });
    }
    Ok(changes)
}
