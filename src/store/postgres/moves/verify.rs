//! Whether both sides have the same: how many rows, and a digest of them that goes by no order.

use super::copy::BY_RESOURCE;
use super::log::Round;
use super::side::Side;
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

/// Tables that say how a move is going and whose the place is, and are no part of what moves.
const OF_MOVES: [&str; 5] = ["arriving", "closed", "leaving", "reindexed", "resident"];
/// What is copied.
const COPIED: [&str; 19] = [
    "audit_block",
    "audit_key",
    "audit_new",
    "audit_row",
    "build",
    "change",
    "code_concept",
    "code_posting",
    "code_release",
    "date",
    "definition",
    "history",
    "key",
    "ledger",
    "loaded",
    "number",
    "reference",
    "resource",
    "string",
];
/// What of the audit log is in no block yet.
pub(super) const AUDIT_TAIL: [&str; 2] = ["audit_new", "audit_row"];
/// How many parts a small table is compared by.
pub(super) const PARTS: i64 = 256;

/// How many rows there are, and their digest.
type Digest = (i64, String);

/// The tables of records, as the catalogue has them.
pub(super) async fn tables(side: &mut Side) -> Result<Vec<String>> {
    let tables = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace \
         AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migration' AND c.relname <> ALL ($1) ORDER BY 1";
    side.begin(Side::SNAPSHOT).await?;
    let tables = side.texts(sqlx::query(tables).bind(&OF_MOVES.map(str::to_owned)[..])).await?;
    side.commit().await?;
    Ok(tables)
}

/// Fails where there is a table of which the copy knows nothing, as a newer server's.
pub(super) async fn knows_all_tables(side: &mut Side) -> Result<()> {
    let tables = tables(side).await?;
    match tables.iter().find(|it| !COPIED.contains(&it.as_str())) {
        None => Ok(()),
        Some(other) => Err(Error::CannotMove(format!("this version does not know its table {other}; use a newer one"))),
    }
}

/// Compares all tables, and tells how many rows they have.
pub(super) async fn all(from: &mut Side, to: &mut Side) -> Result<u64> {
    let mut rows = 0;
    for table in COPIED {
        to.begin(Side::SNAPSHOT).await?;
        rows += digests(from, to, table, &format!("SELECT {} FROM {table} t", digest_of(table))).await?;
        to.commit().await?;
    }
    Ok(rows)
}

/// Compares what a query has on both sides, within the transactions that they are in; how many rows that is.
async fn digests(from: &mut Side, to: &mut Side, table: &str, digest: &str) -> Result<u64> {
    let query = || sqlx::query(AssertSqlSafe(digest));
    let (there, here) = tokio::try_join!(from.row(query()), to.row(query()))?;
    same(table, read(&there)?, read(&here)?)
}

/// Compares what the tables have of these resources, within the transactions that both sides are in.
pub(super) async fn resources(from: &mut Side, to: &mut Side, rids: &[i64]) -> Result<()> {
    for table in BY_RESOURCE.into_iter().chain(["history"]) {
        let digest = format!("SELECT {} FROM {}", digest_of(table), each_of(table, "*"));
        compare(from, to, table, &digest, rids).await?;
    }
    // Each is looked up by itself, whatever the planner reckons.
    let keys = "SELECT count(*), coalesce(sum(hashtextextended(k::text, 0)), 0)::text FROM resource r \
         CROSS JOIN unnest(r.keys) AS u(key) \
         CROSS JOIN LATERAL (SELECT * FROM key WHERE key = u.key AND rid = r.rid OFFSET 0) k WHERE r.rid = ANY ($1)";
    compare(from, to, "key", keys, rids).await
}

/// Compares what the last round copied, and what the log has of it.
pub(super) async fn touched(from: &mut Side, to: &mut Side, round: &Round) -> Result<()> {
    to.begin(Side::SNAPSHOT).await?;
    resources(from, to, &round.resources).await?;
    let each = "unnest($1::bigint[]) AS u(seq) CROSS JOIN LATERAL (SELECT * FROM change WHERE seq = u.seq OFFSET 0) t";
    let changes = format!("SELECT {} FROM {each}", digest_of("change"));
    compare(from, to, "change", &changes, &round.changes).await?;
    for table in AUDIT_TAIL {
        digests(from, to, table, &format!("SELECT {} FROM {table} t", digest_of(table))).await?;
    }
    // A block is known by its seal.
    let seals =
        "SELECT count(*), coalesce(sum(hashtextextended((t.number, t.seal)::text, 0)), 0)::text FROM audit_block t";
    digests(from, to, "audit_block", seals).await?;
    to.commit().await
}

/// The digests of a small table's parts.
pub(super) async fn parts(side: &mut Side, table: &str) -> Result<FxHashMap<i64, Digest>> {
    let part = part_of("t");
    let parts = format!("SELECT {}, {part} FROM {table} t GROUP BY {part}", digest_of(table));
    let rows = side.rows(sqlx::query(AssertSqlSafe(parts))).await?;
    rows.iter().map(|it| Ok((it.try_get(2)?, read(it)?))).collect()
}

/// Which part of a small table a row belongs to.
pub(super) fn part_of(row: &str) -> String {
    format!("(hashtextextended({row}::text, 0) & {})", PARTS - 1)
}

async fn compare(from: &mut Side, to: &mut Side, table: &str, digest: &str, which: &[i64]) -> Result<()> {
    let query = || sqlx::query(AssertSqlSafe(digest)).bind(which);
    let (there, here) = tokio::try_join!(from.row(query()), to.row(query()))?;
    same(table, read(&there)?, read(&here)?).map(|_| ())
}

/// A table's rows of some resources. Each resource is looked up by itself: of a table that is new the planner knows so
/// little that it may read the whole of it for a few rows.
pub(super) fn each_of(table: &str, columns: &str) -> String {
    format!(
        "unnest($1::bigint[]) AS u(rid) CROSS JOIN LATERAL (SELECT {columns} FROM {table} x WHERE rid = u.rid OFFSET 0) t"
    )
}

/// The columns of a digest. A change's transaction is that of the database it is in.
fn digest_of(table: &str) -> String {
    let row = if table == "change" { "(t.tenant, t.seq, t.rid, t.version, t.updated, t.type)" } else { "t" };
    format!("count(*), coalesce(sum(hashtextextended({row}::text, 0)), 0)::text")
}

fn read(row: &PgRow) -> Result<Digest> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

fn same(table: &str, there: Digest, here: Digest) -> Result<u64> {
    match there == here {
        true => Ok(there.0.unsigned_abs()),
        false => Err(Error::CopyDiffers { table: table.to_owned(), there: there.0, here: here.0 }),
    }
}
