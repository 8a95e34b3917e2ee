//! The ledger.

use super::records::Records;
use super::runner::Reading;
use crate::query::Sql;
use crate::{LedgerChange, LedgerEntry, LedgerStep, Result};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

/// How many expired entries one commit that writes the ledger takes away.
const SWEEP: i64 = 100;

/// The entry, unless it has expired.
pub(super) async fn entry(reading: &Reading<'_>, now: i64, kind: &str, key: &str) -> Result<Option<LedgerEntry>> {
    let mut sql = Sql::new(
        "SELECT key, version, expires, value FROM ledger \
         WHERE kind = ? AND key = ? AND (expires IS NULL OR expires > ?)",
    );
    sql.bind(kind.to_owned()).bind(key.to_owned()).bind(now);
    reading.fetch(sql).await?.first().map(read).transpose()
}

/// The entries of a kind whose keys come behind one, in the order of their keys, without the expired.
pub(super) async fn entries(
    reading: &Reading<'_>,
    now: i64,
    kind: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<LedgerEntry>> {
    let mut sql = Sql::new(
        "SELECT key, version, expires, value FROM ledger \
         WHERE kind = ? AND key > ? AND (expires IS NULL OR expires > ?) ORDER BY key",
    );
    sql.bind(kind.to_owned()).bind(after.to_owned()).bind(now);
    sql.limit(i64::try_from(limit).unwrap_or(i64::MAX));
    reading.fetch(sql).await?.iter().map(read).collect()
}

fn read(row: &PgRow) -> Result<LedgerEntry> {
    let (key, version) = (row.try_get(0)?, row.try_get(1)?);
    Ok(LedgerEntry { key, version, expires: row.try_get(2)?, value: row.try_get(3)? })
}

/// Writes a commit's changes of the ledger within a transaction that has its tenant; `false` where what one of them
/// builds on does not hold. Takes some of what has expired away.
pub(super) async fn write(
    connection: &mut PgConnection,
    records: &Records,
    changes: &[LedgerChange],
) -> Result<bool, sqlx::Error> {
    // Not the time of the commit, which may be ahead of the clock: what it is later than another node wrote.
    let now = records.clock();
    // All take the rows in one order.
    let mut changes: Vec<&LedgerChange> = changes.iter().collect();
    changes.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
    for change in changes {
        if !take(connection, records, change, now).await? {
            return Ok(false);
        }
    }
    sqlx::query(
        "DELETE FROM ledger WHERE (kind, key) IN \
         (SELECT kind, key FROM ledger WHERE expires <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(now)
    .bind(SWEEP)
    .execute(connection)
    .await?;
    Ok(true)
}

/// Whether what the change builds on held.
async fn take(
    connection: &mut PgConnection,
    records: &Records,
    change: &LedgerChange,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let query = match &change.step {
        LedgerStep::Insert { value, expires } => sqlx::query(
            // Somewhere among 2^62: nobody holds it from an entry that was here before.
            "INSERT INTO ledger AS l (kind, key, tenant, version, expires, value) \
             VALUES ($1, $2, $3::text::int, (random() * 4611686018427387904)::bigint, $4, $5) \
             ON CONFLICT (tenant, kind, key) DO UPDATE \
             SET version = excluded.version, expires = excluded.expires, value = excluded.value WHERE l.expires <= $6",
        )
        .bind(change.kind)
        .bind(&change.key)
        .bind(records.tenancy.number.text())
        .bind(*expires)
        .bind(value)
        .bind(now),
        LedgerStep::Replace { version, value, expires } => sqlx::query(
            "UPDATE ledger SET version = version + 1, expires = $4, value = $5 \
             WHERE kind = $1 AND key = $2 AND version = $3",
        )
        .bind(change.kind)
        .bind(&change.key)
        .bind(*version)
        .bind(*expires)
        .bind(value),
        LedgerStep::Delete { version } => {
            sqlx::query("DELETE FROM ledger WHERE kind = $1 AND key = $2 AND version = $3")
                .bind(change.kind)
                .bind(&change.key)
                .bind(*version)
        }
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}
