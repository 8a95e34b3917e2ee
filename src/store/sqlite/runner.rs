//! The search compiler's statements on SQLite: by one of the connections that read, and by the writer's own within its
//! transaction.

use super::place::Place;
use super::read::{json_array, stored};
use crate::query::{Bind, Counts, Dialect, Found, Runner, Sql};
use crate::rows::IndexHash;
use crate::{Error, Position, Result, SortValue};
use async_trait::async_trait;
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
        self.0.readers.fetch_all(query(statement)?).await?.iter().map(|it| found(it, keys)).collect()
    }
}

/// Runs statements by the writer's connection.
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
    Ok(Found { stored: stored(row, 0)?, position: Position { values, row: row.try_get(6)? } })
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
