//! Orders as SQL: the value a resource is sorted by, and the keyset condition that goes on behind a position.

use super::Dialect;
use super::sql::{Bind, Sql};
use crate::rows::{IndexHash, date_slot};
use crate::{Position, Sort, SortBy, SortValue};

/// Which way through an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From its beginning, or from behind a position.
    On,
    /// From its end, or from before a position.
    Back,
}

/// The sort value of the row `d.rid`: the least of several, or the greatest if descending.
pub(crate) fn value(dialect: Dialect, hash: &IndexHash, sort: &Sort) -> Sql {
    let end = if sort.descending { "max" } else { "min" };
    let mut sql = Sql::default();
    match &sort.by {
        SortBy::Id => {
            sql.push("(SELECT id FROM resource WHERE rid = d.rid)");
        }
        SortBy::String(param) => {
            sql.push(&format!("(SELECT {end}(norm) FROM string WHERE rid = d.rid AND param = ?)"));
            sql.bind(param.0 as i64);
        }
        SortBy::Date(param) => {
            sql.push(&format!("(SELECT {end}(low) FROM date WHERE rid = d.rid AND slot BETWEEN ? AND ?)"));
            sql.bind(date_slot(*param, 0)).bind(date_slot(*param, 3));
        }
        SortBy::Number(param) => {
            sql.push(&format!("(SELECT {end}(low) FROM number WHERE rid = d.rid AND slot BETWEEN ? AND ?)"));
            let slot = hash.number(*param);
            sql.bind(slot).bind(slot | 1);
        }
        SortBy::Target(param) => {
            let by = dialect.by("reference_rid");
            let pointed = dialect.then("resource r", "r.rkey = f.target");
            sql.push(&format!(
                "(SELECT {end}(r.rid) FROM reference f{by}{pointed} WHERE f.rid = d.rid AND f.param = ?)"
            ));
            sql.bind(param.0 as i64);
        }
    }
    sql
}

/// ` ORDER BY …` over the columns `s0, s1 …, rid`.
pub(crate) fn order(sort: &[Sort], way: Way) -> String {
    let mut out = String::from(" ORDER BY ");
    let missing = if way == Way::On { "LAST" } else { "FIRST" };
    for (i, key) in sort.iter().enumerate() {
        out.push_str(&format!("s{i} {}NULLS {missing}, ", if falls(key, way) { "DESC " } else { "" }));
    }
    out.push_str(if rows_fall(sort, way) { "rid DESC" } else { "rid" });
    out
}

/// Whether the values of a key fall, this way through the order.
pub(crate) fn falls(key: &Sort, way: Way) -> bool {
    key.descending != (way == Way::Back)
}

/// Ties go with the first key's direction, so that an index is walked in one direction.
pub(crate) fn rows_fall(sort: &[Sort], way: Way) -> bool {
    sort.first().is_some_and(|it| it.descending) != (way == Way::Back)
}

/// The condition that a row of columns `s0, s1 …, rid` lies beyond a position, this way through the order, in which
/// missing values are last.
pub(crate) fn beyond(sort: &[Sort], position: &Position, way: Way) -> Sql {
    let mut alternatives = Vec::new();
    for last in 0..=sort.len() {
        let mut parts: Vec<Sql> = (0..last).map(|i| equal(i, position)).collect();
        if last == sort.len() {
            let mut row = Sql::new(if rows_fall(sort, way) { "rid < ?" } else { "rid > ?" });
            row.bind(position.row);
            parts.push(row);
        } else {
            match further(last, &sort[last], position, way) {
                Some(part) => parts.push(part),
                None => continue,
            }
        }
        let mut sql = Sql::new("(");
        sql.append(Sql::join(parts, " AND ", "true")).push(")");
        alternatives.push(sql);
    }
    let mut sql = Sql::new("(");
    sql.append(Sql::join(alternatives, " OR ", "false")).push(")");
    sql
}

fn equal(i: usize, position: &Position) -> Sql {
    match bind(position, i) {
        None => Sql::new(&format!("s{i} IS NULL")),
        Some(value) => {
            let mut sql = Sql::new(&format!("s{i} = ?"));
            sql.bind(value);
            sql
        }
    }
}

/// Behind a missing value, which is last, there is nothing; before it is every value.
fn further(i: usize, sort: &Sort, position: &Position, way: Way) -> Option<Sql> {
    let sign = if falls(sort, way) { '<' } else { '>' };
    match (bind(position, i), way) {
        (None, Way::On) => None,
        (None, Way::Back) => Some(Sql::new(&format!("s{i} IS NOT NULL"))),
        (Some(value), way) => {
            let or_missing = if way == Way::On { format!(" OR s{i} IS NULL") } else { String::new() };
            let mut sql = Sql::new(&format!("(s{i} {sign} ?{or_missing})"));
            sql.bind(value);
            Some(sql)
        }
    }
}

pub(crate) fn bind(position: &Position, i: usize) -> Option<Bind> {
    match position.values.get(i)? {
        SortValue::Missing => None,
        SortValue::Int(it) => Some(Bind::Int(*it)),
        SortValue::Real(it) => Some(Bind::Real(*it)),
        SortValue::Text(it) => Some(Bind::Text(it.clone())),
    }
}
