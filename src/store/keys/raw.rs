//! What is kept of a tenant as it is kept, to be encrypted anew: the statements of both engines.

use super::body::Version;
use crate::query::{Dialect, Sql};
use crate::{Error, Key, Result};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::{ColumnIndex, Decode, Row as SqlRow, Type};

/// An entry of the ledger as it is kept.
pub(crate) struct Raw {
    /// Its kind.
    pub(crate) kind: String,
    /// Its key.
    pub(crate) key: String,
    /// Its value, encrypted or not.
    pub(crate) value: String,
}

impl Raw {
    /// Reads a row of [`entries`].
    pub(crate) fn read<R>(row: &R) -> Result<Raw>
    where
        R: SqlRow,
        usize: ColumnIndex<R>,
        for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    {
        Ok(Raw { kind: row.try_get(0)?, key: row.try_get(1)?, value: row.try_get(2)? })
    }
}

/// Where a version stands among a tenant's: its resource's row, and its number.
pub(crate) type Place = (i64, i64);

/// A version's body as it is kept.
pub(crate) struct RawBody {
    /// Whose.
    pub(crate) key: Key,
    /// Where it stands.
    pub(crate) place: Place,
    /// The hash that the row is found by.
    pub(crate) rkey: i64,
    /// When it was written, in milliseconds since the epoch.
    pub(crate) updated: i64,
    /// The body, encrypted or not; empty of a deletion.
    pub(crate) body: Bytes,
}

impl RawBody {
    /// What it is of.
    pub(crate) fn version(&self) -> Version<'_> {
        Version { key: &self.key, version: self.place.1, updated: self.updated, rid: self.place.0 }
    }

    /// Reads a row of [`bodies`].
    pub(crate) fn read<R>(row: &R) -> Result<RawBody>
    where
        R: SqlRow,
        usize: ColumnIndex<R>,
        for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
        for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
        for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    {
        Ok(RawBody {
            place: (row.try_get(0)?, row.try_get(1)?),
            updated: row.try_get(2)?,
            body: Bytes::from(row.try_get::<Vec<u8>, _>(3)?),
            key: Key { of: row.try_get(4)?, id: row.try_get(5)? },
            rkey: row.try_get(6)?,
        })
    }
}

/// Where a version stands, and how long its body is.
pub(crate) type Size = (Place, i64);

/// Reads a row of [`sizes`].
pub(crate) fn size<R>(row: &R) -> Result<Size>
where
    R: SqlRow,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))
}

/// What is kept of a tenant, by an engine.
#[async_trait]
pub(crate) trait RawRecords: Send {
    /// How the engine spells.
    fn dialect(&self) -> Dialect;
    /// Has all writes refused that were encrypted and marked by an earlier edition of the tenant's keys than this one, and waits
    /// for those that are under way.
    async fn fence(&mut self, edition: u32) -> Result<()>;
    /// The edition of the tenant's keys that writes must be by, or by a later one.
    async fn fenced(&mut self) -> Result<u32>;
    /// The rows of [`entries`].
    async fn entries(&mut self, statement: Sql) -> Result<Vec<Raw>>;
    /// The rows of [`sizes`].
    async fn sizes(&mut self, statement: Sql) -> Result<Vec<Size>>;
    /// The rows of [`bodies`].
    async fn bodies(&mut self, statement: Sql) -> Result<Vec<RawBody>>;
    /// Runs statements in one transaction, as a writer among others.
    async fn change(&mut self, statements: Vec<Sql>) -> Result<()>;
}

/// Reads the only row of an engine's statement for [`RawRecords::fenced`].
pub(crate) fn edition<R>(row: &R) -> Result<u32>
where
    R: SqlRow,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    u32::try_from(row.try_get::<i64, _>(0)?).map_err(|_| Error::Directory("an edition of a tenant's keys cannot be"))
}

/// So many entries of the ledger behind one of this kind and key, in their order.
pub(super) fn entries(kind: &str, key: &str, most: i64) -> Sql {
    let mut sql = Sql::new("SELECT kind, key, value FROM ledger WHERE (kind, key) > (?, ?) ORDER BY kind, key");
    sql.bind(kind.to_owned()).bind(key.to_owned()).limit(most);
    sql
}

/// Puts a value in place of another, if that is still there; the entry's version stays.
pub(super) fn exchange(raw: Raw, value: String) -> Sql {
    let mut sql = Sql::new("UPDATE ledger SET value = ? WHERE kind = ? AND key = ? AND value = ?");
    sql.bind(value).bind(raw.kind).bind(raw.key).bind(raw.value);
    sql
}

/// How long the bodies are of so many versions behind one, in their order, the current ones among them.
pub(super) fn sizes(after: Place, most: i64) -> Sql {
    versions("rid, version, CAST(length(body) AS BIGINT)", after, None, most)
}

/// So many versions behind one, up to another.
pub(super) fn bodies(dialect: Dialect, after: Place, last: Place, most: i64) -> Sql {
    let mut sql = Sql::new("SELECT v.rid, v.version, v.updated, v.body, r.type, r.id, r.rkey FROM (");
    sql.append(versions("rid, version, updated, body", after, Some(last), most)).push(") v");
    sql.push(&dialect.then("resource r", "r.rid = v.rid")).push(" ORDER BY v.rid, v.version");
    sql
}

/// Columns of versions, each part by the order of its own table.
fn versions(columns: &str, after: Place, last: Option<Place>, most: i64) -> Sql {
    let part = |table: &str, order: &str| {
        let mut sql = Sql::new(&format!("SELECT * FROM (SELECT {columns} FROM {table} WHERE (rid, version) > (?, ?)"));
        sql.bind(after.0).bind(after.1);
        if let Some(last) = last {
            sql.push(" AND (rid, version) <= (?, ?)").bind(last.0).bind(last.1);
        }
        sql.push(" ORDER BY ").push(order).limit(most).push(") p");
        sql
    };
    let mut sql = Sql::new("SELECT * FROM (");
    sql.append(part("resource", "rid")).push(" UNION ALL ").append(part("history", "rid, version"));
    sql.push(") u ORDER BY rid, version").limit(most);
    sql
}

/// Puts a body in place of another, wherever that is by then: a version that was current may have a successor.
pub(super) fn exchange_body(raw: &RawBody, body: &[u8]) -> [Sql; 2] {
    ["resource", "history"].map(|table| {
        let mut sql = Sql::new(&format!("UPDATE {table} SET body = ? WHERE rid = ? AND version = ? AND body = ?"));
        sql.bind(body.to_vec()).bind(raw.place.0).bind(raw.place.1).bind(raw.body.to_vec());
        sql
    })
}
