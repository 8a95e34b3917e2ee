//! A statement in the making: text and values, kept in step.

use crate::{Error, Result};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Sqlite};

/// A value for a `?`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bind {
    Int(i64),
    Real(f64),
    Text(String),
}

impl From<i64> for Bind {
    fn from(it: i64) -> Self {
        Bind::Int(it)
    }
}

impl From<f64> for Bind {
    fn from(it: f64) -> Self {
        Bind::Real(it)
    }
}

impl From<String> for Bind {
    fn from(it: String) -> Self {
        Bind::Text(it)
    }
}

/// SQL text with its values. The text never holds a value: only what is written in this crate.
#[derive(Clone, Debug, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) binds: Vec<Bind>,
}

impl Sql {
    pub(super) fn new(text: &str) -> Sql {
        Sql { text: text.to_owned(), binds: Vec::new() }
    }

    /// Appends a limit. SQLite prepares a statement anew whenever a bare `LIMIT ?` is bound, a fifth of a search's time;
    /// of a sum it expects nothing.
    pub(super) fn limit(&mut self, most: i64) -> &mut Self {
        self.push(" LIMIT ? + 0").bind(most)
    }

    /// Appends text; each `?` in it must be followed by a [`Sql::bind`] in order.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.binds.push(value.into());
        self
    }

    pub(super) fn append(&mut self, other: Sql) -> &mut Self {
        self.text.push_str(&other.text);
        self.binds.extend(other.binds);
        self
    }

    /// Pieces joined by a separator; `none` where there are no pieces.
    pub(super) fn join(pieces: Vec<Sql>, separator: &str, none: &str) -> Sql {
        let mut out = Sql::default();
        for (i, piece) in pieces.into_iter().enumerate() {
            if i > 0 {
                out.push(separator);
            }
            out.append(piece);
        }
        if out.text.is_empty() {
            out.push(none);
        }
        out
    }

    /// Conditions of which one must hold.
    pub(super) fn any(conditions: Vec<Sql>) -> Sql {
        let mut sql = Sql::new("(");
        sql.append(Sql::join(grouped(conditions, " OR ", "("), " OR ", "0")).push(")");
        sql
    }

    /// Conditions that must all hold.
    pub(super) fn all(conditions: Vec<Sql>) -> Sql {
        Sql::join(grouped(conditions, " AND ", "("), " AND ", "1")
    }

    /// Selects of a column `rid` as one; `none` where there are none.
    pub(super) fn union_all(selects: Vec<Sql>, none: &str) -> Sql {
        Sql::join(grouped(selects, " UNION ALL ", "SELECT rid FROM ("), " UNION ALL ", none)
    }

    /// The statement, ready to run; prepared once per text and connection.
    pub(super) fn query(self) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>> {
        if self.binds.len() > VALUES {
            return Err(Error::TooLarge);
        }
        let mut arguments = SqliteArguments::default();
        for bind in self.binds {
            let added = match bind {
                Bind::Int(it) => arguments.add(it),
                Bind::Real(it) => arguments.add(it),
                Bind::Text(it) => arguments.add(it),
            };
            debug_assert!(added.is_ok(), "integers, floats and texts always encode");
        }
        Ok(sqlx::query_with(AssertSqlSafe(self.text), arguments))
    }
}

/// Values in one statement at the most (sqlite.org/limits.html).
const VALUES: usize = 32_766;

/// SQLite bounds the depth of an expression and the arms of a union (sqlite.org/limits.html): more than so many are
/// put into groups, and those into groups.
const GROUP: usize = 64;

fn grouped(mut pieces: Vec<Sql>, separator: &str, lead: &str) -> Vec<Sql> {
    while pieces.len() > GROUP {
        let mut groups = Vec::with_capacity(pieces.len() / GROUP + 1);
        let mut rest = pieces.into_iter().peekable();
        while rest.peek().is_some() {
            let mut group = Sql::new(lead);
            group.append(Sql::join(rest.by_ref().take(GROUP).collect(), separator, "")).push(")");
            groups.push(group);
        }
        pieces = groups;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_values_than_the_database_takes_are_refused() {
        let statement = |values: usize| Sql { text: "SELECT 1".into(), binds: vec![Bind::Int(1); values] };
        assert!(statement(VALUES).query().is_ok());
        assert!(matches!(statement(VALUES + 1).query(), Err(Error::TooLarge)));
    }
}
