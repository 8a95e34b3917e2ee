//! A statement in the making: text and values, kept in step.

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

    /// The statement, ready to run; prepared once per text and connection.
    pub(super) fn query(self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        let mut arguments = SqliteArguments::default();
        for bind in self.binds {
            let added = match bind {
                Bind::Int(it) => arguments.add(it),
                Bind::Real(it) => arguments.add(it),
                Bind::Text(it) => arguments.add(it),
            };
            debug_assert!(added.is_ok(), "integers, floats and texts always encode");
        }
        sqlx::query_with(AssertSqlSafe(self.text), arguments)
    }
}
