//! Searches: how the order is kept, and the page's bodies.
//!
//! A branch is driven by one clause ([`super::choose`]); the others are probed. An order is kept either by sorting
//! what was found, when that is little, or by walking the index of the sort key ([`super::walk`]).

use super::choose::{Aim, Choice, MANY, choose};
use super::filter::{FEW, Filters};
use super::place::Place;
use super::read::stored;
use super::sort::{self, Way};
use super::sql::Sql;
use super::{text, walk};
use crate::{Branch, Page, Plan, Position, Result, Sort, SortBy, SortValue};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, TypeInfo, ValueRef};
use std::sync::Arc;

/// A page of what passes the plan, beyond its position this way through the order.
pub(super) async fn page(place: &Arc<Place>, plan: &Plan, way: Way) -> Result<Page> {
    let texts = text::answers(place, plan.branches.iter().map(|it| &it.filter)).await?;
    let filters = Filters { hash: &place.hash, texts: &texts };
    let order = plan.branches.first().map_or(&[][..], |it| &it.sort);
    let keys = match (plan.branches.as_slice(), order) {
        ([branch], []) => {
            let choice = choose(place, &filters, branch, Aim::Page).await?;
            unsorted(&filters, branch, &choice, plan, way)
        }
        ([branch], [key]) if key.by != SortBy::Id => {
            let choice = choose(place, &filters, branch, Aim::All).await?;
            if choice.rows >= walked_from(place, branch) {
                return walk::page(place, &filters, branch, key, plan, way).await;
            }
            sorted(&filters, plan, &[choice], way)
        }
        _ => {
            let mut choices = Vec::with_capacity(plan.branches.len());
            for branch in &plan.branches {
                choices.push(choose(place, &filters, branch, Aim::All).await?);
            }
            sorted(&filters, plan, &choices, way)
        }
    };
    let rows = fetch(place, keys, order, way).await?;
    finish(rows, plan, order.len(), way)
}

/// From how many rows of the driver on a walk is the better way to an order: later where several clauses may leave little
/// of them, for which a walk would look everywhere.
fn walked_from(place: &Place, branch: &Branch) -> i64 {
    if branch.filter.len() > 1 { place.enough * MANY } else { place.enough }
}

/// How many resources pass.
pub(super) async fn count(place: &Arc<Place>, plan: &Plan) -> Result<i64> {
    let texts = text::answers(place, plan.branches.iter().map(|it| &it.filter)).await?;
    let filters = Filters { hash: &place.hash, texts: &texts };
    let mut total = 0;
    for branch in &plan.branches {
        let choice = choose(place, &filters, branch, Aim::All).await?;
        let driver = choice.driver(&filters, branch);
        let is_each_once = driver.ordered && driver.arms.len() == 1;
        let mut sql =
            Sql::new(if is_each_once { "SELECT count(*) FROM (" } else { "SELECT count(DISTINCT rid) FROM (" });
        sql.append(filters.driven(&branch.of, &branch.filter, choice.clause, driver)).push(")");
        total += place.readers.fetch_one(sql.query()?).await?.try_get::<i64, _>(0)?;
    }
    Ok(total)
}

/// In the order of `rid`: the arms merged, so that ordered ones are read no further than the page needs.
pub(super) fn unsorted(filters: &Filters<'_>, branch: &Branch, choice: &Choice, plan: &Plan, way: Way) -> Sql {
    let driver = choice.driver(filters, branch);
    let is_each_once = driver.ordered && driver.arms.len() == 1;
    let arms = if driver.arms.len() <= FEW { driver.arms } else { vec![driver.all()] };
    let arms = arms.into_iter().map(|arm| {
        let mut sql =
            Sql::new(if is_each_once { "SELECT d.rid AS rid FROM (" } else { "SELECT DISTINCT d.rid AS rid FROM (" });
        sql.append(arm).push(") d WHERE 1");
        if let Some(after) = &plan.after {
            sql.push(if way == Way::On { " AND d.rid > ?" } else { " AND d.rid < ?" }).bind(after.row);
        }
        sql.append(filters.probes(&branch.of, &branch.filter, choice.clause, "d.rid", " AND "));
        sql
    });
    let mut sql = Sql::join(arms.collect(), " UNION ", "SELECT rid FROM key WHERE 0");
    sql.push(&sort::order(&[], way)).limit(plan.limit as i64 + 1);
    sql
}

/// All that is found, sorted.
pub(super) fn sorted(filters: &Filters<'_>, plan: &Plan, choices: &[Choice], way: Way) -> Sql {
    let arms = plan.branches.iter().zip(choices).map(|(branch, choice)| {
        let mut sql = Sql::new("SELECT DISTINCT d.rid AS rid");
        for (i, key) in branch.sort.iter().enumerate() {
            sql.push(", ").append(sort::value(filters.hash, key)).push(&format!(" AS s{i}"));
        }
        let driver = choice.driver(filters, branch);
        sql.push(" FROM (").append(filters.driven(&branch.of, &branch.filter, choice.clause, driver)).push(") d");
        sql
    });
    let order = plan.branches.first().map_or(&[][..], |it| &it.sort);
    let mut sql = Sql::new("SELECT * FROM (");
    sql.append(Sql::join(arms.collect(), " UNION ALL ", "SELECT rid FROM key WHERE 0")).push(")");
    if let Some(after) = &plan.after {
        sql.push(" WHERE ").append(sort::beyond(order, after, way));
    }
    sql.push(&sort::order(order, way)).limit(plan.limit as i64 + 1);
    sql
}

/// Runs the statement that lists `rid, s0 …` and brings the bodies along, in the same order.
pub(super) async fn fetch(place: &Place, keys: Sql, order: &[Sort], way: Way) -> Result<Vec<SqliteRow>> {
    place.readers.fetch_all(with_bodies(keys, order, way).query()?).await
}

/// The statement with the bodies: columns `type … body, rid, s0 …`.
pub(super) fn with_bodies(keys: Sql, order: &[Sort], way: Way) -> Sql {
    let mut sql = Sql::new("SELECT r.type, r.id, r.version, r.updated, r.method, r.body, p.* FROM (");
    sql.append(keys).push(") p CROSS JOIN resource r ON r.rid = p.rid");
    sql.push(&sort::order(order, way).replace(" rid", " p.rid"));
    sql
}

/// Makes a page of rows `type … body, rid, s0 …`, of which one more than the limit tells that there is more this way.
/// Whoever comes from a position has seen that there is something the other way.
pub(super) fn finish(mut rows: Vec<SqliteRow>, plan: &Plan, keys: usize, way: Way) -> Result<Page> {
    let (is_more, is_within) = (rows.len() > plan.limit, plan.after.is_some());
    rows.truncate(plan.limit);
    if way == Way::Back {
        rows.reverse();
    }
    let (has_next, has_previous) = if way == Way::On { (is_more, is_within) } else { (is_within, is_more) };
    let place = |row: Option<&SqliteRow>| row.map(|it| position(it, keys)).transpose();
    Ok(Page {
        next: place(rows.last().filter(|_| has_next))?,
        previous: place(rows.first().filter(|_| has_previous))?,
        found: rows.iter().map(|it| stored(it, 0)).collect::<Result<_>>()?,
    })
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
