//! Versions, newest first: the change log joined with the bodies, which stand in `resource` while current and in
//! `history` afterwards.

use super::{Runner, Sql};
use crate::{History, HistoryPage, Result, Scope, SortValue};

/// A page of a history. A time before the log began costs nothing: `seq` leads with the time.
pub(crate) async fn history(runner: &mut dyn Runner, history: &History) -> Result<HistoryPage> {
    let mut sql = Sql::new(
        "SELECT r.type, r.id, c.version, c.updated, coalesce(h.method, r.method), coalesce(h.body, r.body), r.rid, c.seq AS s0",
    );
    sql.append(within(runner, history, true));
    if let Some(before) = history.before {
        sql.push(" AND c.seq < ?").bind(before);
    }
    sql.push(" ORDER BY c.seq DESC").limit(history.limit as i64 + 1);
    let mut found = runner.rows(sql, 1).await?;

    let mut count = Sql::new("SELECT count(*)");
    // Nobody asked for bodies: only whether a version was current at a time needs more than the log.
    count.append(within(runner, history, history.at.is_some()));
    let total = runner.counts(count).await?.first().copied().unwrap_or(0);

    let is_more = found.len() > history.limit;
    found.truncate(history.limit);
    let next = found.last().filter(|_| is_more).and_then(|it| match it.position.values[..] {
        [SortValue::Int(seq)] => Some(seq),
        _ => None,
    });
    Ok(HistoryPage { versions: found.into_iter().map(|it| it.stored).collect(), total, next })
}

/// `FROM` and `WHERE` of the versions in scope and time, joined with the bodies where asked.
fn within(runner: &dyn Runner, history: &History, has_bodies: bool) -> Sql {
    let dialect = runner.dialect();
    let bodies =
        dialect.then("resource r", "r.rid = c.rid") + " LEFT JOIN history h ON h.rid = c.rid AND h.version = c.version";
    let joined = if has_bodies { bodies.as_str() } else { "" };
    let mut sql = Sql::default();
    match &history.scope {
        // One resource's versions are few: they are found by its row, not by the log.
        Scope::Instance(key) => {
            sql.push(&format!(
                " FROM (SELECT updated * 1000000 + version AS seq, rid, version, updated FROM resource \
                 WHERE rkey = ? AND type = ? AND id = ? UNION ALL \
                 SELECT o.updated * 1000000 + o.version, o.rid, o.version, o.updated FROM resource n{} \
                 WHERE n.rkey = ? AND n.type = ? AND n.id = ?) c",
                dialect.then("history o", "o.rid = n.rid")
            ));
            let rkey = runner.hash().resource(&key.of, &key.id);
            for _ in 0..2 {
                sql.bind(rkey).bind(key.of.clone()).bind(key.id.clone());
            }
            sql.push(joined).push(" WHERE true");
        }
        Scope::Type(of) => {
            sql.push(&format!(" FROM change c{}", dialect.by("change_type")))
                .push(joined)
                .push(" WHERE c.type = ?")
                .bind(of.clone());
        }
        Scope::System => {
            sql.push(" FROM change c").push(joined).push(" WHERE true");
        }
    }
    if let Some(since) = history.since {
        sql.push(" AND c.updated >= ?").bind(since);
        if !matches!(history.scope, Scope::Instance(_)) {
            // `seq` runs at most a moment ahead of the time, never behind it.
            sql.push(" AND c.seq >= ?").bind(dialect.log_from(since));
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
