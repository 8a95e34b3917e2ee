//! Statements on one tenant's rows. The tenant is set by the statement itself, for its transaction, before anything else
//! of it is looked at: one round trip, and nothing stays behind on the connection.

use super::connections::{Connections, Taken};
use super::standby::{Demand, Standby};
use crate::keys::Sealer;
use crate::query::{Bind, Counts, Dialect, Found, Runner, Sql};
use crate::rows::IndexHash;
use crate::{Error, Key, Method, Position, Result, SortValue, Stored};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Arguments, AssertSqlSafe, PgConnection, Postgres, Row, TypeInfo, ValueRef};

/// Values in one statement at the most: the protocol counts them in 16 bits.
const VALUES: usize = 65_535;

/// Which tenant's rows, as the setting has it.
#[derive(Clone, Debug)]
pub(super) struct Number(String);

impl Number {
    pub(super) fn new(number: i32) -> Number {
        Number(number.to_string())
    }

    /// The text that `set_config` takes.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// A statement ready to run; prepared once per text and connection.
///
/// The subquery `t` is no part of what is planned around it (`OFFSET 0`), and what stands after `LATERAL` is looked at
/// for a row of it: there is no such row before the tenant is set. Should that ever come otherwise, the policies find no
/// tenant and the statement fails, since the setting lasts no longer than its transaction.
pub(super) fn query(tenant: &Number, mut statement: Sql) -> Result<Query<'static, Postgres, PgArguments>> {
    statement.binds.insert(0, Bind::Text(tenant.0.clone()));
    bound(bound_to_tenant(&statement.text), statement.binds)
}

/// A statement of a transaction that has its tenant.
pub(super) fn within_tenant(statement: Sql) -> Result<Query<'static, Postgres, PgArguments>> {
    let mut text = String::with_capacity(statement.text.len() + 32);
    push_numbered(&mut text, &statement.text, 1);
    bound(text, statement.binds)
}

fn bound(text: String, binds: Vec<Bind>) -> Result<Query<'static, Postgres, PgArguments>> {
    if binds.len() > VALUES {
        return Err(Error::TooLarge);
    }
    let mut arguments = PgArguments::default();
    let mut add = |bind: Bind| match bind {
        Bind::Int(it) => arguments.add(it),
        Bind::Real(it) => arguments.add(it),
        Bind::Text(it) => arguments.add(plain(it)),
        Bind::Bytes(it) => arguments.add(it),
        Bind::Ints(it) => arguments.add(it),
    };
    let mut added = true;
    for bind in binds {
        added &= add(bind).is_ok();
    }
    debug_assert!(added, "numbers, texts and bytes always encode");
    Ok(sqlx::query_with(AssertSqlSafe(text), arguments))
}

/// Sets the tenant, and refuses one whose records moved away: the parts of a condition are looked at from left to right.
const BEGINNING: &str = "SELECT q.* FROM (SELECT CASE WHEN set_config('medisync.tenant', $1, true) IS NOT NULL \
     AND EXISTS (SELECT FROM closed) THEN refuse('MS005', 'moved') END OFFSET 0) t CROSS JOIN LATERAL (";

/// The text around a statement, whose `?` become numbered places behind the tenant's.
fn bound_to_tenant(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    out.push_str(BEGINNING);
    push_numbered(&mut out, text, 2);
    out.push_str(") q");
    out
}

/// The text with its `?` numbered from a number on.
fn push_numbered(out: &mut String, text: &str, first: usize) {
    for (piece, number) in text.split('?').zip(first..) {
        if number > first {
            out.push('$');
            out.push_str(&(number - 1).to_string());
        }
        out.push_str(piece);
    }
}

/// A text that PostgreSQL takes: it knows no character 0, and no string of FHIR has one (datatypes.html#string).
pub(super) fn plain(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

/// What a tenant's statements have in common.
pub(super) struct Tenancy {
    pub(super) number: Number,
    pub(super) hash: IndexHash,
    /// From so many rows on it is considered whether there is a better way than to gather them.
    pub(super) enough: i64,
    pub(super) counts: Counts,
    pub(super) sealer: Sealer,
}

/// Runs each statement by itself, on whichever connection is free.
pub(super) struct Reading<'a> {
    pub(super) tenancy: &'a Tenancy,
    pub(super) connections: &'a Connections,
    /// On a standby, and what it must have come to.
    pub(super) after: Option<(&'a Standby, &'a Demand)>,
}

impl Reading<'_> {
    /// Runs a statement that changes nothing; once more on a new connection if the one it had turned out to be broken.
    pub(super) async fn fetch(&self, statement: Sql) -> Result<Vec<PgRow>> {
        let taken = match self.after {
            Some((standby, demand)) => standby.take(demand).await?,
            None => self.connections.take().await?,
        };
        match self.fetch_on(taken, statement.clone()).await {
            Err(error) if error.is_connection_lost() && self.after.is_none() => {
                self.fetch_on(self.connections.take_new().await?, statement).await
            }
            done => done,
        }
    }

    /// Rows with their bodies as they are kept.
    async fn kept(&self, statement: Sql, keys: usize) -> Result<Vec<Found>> {
        self.fetch(statement).await?.iter().map(|it| found(it, keys)).collect()
    }

    async fn fetch_on(&self, mut taken: Taken<'_>, statement: Sql) -> Result<Vec<PgRow>> {
        let query = query(&self.tenancy.number, statement)?;
        let work = async {
            let rows = query.fetch_all(&mut taken.connection).await?;
            taken.commit().await?;
            Ok::<_, sqlx::Error>(rows)
        };
        let Ok(rows) = tokio::time::timeout(self.connections.patience(), work).await else {
            taken.lose(&Error::Silent);
            return Err(Error::Silent);
        };
        // A connection is as good as new after an error of the database's own, unless that ended it.
        let is_clean = rows.as_ref().err().is_none_or(|it| it.as_database_error().is_some());
        let rows = rows.map_err(Error::from);
        match &rows {
            Err(error) if !is_clean || error.is_connection_lost() => taken.lose(error),
            Err(_) if taken.is_in_transaction() => taken.roll_back().await,
            _ => taken.give_back(),
        }
        rows
    }
}

#[async_trait]
impl Runner for Reading<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn hash(&self) -> IndexHash {
        self.tenancy.hash.clone()
    }

    fn enough(&self) -> i64 {
        self.tenancy.enough
    }

    fn counted(&self) -> Option<&Counts> {
        Some(&self.tenancy.counts)
    }

    async fn counts(&mut self, statement: Sql) -> Result<Vec<i64>> {
        counts(&self.fetch(statement).await?)
    }

    async fn rows(&mut self, statement: Sql, keys: usize) -> Result<Vec<Found>> {
        let mut found = self.kept(statement, keys).await?;
        self.tenancy.sealer.open_found(&mut found).await?;
        Ok(found)
    }

    async fn sound_rows(&mut self, statement: Sql) -> Result<(Vec<Found>, i64)> {
        self.tenancy.sealer.open_sound(self.kept(statement, 0).await?).await
    }
}

/// Runs statements within a transaction. What it finds is counted and named, not read: bodies are as they are kept.
pub(super) struct Writing<'a> {
    pub(super) tenancy: &'a Tenancy,
    pub(super) connection: &'a mut PgConnection,
}

impl Writing<'_> {
    async fn fetch(&mut self, statement: Sql) -> Result<Vec<PgRow>> {
        Ok(query(&self.tenancy.number, statement)?.fetch_all(&mut *self.connection).await?)
    }
}

#[async_trait]
impl Runner for Writing<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn hash(&self) -> IndexHash {
        self.tenancy.hash.clone()
    }

    fn enough(&self) -> i64 {
        self.tenancy.enough
    }

    async fn counts(&mut self, statement: Sql) -> Result<Vec<i64>> {
        counts(&self.fetch(statement).await?)
    }

    async fn rows(&mut self, statement: Sql, keys: usize) -> Result<Vec<Found>> {
        self.fetch(statement).await?.iter().map(|it| found(it, keys)).collect()
    }
}

fn counts(rows: &[PgRow]) -> Result<Vec<i64>> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok((0..row.len()).map(|i| row.try_get(i)).collect::<sqlx::Result<_>>()?)
}

/// A row with the columns `type, id, version, updated, method, body, rid, s0 …`.
fn found(row: &PgRow, keys: usize) -> Result<Found> {
    let values = (7..7 + keys).map(|i| sort_value(row, i)).collect::<Result<_>>()?;
    let stored = Stored {
        key: Key { of: row.try_get(0)?, id: row.try_get(1)? },
        version: row.try_get(2)?,
        updated: row.try_get(3)?,
        method: Method::from_code(row.try_get::<i16, _>(4)?.into()),
        body: Bytes::from(row.try_get::<Vec<u8>, _>(5)?),
    };
    Ok(Found { stored, position: Position { values, row: row.try_get(6)?, along: None } })
}

fn sort_value(row: &PgRow, i: usize) -> Result<SortValue> {
    let raw = row.try_get_raw(i)?;
    let kind = raw.type_info().name().to_owned();
    Ok(match (raw.is_null(), kind.as_str()) {
        (true, _) => SortValue::Missing,
        (_, "INT8") => SortValue::Int(row.try_get(i)?),
        (_, "FLOAT8") => SortValue::Real(row.try_get(i)?),
        _ => SortValue::Text(row.try_get(i)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_behind_the_tenants() {
        let text = bound_to_tenant("SELECT rid FROM key WHERE key = ? AND rid > ?");
        assert!(text.ends_with("LATERAL (SELECT rid FROM key WHERE key = $2 AND rid > $3) q"), "{text}");
    }

    #[test]
    fn more_values_than_the_protocol_counts_are_refused() {
        let statement = |values: usize| Sql { text: "SELECT 1".into(), binds: vec![Bind::Int(1); values] };
        // One is the tenant.
        assert!(query(&Number::new(1), statement(VALUES - 1)).is_ok());
        assert!(matches!(query(&Number::new(1), statement(VALUES)), Err(Error::TooLarge)));
    }
}
