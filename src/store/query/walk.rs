//! Sorted searches with many results: a walk along the index of the sort key, probing every clause, and behind its
//! end a list of what has no value.

use super::Runner;
use super::filter::Filters;
use super::range::date_conditions;
use super::search::{fetch, finish};
use super::sort::{self, Way};
use super::sql::Sql;
use crate::rows::{DATE_WIDTHS, date_slot};
use crate::{Branch, Page, Plan, Result, Sort, SortBy};
use fhir::search::{Clause, Test};

/// What an order has: values, and behind them what has none.
#[derive(Clone, Copy)]
enum Part {
    Values,
    Missing,
}

/// A page in the order of a key that has an index.
pub(crate) async fn page(
    runner: &mut dyn Runner,
    filters: &Filters<'_>,
    branch: &Branch,
    key: &Sort,
    plan: &Plan,
    way: Way,
) -> Result<Page> {
    let order = std::slice::from_ref(key);
    let from = plan.after.as_ref().map(|it| if sort::bind(it, 0).is_some() { Part::Values } else { Part::Missing });
    let parts: &[Part] = match (way, from) {
        (Way::On, None | Some(Part::Values)) => &[Part::Values, Part::Missing],
        (Way::On, Some(Part::Missing)) => &[Part::Missing],
        (Way::Back, None | Some(Part::Missing)) => &[Part::Missing, Part::Values],
        (Way::Back, Some(Part::Values)) => &[Part::Values],
    };
    let mut rows = Vec::new();
    for part in parts {
        let Some(rest @ 1..) = (plan.limit + 1).checked_sub(rows.len()) else { break };
        let keys = match part {
            Part::Values => values(filters, branch, key, plan, way),
            Part::Missing => missing(filters, branch, key, plan, rest, way),
        };
        rows.extend(fetch(runner, keys, order, way).await?);
    }
    Ok(finish(rows, plan, way))
}

/// What has a value, in its order. Each arm is in the index's order already, and a union merges them.
pub(crate) fn values(filters: &Filters<'_>, branch: &Branch, key: &Sort, plan: &Plan, way: Way) -> Sql {
    let (table, index, column, slots) = index(filters, key);
    let slot_column = if table == "string" { "param" } else { "slot" };
    let by = filters.dialect.by(index);
    let bounds = bounds(branch, key);
    let arms = slots.into_iter().enumerate().map(|(class, slot)| {
        let mut sql = Sql::new(&format!(
            "SELECT DISTINCT d.rid AS rid, d.{column} AS s0 FROM {table} d{by} WHERE d.{slot_column} = ?"
        ));
        sql.bind(slot);
        if let Some((after, value)) = plan.after.as_ref().and_then(|it| Some((it, sort::bind(it, 0)?))) {
            let sign = if sort::falls(key, way) { '<' } else { '>' };
            sql.push(&format!(" AND (d.{column}, d.rid) {sign} (?, ?)")).bind(value).bind(after.row);
        }
        match bounds.as_ref().and_then(|(_, conditions)| conditions.get(class)) {
            Some(condition) => sql.push(" AND ").append(condition.clone()),
            // The first of a resource's values stands for it.
            None => sql.push(&format!(" AND d.{column} = ")).append(sort::value(filters.hash, key)),
        };
        let but = bounds.as_ref().map(|(clause, _)| *clause);
        sql.append(filters.probes(&branch.of, &branch.filter, but, "d.rid", " AND "));
        sql
    });
    let order = if sort::falls(key, way) { " ORDER BY s0 DESC, rid DESC" } else { " ORDER BY s0, rid" };
    filters.dialect.merged(arms.collect(), "rid, s0", order, plan.limit as i64 + 1)
}

/// The clause that bounds the walk, and its condition on each class of dates: one on the very dates that are walked,
/// where a resource has no others.
pub(crate) fn bounds(branch: &Branch, key: &Sort) -> Option<(usize, Vec<Sql>)> {
    let SortBy::Date(walked) = &key.by else { return None };
    let conditions = |clause: &Clause| match clause {
        Clause::Any(tests) => match tests.as_slice() {
            [Test::Date(param, ranges)] if param == walked => Some(date_conditions(*param, ranges)),
            _ => None,
        },
        Clause::None(_) => None,
    };
    let mut clauses = branch.filter.iter().enumerate().filter(|_| key.is_single);
    clauses.find_map(|(at, clause)| Some((at, conditions(clause)?)))
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
        // Ids have no index of their own; they are sorted, not walked.
        SortBy::Id => ("date", "date_low", "low", Vec::new()),
    }
}

/// What has no value, at most `rest`, beyond the plan's position if that has none either.
pub(crate) fn missing(filters: &Filters<'_>, branch: &Branch, key: &Sort, plan: &Plan, rest: usize, way: Way) -> Sql {
    let falls = sort::falls(key, way);
    let mut sql = Sql::new("SELECT d.rid AS rid, NULL AS s0 FROM (");
    sql.append(filters.type_driver(&branch.of).all()).push(") d WHERE ");
    sql.append(sort::value(filters.hash, key)).push(" IS NULL");
    sql.append(filters.probes(&branch.of, &branch.filter, None, "d.rid", " AND "));
    if let Some(after) = plan.after.as_ref().filter(|it| sort::bind(it, 0).is_none()) {
        sql.push(if falls { " AND d.rid < ?" } else { " AND d.rid > ?" }).bind(after.row);
    }
    sql.push(if falls { " ORDER BY d.rid DESC" } else { " ORDER BY d.rid" }).limit(rest as i64);
    sql
}
