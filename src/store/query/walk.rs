//! Walks: so many rows in the order asked for, and of them those that pass every clause. A walk that finds a page has
//! found the first one; one that does not has found nothing out, and the page is gathered. Where all that passes stands
//! in the order asked for, a walk needs no end: it finds the page in any case.

use super::choose::Walk;
use super::filter::Filters;
use super::pairs::Paired;
use super::range::date_conditions;
use super::sort::{self, Way};
use super::sql::Sql;
use crate::pairs::UNDATED;
use crate::rows::date_slot;
use crate::{Branch, Plan, Sort, SortBy};
use fhir::search::{Clause, ParamId, Test};

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
    sql.append(filters.dialect.merged(arms.collect(), "rid", &order, walk.most())).push(") d WHERE true");
    sql.append(filters.probes(&branch.of, &branch.filter, &filters.settled(branch, walk.clause), "d.rid", " AND "));
    filters.dialect.first(sql, &order, plan.limit as i64 + 1)
}

/// Along the index of the sort key, within the clause that bounds the walk if there is one.
pub(crate) fn values(filters: &Filters<'_>, branch: &Branch, key: &Sort, walk: &Walk, plan: &Plan, way: Way) -> Sql {
    let order = Order::of(filters, branch, key, walk.clause);
    let by = order_of_values(key, way);
    let arms = order.values(filters, plan, way).collect();
    let mut sql = Sql::new("SELECT d.rid AS rid, d.s0 AS s0 FROM (");
    sql.append(filters.dialect.merged(arms, "rid, s0", by, walk.most())).push(") d WHERE true");
    sql.append(order.first(filters, "d.s0")).append(order.probes(filters));
    filters.dialect.first(sql, by, plan.limit as i64 + 1)
}

/// The page of what stands in the index of the sort key, within a clause or under pairs: of all of the filter's.
pub(crate) fn whole(
    filters: &Filters<'_>,
    branch: &Branch,
    key: &Sort,
    bounds: Option<usize>,
    plan: &Plan,
    way: Way,
) -> Sql {
    let order = Order::of(filters, branch, key, bounds);
    let most = plan.limit as i64 + 1;
    let value = format!("d.{}", order.column);
    let after = plan.after.as_ref().map(|it| sort::bind(it, 0).is_some());
    // What has no value comes last.
    let (has_values, has_missing) = match after {
        None => (true, true),
        Some(true) => (true, way == Way::On),
        Some(false) => (way == Way::Back, true),
    };
    let merged = |arms: Vec<Sql>, by: &str| {
        let mut sql = Sql::new("SELECT * FROM (");
        sql.append(filters.dialect.merged(arms, "rid, s0", by, most)).push(") a");
        sql
    };
    let mut parts = Vec::new();
    if has_values {
        let arms = order.values(filters, plan, way).map(|mut arm| {
            arm.append(order.first(filters, &value)).append(order.probes(filters));
            arm
        });
        parts.push(merged(arms.collect(), order_of_values(key, way)));
    }
    if has_missing && !order.undated.is_empty() {
        let by = if sort::falls(key, way) { " ORDER BY rid DESC" } else { " ORDER BY rid" };
        let arms = order.missing(filters, plan, way).map(|mut arm| {
            arm.append(order.probes(filters));
            arm
        });
        parts.push(merged(arms.collect(), by));
    }
    let mut sql = Sql::new("SELECT * FROM (");
    sql.append(Sql::join(parts, " UNION ALL ", "SELECT 0 AS rid, 0 AS s0 WHERE false")).push(") a");
    sql.push(&sort::order(std::slice::from_ref(key), way)).limit(most);
    sql
}

fn order_of_values(key: &Sort, way: Way) -> &'static str {
    if sort::falls(key, way) { " ORDER BY s0 DESC, rid DESC" } else { " ORDER BY s0, rid" }
}

/// The order in which an index has the values of a sort key.
struct Order<'a> {
    branch: &'a Branch,
    key: &'a Sort,
    table: &'static str,
    index: &'static str,
    column: &'static str,
    /// The ranges of the index, each a condition.
    ranges: Vec<Sql>,
    /// Where pairs have what has no value.
    undated: Vec<Sql>,
    /// Clauses that all that is met passes.
    settled: Vec<usize>,
}

impl<'a> Order<'a> {
    /// Of a key, within the clause that bounds it.
    fn of(filters: &Filters<'_>, branch: &'a Branch, key: &'a Sort, bounds: Option<usize>) -> Order<'a> {
        let paired = Paired::in_order(filters, branch, key);
        let (table, index, column) = match key.by {
            SortBy::Number(_) => ("number", "number_low", "low"),
            SortBy::String(_) => ("string", "string_norm", "norm"),
            SortBy::Date(_) | SortBy::Id | SortBy::Target(_) => ("date", "date_low", "low"),
        };
        let within = bounds.and_then(|at| branch.filter.get(at)).and_then(date_ranges);
        let ranges = match (within, &paired, &key.by) {
            (Some(within), ..) => within,
            (None, Some(paired), _) => paired.params.iter().flat_map(|it| date_conditions(*it, &[])).collect(),
            (None, None, SortBy::Date(param)) => date_conditions(*param, &[]),
            (None, None, SortBy::Number(param)) => {
                let slot = filters.hash.number(*param);
                vec![one("slot = ?", slot), one("slot = ?", slot | 1)]
            }
            (None, None, SortBy::String(param)) => vec![one("param = ?", param.0 as i64)],
            (None, None, SortBy::Id | SortBy::Target(_)) => Vec::new(),
        };
        let undated = match (bounds, &paired) {
            (None, Some(paired)) => paired.params.iter().map(|it| undated(*it)).collect(),
            _ => Vec::new(),
        };
        let settled = bounds.into_iter().chain(paired.iter().flat_map(Paired::settled).copied()).collect();
        Order { branch, key, table, index, column, ranges, undated, settled }
    }

    /// The rows with values, beyond a position.
    fn values(&self, filters: &Filters<'_>, plan: &Plan, way: Way) -> impl Iterator<Item = Sql> {
        let (by, column) = (filters.dialect.by(self.index), self.column);
        let lead = format!("SELECT DISTINCT d.rid AS rid, d.{column} AS s0 FROM {} d{by} WHERE ", self.table);
        let sign = if sort::falls(self.key, way) { '<' } else { '>' };
        let after = plan.after.as_ref().and_then(|it| Some((it.row, sort::bind(it, 0)?)));
        self.ranges.iter().map(move |range| {
            let mut sql = Sql::new(&lead);
            sql.append(range.clone());
            if let Some((row, value)) = &after {
                sql.push(&format!(" AND (d.{column}, d.rid) {sign} (?, ?)")).bind(value.clone()).bind(*row);
            }
            sql
        })
    }

    /// The rows without values, beyond a position.
    fn missing(&self, filters: &Filters<'_>, plan: &Plan, way: Way) -> impl Iterator<Item = Sql> {
        let lead = format!(
            "SELECT DISTINCT d.rid AS rid, nullif(d.low, 0) AS s0 FROM date d{} WHERE ",
            filters.dialect.by(self.index)
        );
        let sign = if sort::falls(self.key, way) { '<' } else { '>' };
        let after = plan.after.as_ref().filter(|it| sort::bind(it, 0).is_none()).map(|it| it.row);
        self.undated.iter().map(move |range| {
            let mut sql = Sql::new(&lead);
            sql.append(range.clone());
            if let Some(row) = after {
                sql.push(&format!(" AND d.rid {sign} ?")).bind(row);
            }
            sql
        })
    }

    /// Of several values of a resource, the first stands for it.
    fn first(&self, filters: &Filters<'_>, value: &str) -> Sql {
        let mut sql = Sql::default();
        if !self.key.is_single {
            sql.push(&format!(" AND {value} = ")).append(sort::value(filters.dialect, filters.hash, self.key));
        }
        sql
    }

    fn probes(&self, filters: &Filters<'_>) -> Sql {
        filters.probes(&self.branch.of, &self.branch.filter, &self.settled, "d.rid", " AND ")
    }
}

fn one(condition: &str, value: i64) -> Sql {
    let mut sql = Sql::new(condition);
    sql.bind(value);
    sql
}

fn undated(param: ParamId) -> Sql {
    one("slot = ? AND low = 0", date_slot(param, UNDATED))
}

/// Whether a page can be found among the values of a key, which has an index: what has none stands behind them.
pub(crate) fn is_among_values(key: &Sort, plan: &Plan, bounds: Option<usize>, way: Way) -> bool {
    let starts_with_values = match &plan.after {
        Some(after) => sort::bind(after, 0).is_some(),
        None => way == Way::On || bounds.is_some(),
    };
    // Ids and what is pointed to are sorted by, and have no index.
    !matches!(key.by, SortBy::Id | SortBy::Target(_)) && starts_with_values
}

/// The clause that bounds a walk: one on the very dates that are walked, where a resource has no others.
pub(crate) fn bounds(filters: &Filters<'_>, branch: &Branch, key: &Sort) -> Option<usize> {
    let SortBy::Date(walked) = &key.by else { return None };
    let is_walked = |clause: &Clause| match clause {
        Clause::Any(tests) => matches!(tests.as_slice(), [Test::Date(param, _)] if param == walked),
        Clause::None(_) => false,
    };
    let bounds = match Paired::in_order(filters, branch, key) {
        Some(paired) => paired.dates,
        None => branch.filter.iter().position(is_walked),
    };
    bounds.filter(|_| key.is_single)
}

/// A clause on dates as its conditions on each class of them.
fn date_ranges(clause: &Clause) -> Option<Vec<Sql>> {
    let Clause::Any(tests) = clause else { return None };
    let ranges = tests.iter().map(|test| match test {
        Test::Date(param, ranges) => Some(date_conditions(*param, ranges)),
        _ => None,
    });
    Some(ranges.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}
