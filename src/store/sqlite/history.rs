//! Versions, newest first: the change log joined with the bodies, which stand in `resource` while current and in
//! `history` afterwards.

use super::place::Place;
use super::read::stored;
use super::runner::query;
use crate::query::Sql;
use crate::{History, HistoryPage, Result, Scope};
use sqlx::Row;

/// A page of a history. A time before the log began costs nothing: `seq` is a time.
pub(super) async fn page(place: &Place, history: &History) -> Result<HistoryPage> {
    let mut sql = Sql::new(
        "SELECT c.seq, r.type, r.id, c.version, c.updated, coalesce(h.method, r.method), coalesce(h.body, r.body)",
    );
    sql.append(within(place, history, true));
    if let Some(before) = history.before {
        sql.push(" AND c.seq < ?").bind(before);
    }
    sql.push(" ORDER BY c.seq DESC").limit(history.limit as i64 + 1);
    let rows = place.readers.fetch_all(query(sql)?).await?;

    let mut count = Sql::new("SELECT count(*)");
    // Nobody asked for bodies: only whether a version was current at a time needs more than the log.
    count.append(within(place, history, history.at.is_some()));
    let total = place.readers.fetch_one(query(count)?).await?.try_get(0)?;

    let mut versions = Vec::with_capacity(rows.len());
    for row in rows.iter().take(history.limit) {
        versions.push(stored(row, 1)?);
    }
    let next = match rows.get(history.limit.wrapping_sub(1)) {
        Some(last) if rows.len() > history.limit => Some(last.try_get(0)?),
        _ => None,
    };
    Ok(HistoryPage { versions, total, next })
}

/// `FROM` and `WHERE` of the versions in scope and time, joined with the bodies where asked.
fn within(place: &Place, history: &History, has_bodies: bool) -> Sql {
    let joined = match has_bodies {
        true => {
            " CROSS JOIN resource r ON r.rid = c.rid LEFT JOIN history h ON h.rid = c.rid AND h.version = c.version"
        }
        false => "",
    };
    let mut sql = Sql::default();
    match &history.scope {
        // One resource's versions are few: they are found by its row, not by the log.
        Scope::Instance(key) => {
            sql.push(
                " FROM (SELECT updated * 1000000 + version AS seq, rid, version, updated FROM resource \
                 WHERE rkey = ? AND type = ? AND id = ? UNION ALL \
                 SELECT o.updated * 1000000 + o.version, o.rid, o.version, o.updated FROM resource n \
                 JOIN history o ON o.rid = n.rid WHERE n.rkey = ? AND n.type = ? AND n.id = ?) c",
            );
            for _ in 0..2 {
                sql.bind(place.hash.resource(&key.of, &key.id)).bind(key.of.clone()).bind(key.id.clone());
            }
            sql.push(joined).push(" WHERE 1");
        }
        Scope::Type(of) => {
            sql.push(" FROM change c INDEXED BY change_type").push(joined).push(" WHERE c.type = ?").bind(of.clone());
        }
        Scope::System => {
            sql.push(" FROM change c").push(joined).push(" WHERE 1");
        }
    }
    if let Some(since) = history.since {
        sql.push(" AND c.updated >= ?").bind(since);
        if !matches!(history.scope, Scope::Instance(_)) {
            // `seq` runs at most a moment ahead of the time, never behind it.
            sql.push(" AND c.seq >= ?").bind(since.saturating_mul(1000));
        }
    }
    if let Some((from, to)) = history.at {
        // Current at some time in the range: made before its end, and superseded after its start if at all.
        sql.push(
            " AND c.updated <= ? AND coalesce((SELECT n.updated FROM history n WHERE n.rid = c.rid AND n.version = c.version + 1), \
             CASE WHEN r.version = c.version + 1 THEN r.updated END, ?) > ?",
        );
        sql.bind(to).bind(i64::MAX).bind(from);
    }
    sql
}
