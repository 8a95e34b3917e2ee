//! The search compiler's statements on SQLite: by one of the connections that read, and by the writer's own within its
//! transaction.

use super::place::Place;
use crate::query::{Bind, Counts, Dialect, Found, Runner, Sql};
use crate::rows::IndexHash;
use crate::{Error, Key, Method, Position, Result, SortValue, Stored};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Row, Sqlite, SqliteConnection, TypeInfo, ValueRef};

/// Values in one statement at the most (sqlite.org/limits.html).
const VALUES: usize = 32_766;

/// A statement ready to run; prepared once per text and connection.
pub(super) fn query(statement: Sql) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>> {
    if statement.binds.len() > VALUES {
        return Err(Error::TooLarge);
    }
    let mut arguments = SqliteArguments::default();
    for bind in statement.binds {
        let added = match bind {
            Bind::Int(it) => arguments.add(it),
            Bind::Real(it) => arguments.add(it),
            Bind::Text(it) => arguments.add(it),
            Bind::Bytes(it) => arguments.add(it),
            Bind::Ints(it) => arguments.add(json_array(&it)),
        };
        debug_assert!(added.is_ok(), "integers, floats and texts always encode");
    }
    Ok(sqlx::query_with(AssertSqlSafe(statement.text), arguments))
}

/// Runs statements by a place's readers.
pub(super) struct Reading<'a>(pub(super) &'a Place);

#[async_trait]
impl Runner for Reading<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn hash(&self) -> IndexHash {
        self.0.hash.clone()
    }

    fn enough(&self) -> i64 {
        self.0.enough
    }

    fn counted(&self) -> Option<&Counts> {
        Some(&self.0.counts)
    }

    async fn counts(&mut self, statement: Sql) -> Result<Vec<i64>> {
        counts(&self.0.readers.fetch_one(query(statement)?).await?)
    }

    async fn rows(&mut self, statement: Sql, keys: usize) -> Result<Vec<Found>> {
        let mut found = self.kept(statement, keys).await?;
        self.0.sealer.open_found(&mut found).await?;
        Ok(found)
    }

    async fn sound_rows(&mut self, statement: Sql) -> Result<(Vec<Found>, i64)> {
        self.0.sealer.open_sound(self.kept(statement, 0).await?).await
    }
}

impl Reading<'_> {
    /// Rows with their bodies as they are kept.
    async fn kept(&self, statement: Sql, keys: usize) -> Result<Vec<Found>> {
        let rows = self.0.readers.fetch_all(query(statement)?).await?;
        rows.iter().map(|it| found(it, keys)).collect()
    }
}

/// Runs statements by the writer's connection. What it finds is counted and named, not read: bodies are as they are kept.
pub(super) struct Writing<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) hash: &'a IndexHash,
}

#[async_trait]
impl Runner for Writing<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn hash(&self) -> IndexHash {
        self.hash.clone()
    }

    fn enough(&self) -> i64 {
        super::ENOUGH
    }

    async fn counts(&mut self, statement: Sql) -> Result<Vec<i64>> {
        counts(&query(statement)?.fetch_one(&mut *self.connection).await?)
    }

    async fn rows(&mut self, statement: Sql, keys: usize) -> Result<Vec<Found>> {
        let rows = query(statement)?.fetch_all(&mut *self.connection).await?;
        rows.iter().map(|it| found(it, keys)).collect()
    }
}

fn counts(row: &SqliteRow) -> Result<Vec<i64>> {
    Ok((0..row.len()).map(|i| row.try_get(i)).collect::<sqlx::Result<_>>()?)
}

/// A row with the columns `type, id, version, updated, method, body, rid, s0 …`.
fn found(row: &SqliteRow, keys: usize) -> Result<Found> {
    let values = (7..7 + keys).map(|i| sort_value(row, i)).collect::<Result<_>>()?;
    Ok(Found { stored: stored(row)?, position: Position { values, row: row.try_get(6)?, along: None } })
}

/// A row with the columns `type, id, version, updated, method, body`.
fn stored(row: &SqliteRow) -> Result<Stored> {
    Ok(Stored {
        key: Key { of: row.try_get(0)?, id: row.try_get(1)? },
        version: row.try_get(2)?,
        updated: row.try_get(3)?,
        method: Method::from_code(row.try_get(4)?),
        body: Bytes::from(row.try_get::<Vec<u8>, _>(5)?),
    })
}

fn sort_value(row: &SqliteRow, i: usize) -> Result<SortValue> {
    let raw = row.try_get_raw(i)?;
    let kind = raw.type_info().name().to_owned();
    Ok(match (raw.is_null(), kind.as_str()) {
        (true, _) => SortValue::Missing,
        (_, "INTEGER") => SortValue::Int(row.try_get(i)?),
        (_, "REAL") => SortValue::Real(row.try_get(i)?),
        _ => SortValue::Text(row.try_get(i)?),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_values_than_the_database_takes_are_refused() {
        let statement = |values: usize| Sql { text: "SELECT 1".into(), binds: vec![Bind::Int(1); values] };
        assert!(query(statement(VALUES)).is_ok());
        assert!(matches!(query(statement(VALUES + 1)), Err(Error::TooLarge)));
    }
}
