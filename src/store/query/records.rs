//! Reads of single resources and versions, and the walk over all.

use super::{Found, Runner, Sql};
use crate::{Key, Lived, Result, SortValue, Stored, Walked};

/// The current versions of those that exist, deleted ones included. Two resources may have one hash: among what is
/// found there may be one that nobody asked for.
pub(crate) async fn current(runner: &mut dyn Runner, keys: &[Key]) -> Result<Vec<Stored>> {
    many(runner, keys, "").await
}

/// The current versions of those that exist and are not deleted; the same reservation holds.
pub(crate) async fn living(runner: &mut dyn Runner, keys: &[Key]) -> Result<Vec<Stored>> {
    many(runner, keys, " AND r.method < 4").await
}

/// The columns of a current version, as [`Runner::rows`] takes them.
const COLUMNS: &str = "SELECT r.type, r.id, r.version, r.updated, r.method, r.body, r.rid FROM ";

async fn many(runner: &mut dyn Runner, keys: &[Key], condition: &str) -> Result<Vec<Stored>> {
    let hash = runner.hash();
    let mut rkeys: Vec<i64> = keys.iter().map(|it| hash.resource(&it.of, &it.id)).collect();
    let mut sql = Sql::new(COLUMNS);
    match rkeys.as_slice() {
        [one] => sql.push(&format!("resource r WHERE r.rkey = ?{condition}")).bind(*one),
        _ => {
            rkeys.sort_unstable();
            rkeys.dedup();
            let dialect = runner.dialect();
            let there = dialect.then("resource r", &format!("r.rkey = w.value{condition}"));
            sql.push(dialect.list()).push(&there).bind(rkeys)
        }
    };
    Ok(stored(runner.rows(sql, 0).await?))
}

/// Of each the version with the number, or the newest; of a deletion the last version before it. Each once, without its body.
pub(crate) async fn lived(runner: &mut dyn Runner, wanted: &[(Key, Option<i64>)]) -> Result<Vec<Lived>> {
    let (hash, dialect) = (runner.hash(), runner.dialect());
    let number = |(key, version): &(Key, Option<i64>)| (hash.resource(&key.of, &key.id), version.unwrap_or(i64::MAX));
    let numbers: Vec<(i64, i64)> = wanted.iter().map(number).collect();
    // Which columns a row has is the same for all of them: the body is empty, and the only sort value is its length.
    let columns = |of: &str| {
        let (none, length) = (dialect.no_bytes(), dialect.length(&format!("{of}.body")));
        format!("SELECT r.type, r.id, {of}.version, {of}.updated, {of}.method, {none}, r.rid, {length} FROM ")
    };
    let mut sql = Sql::new(&columns("r"));
    sql.append(dialect.pairs(&numbers));
    sql.push(&dialect.then("resource r", "r.rkey = w.value AND r.method < 4 AND r.version <= w.most"));
    sql.push(&format!(" UNION ALL {}", columns("h"))).append(dialect.pairs(&numbers));
    sql.push(&dialect.then("resource r", "r.rkey = w.value AND (r.method = 4 OR r.version > w.most)"));
    let last = "h.rid = r.rid AND h.version = (SELECT l.version FROM history l WHERE l.rid = r.rid AND l.version <= w.most \
                AND l.method < 4 ORDER BY l.version DESC LIMIT 1)";
    sql.push(&dialect.then("history h", last));
    let mut all: Vec<Lived> = runner.rows(sql, 1).await?.into_iter().map(without_body).collect();
    all.sort_unstable_by_key(|it| (it.row, it.version));
    all.dedup_by_key(|it| (it.row, it.version));
    Ok(all)
}

fn without_body(Found { stored, position }: Found) -> Lived {
    let length = match position.values.first() {
        Some(SortValue::Int(length)) => length.unsigned_abs(),
        _ => 0,
    };
    Lived { key: stored.key, version: stored.version, row: position.row, length }
}

/// The first of these with their bodies, no more than so many bytes but one of them at the least: how many were looked at, and
/// those that are not damaged.
pub(crate) async fn lived_bodies(runner: &mut dyn Runner, all: &[Lived], most: u64) -> Result<(usize, Vec<Stored>)> {
    let dialect = runner.dialect();
    let mut sum: u64 = 0;
    let is_in = |it: &&Lived| {
        sum = sum.saturating_add(it.length);
        sum <= most
    };
    let count = all.iter().take_while(is_in).count().max(1);
    let first: Vec<(i64, i64)> = all.iter().take(count).map(|it| (it.row, it.version)).collect();
    let mut sql = Sql::new(COLUMNS);
    sql.append(dialect.pairs(&first));
    sql.push(&dialect.then("resource r", "r.rid = w.value AND r.version = w.most"));
    // What was the current version a moment ago may be a former one by now.
    sql.push(" UNION ALL SELECT r.type, r.id, h.version, h.updated, h.method, h.body, r.rid FROM ");
    sql.append(dialect.pairs(&first));
    sql.push(&dialect.then("resource r", "r.rid = w.value AND r.version <> w.most"));
    sql.push(&dialect.then("history h", "h.rid = r.rid AND h.version = w.most"));
    let (found, _) = runner.sound_rows(sql).await?;
    Ok((first.len(), stored(found)))
}

/// One version, be it the current one or one in the history.
pub(crate) async fn version(runner: &mut dyn Runner, key: &Key, version: i64) -> Result<Option<Stored>> {
    let rkey = runner.hash().resource(&key.of, &key.id);
    let then = runner.dialect().then("history h", "h.rid = r.rid AND h.version = ?");
    let is_it = "r.rkey = ? AND r.type = ? AND r.id = ?";
    let mut sql = Sql::new(&format!("{COLUMNS}resource r WHERE r.version = ? AND {is_it} UNION ALL "));
    sql.push(&format!(
        "SELECT r.type, r.id, h.version, h.updated, h.method, h.body, r.rid FROM resource r{then} WHERE {is_it}"
    ));
    for _ in 0..2 {
        sql.bind(version).bind(rkey).bind(key.of.clone()).bind(key.id.clone());
    }
    Ok(stored(runner.rows(sql, 0).await?).pop())
}

/// How many resources of these types there are.
pub(crate) async fn count_of(runner: &mut dyn Runner, types: &[String]) -> Result<i64> {
    let mut sql = Sql::new("SELECT count(*) FROM ");
    sql.append(of_types(runner, types, ""));
    Ok(runner.counts(sql).await?.first().copied().unwrap_or(0))
}

/// The resources of these types among the next `span` of all: what a step costs depends on `span` alone.
pub(crate) async fn walk(runner: &mut dyn Runner, types: &[String], after: i64, span: i64) -> Result<Walked> {
    let mut end =
        Sql::new("SELECT count(*), coalesce(max(rid), ?) FROM (SELECT rid FROM resource WHERE rid > ? ORDER BY rid");
    end.bind(after).bind(after).limit(span).push(") s");
    let [count, position] = runner.counts(end).await?[..] else { return Err(sqlx::Error::RowNotFound.into()) };
    let mut sql = Sql::new(COLUMNS);
    sql.append(of_types(runner, types, " AND k.rid > ? AND k.rid <= ?")).bind(after).bind(position);
    sql.push(&runner.dialect().then("resource r", "r.rid = k.rid"));
    let (found, damaged) = runner.sound_rows(sql).await?;
    Ok(Walked { found: stored(found), damaged, position, is_end: count < span })
}

/// What marks the resources of types, `k`, where a condition holds.
fn of_types(runner: &dyn Runner, types: &[String], condition: &str) -> Sql {
    let (hash, dialect) = (runner.hash(), runner.dialect());
    let mut sql = Sql::new(dialect.list());
    sql.push(&dialect.then("key k", &format!("k.key = w.value{condition}")));
    sql.bind(types.iter().map(|it| hash.type_key(it)).collect::<Vec<_>>());
    sql
}

/// Whether this content was loaded before.
pub(crate) async fn loaded(runner: &mut dyn Runner, content: &[u8; 16]) -> Result<bool> {
    let mut sql = Sql::new("SELECT count(*) FROM loaded WHERE content = ?");
    sql.bind(content.to_vec());
    Ok(runner.counts(sql).await?.first().is_some_and(|it| *it > 0))
}

fn stored(found: Vec<Found>) -> Vec<Stored> {
    found.into_iter().map(|it| it.stored).collect()
}
