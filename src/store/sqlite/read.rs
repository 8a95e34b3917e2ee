//! Reads of single resources and versions.

use super::place::Place;
use crate::{Key, Method, Result, Stored};
use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// A row with the columns `type, id, version, updated, method, body`, in this order from `first` on.
pub(super) fn stored(row: &SqliteRow, first: usize) -> Result<Stored> {
    Ok(Stored {
        key: Key { of: row.try_get(first)?, id: row.try_get(first + 1)? },
        version: row.try_get(first + 2)?,
        updated: row.try_get(first + 3)?,
        method: Method::from_code(row.try_get(first + 4)?),
        body: Bytes::from(row.try_get::<Vec<u8>, _>(first + 5)?),
    })
}

/// The current version, a deleted one included.
pub(super) async fn current(place: &Place, key: &Key) -> Result<Option<Stored>> {
    let query =
        sqlx::query("SELECT version, updated, method, body FROM resource WHERE rkey = ? AND type = ? AND id = ?")
            .bind(place.hash.resource(&key.of, &key.id))
            .bind(key.of.clone())
            .bind(key.id.clone());
    let Some(row) = place.readers.fetch_optional(query).await? else { return Ok(None) };
    Ok(Some(Stored {
        key: key.clone(),
        version: row.try_get(0)?,
        updated: row.try_get(1)?,
        method: Method::from_code(row.try_get(2)?),
        body: Bytes::from(row.try_get::<Vec<u8>, _>(3)?),
    }))
}

/// The current versions of those that exist and are not deleted.
pub(super) async fn many(place: &Place, keys: &[Key]) -> Result<Vec<Stored>> {
    let wanted: Vec<i64> = keys.iter().map(|it| place.hash.resource(&it.of, &it.id)).collect();
    let query = sqlx::query(
        "SELECT r.type, r.id, r.version, r.updated, r.method, r.body FROM json_each(?) wanted \
         CROSS JOIN resource r ON r.rkey = wanted.value WHERE r.method < 4",
    )
    .bind(json_array(&wanted));
    place.readers.fetch_all(query).await?.iter().map(|it| stored(it, 0)).collect()
}

/// One version, be it the current one or one in the history.
pub(super) async fn version(place: &Place, key: &Key, version: i64) -> Result<Option<Stored>> {
    let query = sqlx::query(
        "SELECT r.type, r.id, r.version, r.updated, r.method, r.body FROM resource r \
         WHERE r.rkey = ?1 AND r.type = ?2 AND r.id = ?3 AND r.version = ?4 UNION ALL \
         SELECT r.type, r.id, h.version, h.updated, h.method, h.body FROM resource r \
         JOIN history h ON h.rid = r.rid AND h.version = ?4 WHERE r.rkey = ?1 AND r.type = ?2 AND r.id = ?3",
    )
    .bind(place.hash.resource(&key.of, &key.id))
    .bind(key.of.clone())
    .bind(key.id.clone())
    .bind(version);
    place.readers.fetch_optional(query).await?.map(|it| stored(&it, 0)).transpose()
}

/// Whether this content was loaded before.
pub(super) async fn loaded(place: &Place, content: &[u8; 16]) -> Result<bool> {
    let query = sqlx::query("SELECT 1 FROM loaded WHERE content = ?").bind(content.to_vec());
    Ok(place.readers.fetch_optional(query).await?.is_some())
}

/// Integers as a JSON array, for `json_each`.
pub(super) fn json_array(numbers: &[i64]) -> String {
    let mut out = String::with_capacity(numbers.len() * 20 + 2);
    out.push('[');
    for (i, number) in numbers.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&number.to_string());
    }
    out.push(']');
    out
}
