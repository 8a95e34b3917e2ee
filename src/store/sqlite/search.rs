//! Searches: which index range drives, how the order is kept, and the page's bodies.
//!
//! One branch is driven by the clause with the fewest rows, as far as a count of [`ENOUGH`] tells; the others are
//! probed. An order is kept either by sorting what was found, when that is little, or by walking the index of
//! the first sort key.

use super::filter::{Driver, Filters};
use super::place::Place;
use super::read::stored;
use super::sort;
use super::sql::Sql;
use crate::rows::{DATE_WIDTHS, date_slot};
use crate::{Branch, Page, Plan, Position, Result, Sort, SortBy, SortValue};
use fhir::search::{Clause, Test};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, TypeInfo, ValueRef};

/// Beyond so many rows an index range counts as large.
const ENOUGH: i64 = 1000;

/// What a branch is driven by: the clause's position (none: the type itself), and about how many rows it has.
#[derive(Clone, Copy)]
struct Choice {
    clause: Option<usize>,
    rows: i64,
    ordered: bool,
}

/// A page of what passes the plan.
pub(super) async fn page(place: &Place, plan: &Plan) -> Result<Page> {
    let filters = Filters { hash: &place.hash };
    let keys = match plan.branches.as_slice() {
        [branch] => {
            let choice = choose(place, &filters, branch).await?;
            match branch.sort.as_slice() {
                [] => unsorted(&filters, branch, choice, plan),
                [key] if choice.rows >= ENOUGH && key.by != SortBy::Id => {
                    return walk(place, &filters, branch, key, plan).await;
                }
                _ => sorted(&filters, plan),
            }
        }
        _ => sorted(&filters, plan),
    };
    let keys_of = plan.branches.first().map_or(0, |it| it.sort.len());
    let order = plan.branches.first().map_or(&[][..], |it| &it.sort);
    let rows = fetch(place, keys, order).await?;
    finish(rows, plan.limit, keys_of)
}

/// How many resources pass.
pub(super) async fn count(place: &Place, plan: &Plan) -> Result<i64> {
    let filters = Filters { hash: &place.hash };
    let mut total = 0;
    for branch in &plan.branches {
        let choice = choose(place, &filters, branch).await?;
        let mut sql = Sql::new("SELECT count(DISTINCT rid) FROM (");
        sql.append(rids(&filters, branch, choice)).push(")");
        total += sql.query().fetch_one(&place.readers).await?.try_get::<i64, _>(0)?;
    }
    Ok(total)
}

/// Picks the clause that drives a branch, by counting the beginnings of all candidates in one statement.
async fn choose(place: &Place, filters: &Filters<'_>, branch: &Branch) -> Result<Choice> {
    let mut candidates: Vec<(Option<usize>, Driver)> = branch
        .filter
        .iter()
        .enumerate()
        .filter_map(|(i, it)| Some((Some(i), filters.clause_driver(&branch.of, it)?)))
        .collect();
    let by_id = |at: Option<usize>| matches!(at.map(|i| &branch.filter[i]), Some(Clause::Any(tests)) if matches!(tests[..], [Test::Id(_), ..]));
    if let Some((clause, _)) = candidates.iter().find(|(at, _)| by_id(*at)) {
        return Ok(Choice { clause: *clause, rows: 1, ordered: true });
    }
    if candidates.iter().all(|(_, it)| !it.ordered) {
        candidates.push((None, filters.type_driver(&branch.of)));
    }
    if let ([(clause, driver)], true) = (candidates.as_slice(), branch.sort.is_empty()) {
        return Ok(Choice { clause: *clause, rows: 0, ordered: driver.ordered });
    }
    let shapes: Vec<_> = candidates.iter().map(|(at, it)| (*at, it.ordered)).collect();
    let counts = candidates.into_iter().map(|(_, it)| {
        let mut sql = Sql::new("(SELECT count(*) FROM (SELECT 1 FROM (");
        sql.append(it.sql).push(") LIMIT ?))").bind(ENOUGH);
        sql
    });
    let mut statement = Sql::new("SELECT ");
    statement.append(Sql::join(counts.collect(), ", ", "0"));
    let row = statement.query().fetch_one(&place.readers).await?;
    let mut best: Option<Choice> = None;
    for (i, (clause, ordered)) in shapes.into_iter().enumerate() {
        let rows: i64 = row.try_get(i)?;
        let candidate = Choice { clause, rows, ordered };
        // Among large ranges one in row order wins: a page of it can stop early.
        let better = best.is_none_or(|it| rows < it.rows || (rows >= ENOUGH && ordered && !it.ordered));
        if better {
            best = Some(candidate);
        }
    }
    Ok(best.unwrap_or(Choice { clause: None, rows: ENOUGH, ordered: true }))
}

/// `SELECT rid …` of a branch, driven as chosen.
fn rids(filters: &Filters<'_>, branch: &Branch, choice: Choice) -> Sql {
    let driver = choice.clause.and_then(|i| filters.clause_driver(&branch.of, &branch.filter[i]));
    let driver = driver.unwrap_or_else(|| filters.type_driver(&branch.of));
    let mut sql = Sql::new("SELECT d.rid AS rid FROM (");
    sql.append(driver.sql).push(") d WHERE 1");
    sql.append(filters.probes(&branch.of, &branch.filter, choice.clause, "d.rid", " AND "));
    sql
}

fn unsorted(filters: &Filters<'_>, branch: &Branch, choice: Choice, plan: &Plan) -> Sql {
    let mut sql = Sql::new(if choice.ordered { "" } else { "SELECT DISTINCT rid FROM (" });
    sql.append(rids(filters, branch, choice));
    if let Some(after) = &plan.after {
        sql.push(" AND d.rid > ?").bind(after.row);
    }
    sql.push(if choice.ordered { " ORDER BY d.rid" } else { ") ORDER BY rid" });
    sql.push(" LIMIT ?").bind(plan.limit as i64 + 1);
    sql
}

/// All that is found, sorted.
fn sorted(filters: &Filters<'_>, plan: &Plan) -> Sql {
    let arms = plan.branches.iter().map(|branch| {
        let mut sql = Sql::new("SELECT DISTINCT d.rid AS rid");
        for (i, key) in branch.sort.iter().enumerate() {
            sql.push(", ").append(sort::value(filters.hash, key)).push(&format!(" AS s{i}"));
        }
        sql.push(" FROM (").append(filters.rids(&branch.of, &branch.filter)).push(") d");
        sql
    });
    let order = plan.branches.first().map_or(&[][..], |it| &it.sort);
    let mut sql = Sql::new("SELECT * FROM (");
    sql.append(Sql::join(arms.collect(), " UNION ALL ", "SELECT rid FROM key WHERE 0")).push(")");
    if let Some(after) = &plan.after {
        sql.push(" WHERE ").append(sort::behind(order, after));
    }
    sql.push(&sort::order(order)).push(" LIMIT ?").bind(plan.limit as i64 + 1);
    sql
}

/// Walks the index of the sort key, probing every clause, then lists what has no value.
async fn walk(place: &Place, filters: &Filters<'_>, branch: &Branch, key: &Sort, plan: &Plan) -> Result<Page> {
    let order = std::slice::from_ref(key);
    let mut rows = Vec::new();
    let is_missing = plan.after.as_ref().is_some_and(|it| it.values.first() == Some(&SortValue::Missing));
    if !is_missing {
        rows = fetch(place, walk_values(filters, branch, key, plan), order).await?;
    }
    if rows.len() <= plan.limit {
        let mut sql = Sql::new("SELECT d.rid AS rid, NULL AS s0 FROM (");
        sql.append(filters.type_driver(&branch.of).sql).push(") d WHERE ");
        sql.append(sort::value(filters.hash, key)).push(" IS NULL");
        sql.append(filters.probes(&branch.of, &branch.filter, None, "d.rid", " AND "));
        if let (true, Some(after)) = (is_missing, &plan.after) {
            sql.push(if key.descending { " AND d.rid < ?" } else { " AND d.rid > ?" }).bind(after.row);
        }
        let rest = plan.limit as i64 + 1 - rows.len() as i64;
        sql.push(if key.descending { " ORDER BY d.rid DESC LIMIT ?" } else { " ORDER BY d.rid LIMIT ?" }).bind(rest);
        rows.extend(fetch(place, sql, order).await?);
    }
    finish(rows, plan.limit, 1)
}

fn walk_values(filters: &Filters<'_>, branch: &Branch, key: &Sort, plan: &Plan) -> Sql {
    let (table, index, column, slots) = match &key.by {
        SortBy::Date(param) => {
            let slots = (0..=DATE_WIDTHS.len() as i64).map(|class| date_slot(*param, class)).collect();
            ("date", "date_low", "low", slots)
        }
        SortBy::Number(param) => {
            let slot = filters.hash.number(*param);
            ("number", "number_low", "low", vec![slot, slot | 1])
        }
        SortBy::String(param) => ("string", "string_norm", "norm", vec![i64::from(param.0)]),
        // Ids have no index of their own; they are sorted, not walked.
        SortBy::Id => ("date", "date_low", "low", Vec::new()),
    };
    let slot_column = if table == "string" { "param" } else { "slot" };
    let arms = slots.into_iter().map(|slot| {
        let mut sql = Sql::new(&format!(
            "SELECT d.rid AS rid, d.{column} AS s0 FROM {table} d INDEXED BY {index} WHERE d.{slot_column} = ?"
        ));
        sql.bind(slot);
        // The first of a resource's values stands for it.
        sql.push(&format!(" AND d.{column} = ")).append(sort::value(filters.hash, key));
        sql.append(filters.probes(&branch.of, &branch.filter, None, "d.rid", " AND "));
        if let Some(after) = &plan.after {
            let position = sort::behind(std::slice::from_ref(key), after);
            let bound = if key.descending { "<=" } else { ">=" };
            if let Some(value) = sort::bind(after, 0) {
                sql.push(&format!(" AND d.{column} {bound} ?")).bind(value);
            }
            sql.push(" AND ").append(renamed(position, column));
        }
        sql
    });
    let mut sql = Sql::new("SELECT DISTINCT rid, s0 FROM (");
    sql.append(Sql::join(arms.collect(), " UNION ALL ", "SELECT 0 AS rid, 0 AS s0 WHERE 0"));
    sql.push(")").push(&sort::order(std::slice::from_ref(key)).replace("NULLS LAST", ""));
    sql.push(" LIMIT ?").bind(plan.limit as i64 + 1);
    sql
}

/// A keyset condition on `s0, rid` as one on an arm's own columns.
fn renamed(mut condition: Sql, column: &str) -> Sql {
    condition.text = condition.text.replace("s0", &format!("d.{column}")).replace("rid", "d.rid");
    condition
}

/// Runs the statement that lists `rid, s0 …` and brings the bodies along, in the same order.
async fn fetch(place: &Place, keys: Sql, order: &[Sort]) -> Result<Vec<SqliteRow>> {
    let mut sql = Sql::new("SELECT r.type, r.id, r.version, r.updated, r.method, r.body, p.* FROM (");
    sql.append(keys).push(") p CROSS JOIN resource r ON r.rid = p.rid");
    sql.push(&sort::order(order).replace(" rid", " p.rid"));
    let work = sql.query().fetch_all(&place.readers);
    match tokio::time::timeout(place.query_time, work).await {
        Ok(rows) => Ok(rows?),
        Err(_) => Err(crate::Error::Timeout),
    }
}

/// Makes a page of rows `type … body, rid, s0 …`, of which one more than `limit` tells that there is a next page.
fn finish(rows: Vec<SqliteRow>, limit: usize, keys: usize) -> Result<Page> {
    let mut found = Vec::with_capacity(rows.len().min(limit));
    for row in rows.iter().take(limit) {
        found.push(stored(row, 0)?);
    }
    let next = match rows.get(limit.wrapping_sub(1)) {
        Some(last) if rows.len() > limit => Some(position(last, keys)?),
        _ => None,
    };
    Ok(Page { found, next })
}

fn position(row: &SqliteRow, keys: usize) -> Result<Position> {
    let mut values = Vec::with_capacity(keys);
    for i in 0..keys {
        let raw = row.try_get_raw(7 + i)?;
        let kind = raw.type_info().name().to_owned();
        values.push(match (raw.is_null(), kind.as_str()) {
            (true, _) => SortValue::Missing,
            (_, "INTEGER") => SortValue::Int(row.try_get(7 + i)?),
            (_, "REAL") => SortValue::Real(row.try_get(7 + i)?),
            _ => SortValue::Text(row.try_get(7 + i)?),
        });
    }
    Ok(Position { values, row: row.try_get(6)? })
}
