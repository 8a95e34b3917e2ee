//! A statement in the making: text and values, kept in step. Each engine makes a query of its own of it.

/// A value for a `?`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bind {
    Int(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// A list ([`super::Dialect::list`]).
    Ints(Vec<i64>),
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

impl From<Vec<u8>> for Bind {
    fn from(it: Vec<u8>) -> Self {
        Bind::Bytes(it)
    }
}

impl From<Vec<i64>> for Bind {
    fn from(it: Vec<i64>) -> Self {
        Bind::Ints(it)
    }
}

/// SQL text with its values. The text never holds a value: only what is written in this crate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) binds: Vec<Bind>,
}

impl Sql {
    pub(crate) fn new(text: &str) -> Sql {
        Sql { text: text.to_owned(), binds: Vec::new() }
    }

    /// Appends a limit. SQLite prepares a statement anew whenever a bare `LIMIT ?` is bound, a fifth of a search's time;
    /// of a sum it expects nothing.
    pub(crate) fn limit(&mut self, most: i64) -> &mut Self {
        self.push(" LIMIT ? + 0").bind(most)
    }

    /// Appends text; each `?` in it must be followed by a [`Sql::bind`] in order.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(crate) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.binds.push(value.into());
        self
    }

    pub(crate) fn append(&mut self, other: Sql) -> &mut Self {
        self.text.push_str(&other.text);
        self.binds.extend(other.binds);
        self
    }

    /// Pieces joined by a separator; `none` where there are no pieces.
    pub(crate) fn join(pieces: Vec<Sql>, separator: &str, none: &str) -> Sql {
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
    pub(crate) fn any(conditions: Vec<Sql>) -> Sql {
        let mut sql = Sql::new("(");
        sql.append(Sql::join(grouped(conditions, " OR ", ["(", ")"]), " OR ", "false")).push(")");
        sql
    }

    /// Conditions that must all hold.
    pub(crate) fn all(conditions: Vec<Sql>) -> Sql {
        Sql::join(grouped(conditions, " AND ", ["(", ")"]), " AND ", "true")
    }

    /// Selects of a column `rid` as one; `none` where there are none.
    pub(crate) fn union_all(selects: Vec<Sql>, none: &str) -> Sql {
        Sql::join(grouped(selects, " UNION ALL ", ["SELECT rid FROM (", ") g"]), " UNION ALL ", none)
    }
}

/// SQLite bounds the depth of an expression and the arms of a union (sqlite.org/limits.html): more than so many are
/// put into groups, and those into groups.
const GROUP: usize = 64;

fn grouped(mut pieces: Vec<Sql>, separator: &str, [lead, tail]: [&str; 2]) -> Vec<Sql> {
    while pieces.len() > GROUP {
        let mut groups = Vec::with_capacity(pieces.len() / GROUP + 1);
        let mut rest = pieces.into_iter().peekable();
        while rest.peek().is_some() {
            let mut group = Sql::new(lead);
            group.append(Sql::join(rest.by_ref().take(GROUP).collect(), separator, "")).push(tail);
            groups.push(group);
        }
        pieces = groups;
    }
    pieces
}
