//! The ledger in a tenant's file.

use super::place::Place;
use crate::{CommitError, LedgerChange, LedgerEntry, LedgerStep, Result};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

/// How many expired entries one commit that writes the ledger takes away.
const SWEEP: i64 = 100;

/// The entry, unless it has expired.
pub(super) async fn entry(place: &Place, kind: &str, key: &str, now: i64) -> Result<Option<LedgerEntry>> {
    let query = sqlx::query(
        "SELECT key, version, expires, value FROM ledger \
         WHERE kind = ? AND key = ? AND (expires IS NULL OR expires > ?)",
    )
    .bind(kind.to_owned())
    .bind(key.to_owned())
    .bind(now);
    place.readers.fetch_optional(query).await?.as_ref().map(read).transpose()
}

/// The entries of a kind whose keys come behind one, in the order of their keys, without the expired.
pub(super) async fn entries(
    place: &Place,
    kind: &str,
    after: &str,
    limit: usize,
    now: i64,
) -> Result<Vec<LedgerEntry>> {
    let query = sqlx::query(
        "SELECT key, version, expires, value FROM ledger \
         WHERE kind = ? AND key > ? AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?",
    )
    .bind(kind.to_owned())
    .bind(after.to_owned())
    .bind(now)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    place.readers.fetch_all(query).await?.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<LedgerEntry> {
    Ok(LedgerEntry { key: row.try_get(0)?, version: row.try_get(1)?, expires: row.try_get(2)?, value: row.try_get(3)? })
}

/// Writes a commit's changes of the ledger, all of them or none; takes some of what has expired away.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    changes: &[LedgerChange],
    now: i64,
) -> Result<(), CommitError> {
    sqlx::query("SAVEPOINT ledger").execute(&mut *connection).await?;
    for change in changes {
        if !take(connection, change, now).await? {
            sqlx::query("ROLLBACK TO ledger").execute(&mut *connection).await?;
            return Err(CommitError::Conflict);
        }
    }
    sqlx::query("RELEASE ledger").execute(&mut *connection).await?;
    sqlx::query(
        "DELETE FROM ledger WHERE (kind, key) IN \
         (SELECT kind, key FROM ledger WHERE expires IS NOT NULL AND expires <= ? LIMIT ?)",
    )
    .bind(now)
    .bind(SWEEP)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether what the change builds on held.
async fn take(connection: &mut SqliteConnection, change: &LedgerChange, now: i64) -> Result<bool, CommitError> {
    let (kind, key) = (change.kind, change.key.as_str());
    let query = match &change.step {
        LedgerStep::Insert { value, expires } => sqlx::query(
            // Somewhere among 2^62: nobody holds it from an entry that was here before.
            "INSERT INTO ledger (kind, key, version, expires, value) VALUES (?, ?, random() & 4611686018427387903, ?, ?) \
             ON CONFLICT (kind, key) DO UPDATE \
             SET version = excluded.version, expires = excluded.expires, value = excluded.value WHERE ledger.expires <= ?",
        )
        .bind(kind)
        .bind(key)
        .bind(*expires)
        .bind(value.as_str())
        .bind(now),
        LedgerStep::Replace { version, value, expires } => {
            sqlx::query("UPDATE ledger SET version = version + 1, expires = ?, value = ? WHERE kind = ? AND key = ? AND version = ?")
                .bind(*expires)
                .bind(value.as_str())
                .bind(kind)
                .bind(key)
                .bind(*version)
        }
        LedgerStep::Delete { version } => {
            sqlx::query("DELETE FROM ledger WHERE kind = ? AND key = ? AND version = ?")
                .bind(kind)
                .bind(key)
                .bind(*version)
        }
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}
