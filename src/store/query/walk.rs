//! Walks: so many rows in the order asked for, and of them those that pass every clause. A walk that finds a page has
//! found the first one; one that does not has found nothing out, and the page is gathered.

use super::choose::Walk;
use super::filter::Filters;
use super::range::date_conditions;
use super::sort::{self, Way};
use super::sql::Sql;
use crate::rows::{DATE_WIDTHS, date_slot};
use crate::{Branch, Plan, Sort, SortBy};
use fhir::search::{Clause, Test};

/// Along the rows of a clause, or of the type, by `rid`.
pub(crate) fn rows(filters: &Filters<'_>, branch: &Branch, walk: &Walk, plan: &Plan, way: Way) -> Sql {
    let order = sort::order(&[], way);
    let arms = walk.driver(filters, branch).arms.into_iter().map(|arm| {
        let mut sql = Sql::new("SELECT d.rid AS rid FROM (");
        sql.append(arm).push(") d WHERE true");
        if let Some(after) = &plan.after {
            sql.push(if way == Way::On { " AND d.rid > ?" } else { " AND d.rid < ?" }).bind(after.row);
        }
        sql
    });
    let mut sql = Sql::new("SELECT d.rid AS rid FROM (");
    sql.append(filters.dialect.merged(arms.collect(), "rid", &order, walk.most)).push(") d WHERE true");
    sql.append(filters.probes(&branch.of, &branch.filter, walk.clause, "d.rid", " AND "));
    filters.dialect.first(sql, &order, plan.limit as i64 + 1)
}

/// Along the index of the sort key, within the clause that bounds the walk if there is one.
pub(crate) fn values(filters: &Filters<'_>, branch: &Branch, key: &Sort, walk: &Walk, plan: &Plan, way: Way) -> Sql {
    let (table, index, column, slots) = index(filters, key);
    let slot_column = if table == "string" { "param" } else { "slot" };
    let by = filters.dialect.by(index);
    let falls = sort::falls(key, way);
    let bounds = walk.clause.and_then(|at| branch.filter.get(at)).and_then(|it| bound(it, key));
    let arms = slots.into_iter().enumerate().map(|(class, slot)| {
        let mut sql = Sql::new(&format!(
            "SELECT DISTINCT d.rid AS rid, d.{column} AS s0 FROM {table} d{by} WHERE d.{slot_column} = ?"
        ));
        sql.bind(slot);
        if let Some((after, value)) = plan.after.as_ref().and_then(|it| Some((it, sort::bind(it, 0)?))) {
            let sign = if falls { '<' } else { '>' };
            sql.push(&format!(" AND (d.{column}, d.rid) {sign} (?, ?)")).bind(value).bind(after.row);
        }
        if let Some(condition) = bounds.as_ref().and_then(|it| it.get(class)) {
            sql.push(" AND ").append(condition.clone());
        }
        sql
    });
    let order = if falls { " ORDER BY s0 DESC, rid DESC" } else { " ORDER BY s0, rid" };
    let mut sql = Sql::new("SELECT d.rid AS rid, d.s0 AS s0 FROM (");
    sql.append(filters.dialect.merged(arms.collect(), "rid, s0", order, walk.most)).push(") d WHERE true");
    if bounds.is_none() {
        // The first of a resource's values stands for it.
        sql.push(" AND d.s0 = ").append(sort::value(filters.hash, key));
    }
    sql.append(filters.probes(&branch.of, &branch.filter, walk.clause, "d.rid", " AND "));
    filters.dialect.first(sql, order, plan.limit as i64 + 1)
}

/// Whether a page can be found among the values of a key, which has an index: what has none stands behind them.
pub(crate) fn is_among_values(key: &Sort, plan: &Plan, bounds: Option<usize>, way: Way) -> bool {
    let starts_with_values = match &plan.after {
        Some(after) => sort::bind(after, 0).is_some(),
        None => way == Way::On || bounds.is_some(),
    };
    // Ids are sorted by, and have no index.
    key.by != SortBy::Id && starts_with_values
}

/// The clause that bounds a walk: one on the very dates that are walked, where a resource has no others.
pub(crate) fn bounds(branch: &Branch, key: &Sort) -> Option<usize> {
    branch.filter.iter().position(|it| key.is_single && bound(it, key).is_some())
}

/// A clause as its condition on each class of the dates that are walked.
fn bound(clause: &Clause, key: &Sort) -> Option<Vec<Sql>> {
    match (clause, &key.by) {
        (Clause::Any(tests), SortBy::Date(walked)) => match tests.as_slice() {
            [Test::Date(param, ranges)] if param == walked => Some(date_conditions(*param, ranges)),
            _ => None,
        },
        _ => None,
    }
}

/// Table, index, column of the values, and slots of the index of a sort key.
fn index(filters: &Filters<'_>, key: &Sort) -> (&'static str, &'static str, &'static str, Vec<i64>) {
    match &key.by {
        SortBy::Date(param) => {
            let slots = (0..=DATE_WIDTHS.len() as i64).map(|class| date_slot(*param, class)).collect();
            ("date", "date_low", "low", slots)
        }
        SortBy::Number(param) => {
            let slot = filters.hash.number(*param);
            ("number", "number_low", "low", vec![slot, slot | 1])
        }
        SortBy::String(param) => ("string", "string_norm", "norm", vec![param.0 as i64]),
        SortBy::Id => ("date", "date_low", "low", Vec::new()),
    }
}
