//! What the engines spell differently.

use super::sql::Sql;
use crate::postgres;

/// An engine's SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    /// Its role runs with `join_collapse_limit = 1` and nested loops only, so that joins go in the order written.
    Postgres,
}

impl Dialect {
    /// Behind a table's name: the index to go by, where the engine can be told.
    pub(crate) fn by(self, index: &str) -> String {
        match self {
            Dialect::Sqlite => format!(" INDEXED BY {index}"),
            Dialect::Postgres => String::new(),
        }
    }

    /// A join that looks rows of a table up, given as `table alias`, for each row of what stands before it. PostgreSQL
    /// would sooner go by what it reckons the tables hold: it does not look into a subquery with an offset.
    pub(crate) fn then(self, rows: &str, condition: &str) -> String {
        let alias = rows.split(' ').nth(1).unwrap_or(rows);
        match self {
            Dialect::Sqlite => format!(" CROSS JOIN {rows} ON {condition}"),
            Dialect::Postgres => {
                format!(" CROSS JOIN LATERAL (SELECT * FROM {rows} WHERE {condition} OFFSET 0) {alias}")
            }
        }
    }

    /// A join, as `w`, with what a select of a column `value` finds for each row of what stands before it, in the order of
    /// the select.
    pub(crate) fn each(self, select: Sql) -> Sql {
        let (lead, tail) = match self {
            // No subquery looks back at what stands before it; a list made of one may.
            Dialect::Sqlite => (" CROSS JOIN json_each((SELECT json_group_array(value) FROM (", "))) w"),
            Dialect::Postgres => (" CROSS JOIN LATERAL (", ") w"),
        };
        let mut sql = Sql::new(lead);
        sql.append(select).push(tail);
        sql
    }

    /// That there are rows, looked up for each row that is asked about: not, as PostgreSQL would have it, joined.
    pub(crate) fn exists(self, rows: Sql) -> Sql {
        let mut sql = Sql::new("EXISTS (");
        sql.append(rows).push(if self == Dialect::Postgres { " OFFSET 0)" } else { ")" });
        sql
    }

    /// That a value is in a list made once.
    pub(crate) fn among(self, value: &str, list: Sql) -> Sql {
        let mut sql = Sql::new(&format!("({value} IN ("));
        sql.append(list).push(if self == Dialect::Postgres { ")) IS TRUE" } else { "))" });
        sql
    }

    /// The integers of a [`super::Bind::Ints`] as a table `w` with a column `value`.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Dialect::Sqlite => "json_each(?) w",
            Dialect::Postgres => "unnest(?::bigint[]) AS w(value)",
        }
    }

    /// Pairs of integers as a table `w` with columns `value` and `most`.
    pub(crate) fn pairs(self, pairs: &[(i64, i64)]) -> Sql {
        match self {
            Dialect::Sqlite => {
                let mut sql = Sql::new(
                    "(SELECT json_extract(p.value, '$[0]') AS value, json_extract(p.value, '$[1]') AS most FROM json_each(?) p) w",
                );
                let texts: Vec<String> = pairs.iter().map(|(value, most)| format!("[{value},{most}]")).collect();
                sql.bind(format!("[{}]", texts.join(",")));
                sql
            }
            Dialect::Postgres => {
                let mut sql = Sql::new("unnest(?::bigint[], ?::bigint[]) AS w(value, most)");
                let (values, mosts): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
                sql.bind(values).bind(mosts);
                sql
            }
        }
    }

    /// The bits of a column that `mask` has, each turned around where `value` has it: exclusive or.
    pub(crate) fn mixed(self, column: &str, mask: i64, value: i64) -> Sql {
        let masked = format!("({column} & {mask})");
        let mut sql = match self {
            Dialect::Sqlite => Sql::new(&format!("(({masked} | ?) - ({masked} & ?))")),
            Dialect::Postgres => Sql::new(&format!("({masked} # ?)")),
        };
        sql.bind(value);
        if self == Dialect::Sqlite {
            sql.bind(value);
        }
        sql
    }

    /// The place in the change log where a time begins, in milliseconds.
    pub(crate) fn log_from(self, ms: i64) -> i64 {
        match self {
            Dialect::Sqlite => ms.saturating_mul(1000),
            Dialect::Postgres => postgres::least_at(ms),
        }
    }

    /// As much of a folded text as the column `norm` has, which is indexed.
    pub(crate) fn head(self, norm: &str) -> &str {
        match self {
            Dialect::Sqlite => norm,
            Dialect::Postgres => postgres::head(norm),
        }
    }

    /// All of a folded text.
    pub(crate) fn whole(self) -> &'static str {
        match self {
            Dialect::Sqlite => "norm",
            Dialect::Postgres => "coalesce(whole, norm)",
        }
    }

    /// An empty value of a column of bytes.
    pub(crate) fn no_bytes(self) -> &'static str {
        match self {
            Dialect::Sqlite => "x''",
            Dialect::Postgres => "''::bytea",
        }
    }

    /// How many bytes a column has, which are not read for that.
    pub(crate) fn length(self, column: &str) -> String {
        match self {
            Dialect::Sqlite => format!("length({column})"),
            Dialect::Postgres => format!("octet_length({column})::bigint"),
        }
    }

    /// That a column has a text in it.
    pub(crate) fn contains(self, column: &str) -> String {
        match self {
            Dialect::Sqlite => format!("instr({column}, ?) > 0"),
            Dialect::Postgres => format!("strpos({column}, ?) > 0"),
        }
    }

    /// So many characters from the end of a column; none may be all of them.
    pub(crate) fn end(self, column: &str) -> String {
        match self {
            Dialect::Sqlite => format!("substr({column}, -?)"),
            Dialect::Postgres => format!("right({column}, ?::integer)"),
        }
    }

    /// The first `most` rows of a select from one subselect that is in this order and has a limit. SQLite takes the rows
    /// as they come and no more than it needs; told the order, it would take and sort all of them.
    pub(crate) fn first(self, mut select: Sql, order: &str, most: i64) -> Sql {
        if self == Dialect::Postgres {
            select.push(order);
        }
        select.limit(most);
        select
    }

    /// The first `most` rows of selects that are in this order each, or can be read in it: merged, each row once, no
    /// arm read further than that needs. The order names all columns.
    pub(crate) fn merged(self, mut arms: Vec<Sql>, columns: &str, order: &str, most: i64) -> Sql {
        let mut sql = match (self, arms.len()) {
            (_, 0 | 1) => arms.pop().unwrap_or_else(|| Sql::new("SELECT 0 AS rid, 0 AS s0 WHERE false")),
            // A union's arms are merged as they come.
            (Dialect::Sqlite, _) => Sql::join(arms, " UNION ", ""),
            // A union's arms are read to their ends, unless they have ends of their own.
            (Dialect::Postgres, _) => {
                let arms = arms.into_iter().map(|mut arm| {
                    arm.text.insert(0, '(');
                    arm.push(order).limit(most).push(")");
                    arm
                });
                let mut sql = Sql::new(&format!("SELECT DISTINCT {columns} FROM ("));
                sql.append(Sql::join(arms.collect(), " UNION ALL ", "")).push(") m");
                sql
            }
        };
        sql.push(order).limit(most);
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(dialect: Dialect, arms: &[i64]) -> Sql {
        let arm = |rid: &i64| {
            let mut sql = Sql::new("SELECT ? AS rid");
            sql.bind(*rid);
            sql
        };
        dialect.merged(arms.iter().map(arm).collect(), "rid", " ORDER BY rid", 9)
    }

    #[test]
    fn arms_end_where_the_engine_needs_them_to() {
        let one = "SELECT ? AS rid ORDER BY rid LIMIT ? + 0";
        assert_eq!(merged(Dialect::Sqlite, &[1]).text, one);
        assert_eq!(merged(Dialect::Postgres, &[1]).text, one);
        let two = "SELECT ? AS rid UNION SELECT ? AS rid ORDER BY rid LIMIT ? + 0";
        assert_eq!(merged(Dialect::Sqlite, &[1, 2]).text, two);
        let ended = format!("SELECT DISTINCT rid FROM (({one}) UNION ALL ({one})) m ORDER BY rid LIMIT ? + 0");
        assert_eq!(merged(Dialect::Postgres, &[1, 2]).text, ended);
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let sql = merged(dialect, &[1, 2]);
            assert_eq!(sql.text.matches('?').count(), sql.binds.len());
        }
    }
}
