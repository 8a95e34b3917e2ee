//! Searches: how the order is kept, and the page's bodies.
//!
//! A branch is driven by one clause ([`super::choose`]); the others are probed. What was found is sorted, where a walk
//! along the order ([`mod@super::walk`]) has not found the page before. Where no order is asked for, a chain may bring its
//! own ([`super::along`]).

use super::choose::{Aim, Choice, Walk, choose};
use super::filter::{ARMS, Answers, Filters};
use super::logical::Logical;
use super::pairs::Paired;
use super::sort::{self, Way};
use super::sql::Sql;
use super::{Dialect, Found, Runner, along, built, counts, ends, pairs, walk};
use crate::{Branch, Page, Plan, Position, Result, Sort, SortBy};

/// A page of what passes the plan, beyond its position this way through the order; what its full-text tests find was
/// asked before.
pub(crate) async fn page(runner: &mut dyn Runner, texts: &Answers, plan: &Plan, way: Way) -> Result<Page> {
    built::demand(runner, plan).await?;
    let hash = runner.hash();
    let logical = Logical::of(runner, &hash, plan).await?;
    let has_pairs = built::are_paired(runner).await?;
    let filters = Filters { dialect: runner.dialect(), hash: &hash, texts, logical: &logical, has_pairs };
    let plan = &*pairs::paired(&filters, ends::looked_up(runner, &filters, plan).await?);
    let Ways { order, walk, gathered } = ways(runner, &filters, plan, way).await?;
    if let Some((walk, keys)) = walk {
        let rows = fetch(runner, keys, &order, way).await?;
        if rows.len() > plan.limit {
            return Ok(finish(rows, plan, &order, way));
        }
        if let Some(counts) = runner.counted() {
            counts.put_vain(walk, counts.now());
        }
    }
    let rows = fetch(runner, gathered, &order, way).await?;
    Ok(finish(rows, plan, &order, way))
}

/// Statements for a page.
pub(super) struct Ways {
    /// In which order.
    pub(super) order: Vec<Sort>,
    /// A walk to be tried first, and what it is remembered by if it is in vain.
    pub(super) walk: Option<(u64, Sql)>,
    /// What finds the page in any case.
    pub(super) gathered: Sql,
}

async fn ways(runner: &mut dyn Runner, filters: &Filters<'_>, plan: &Plan, way: Way) -> Result<Ways> {
    let order = plan.branches.first().map_or_else(Vec::new, |it| it.sort.clone());
    if let ([branch], []) = (plan.branches.as_slice(), order.as_slice()) {
        return unordered(runner, filters, branch, plan, way).await;
    }
    if let ([branch], [key]) = (plan.branches.as_slice(), order.as_slice()) {
        let bounds = walk::bounds(filters, branch, key);
        let is_among_values = walk::is_among_values(key, plan, bounds, way);
        if is_among_values || Paired::in_order(filters, branch, key).is_some() {
            let choice = choose(runner, filters, branch, Aim::Sorted(plan.limit, bounds)).await?;
            if let Some(Walk { clause, most: None }) = choice.walk {
                let gathered = walk::whole(filters, branch, key, clause, plan, way);
                return Ok(Ways { order, walk: None, gathered });
            }
            let walk = promising(runner, filters, branch, &choice, plan, way).filter(|_| is_among_values);
            let walk = walk.map(|(walk, it)| (walk, walk::values(filters, branch, key, it, plan, way)));
            let gathered = sorted(filters, plan, &[choice], way);
            return Ok(Ways { order, walk, gathered });
        }
    }
    let mut choices = Vec::with_capacity(plan.branches.len());
    for branch in &plan.branches {
        choices.push(choose(runner, filters, branch, Aim::All).await?);
    }
    Ok(Ways { order, walk: None, gathered: sorted(filters, plan, &choices, way) })
}

/// Where no order is asked for: that of `rid`, or one along a chain where a search begins with it or goes on.
async fn unordered(
    runner: &mut dyn Runner,
    filters: &Filters<'_>,
    branch: &Branch,
    plan: &Plan,
    way: Way,
) -> Result<Ways> {
    if let Some(param) = plan.after.as_ref().and_then(|it| it.along) {
        return along::ways(runner, filters, plan, (branch, param), way).await;
    }
    let begins = plan.after.is_none() && way == Way::On;
    let aim = if begins { Aim::Any(plan.limit) } else { Aim::First(plan.limit) };
    let choice = choose(runner, filters, branch, aim).await?;
    if let Some(param) = choice.along(filters, branch) {
        return along::ways(runner, filters, plan, (branch, param), way).await;
    }
    let walk = promising(runner, filters, branch, &choice, plan, way);
    let walk = walk.map(|(walk, it)| (walk, walk::rows(filters, branch, it, plan, way)));
    Ok(Ways { order: Vec::new(), walk, gathered: unsorted(filters, branch, &choice, plan, way) })
}

/// The walk that was chosen, unless it was in vain lately, with what that is remembered by.
fn promising<'a>(
    runner: &dyn Runner,
    filters: &Filters<'_>,
    branch: &Branch,
    choice: &'a Choice,
    plan: &Plan,
    way: Way,
) -> Option<(u64, &'a Walk)> {
    let walk = choice.walk.as_ref()?;
    let mut sql = filters.probes(&branch.of, &branch.filter, &[], "d.rid", "");
    let is_first = plan.after.is_none();
    sql.push(&format!("{} {:?} {way:?} {is_first} {}", branch.of, branch.sort, plan.limit));
    let remembered = counts::range(&sql);
    let is_vain = runner.counted().is_some_and(|it| it.is_vain(remembered, it.now()));
    (!is_vain).then_some((remembered, walk))
}

/// How many resources pass.
pub(crate) async fn count(runner: &mut dyn Runner, texts: &Answers, plan: &Plan) -> Result<i64> {
    built::demand(runner, plan).await?;
    let hash = runner.hash();
    let logical = Logical::of(runner, &hash, plan).await?;
    let has_pairs = built::are_paired(runner).await?;
    let filters = Filters { dialect: runner.dialect(), hash: &hash, texts, logical: &logical, has_pairs };
    let plan = &*pairs::paired(&filters, ends::looked_up(runner, &filters, plan).await?);
    let mut total = 0;
    for branch in &plan.branches {
        let choice = choose(runner, &filters, branch, Aim::All).await?;
        let driver = choice.driver(&filters, branch);
        let is_each_once = driver.ordered && driver.arms.len() == 1;
        let mut sql =
            Sql::new(if is_each_once { "SELECT count(*) FROM (" } else { "SELECT count(DISTINCT rid) FROM (" });
        let settled = filters.settled(branch, choice.clause);
        sql.append(filters.driven(&branch.of, &branch.filter, &settled, driver)).push(") m");
        total += runner.counts(sql).await?.first().copied().unwrap_or(0);
    }
    Ok(total)
}

/// In the order of `rid`: the arms merged, so that ordered ones are read no further than the page needs.
pub(crate) fn unsorted(filters: &Filters<'_>, branch: &Branch, choice: &Choice, plan: &Plan, way: Way) -> Sql {
    let driver = choice.driver(filters, branch);
    let is_each_once = driver.ordered && driver.arms.len() == 1;
    let arms = if driver.arms.len() <= ARMS { driver.arms } else { vec![driver.all()] };
    let settled = filters.settled(branch, choice.clause);
    let arms = arms.into_iter().map(|arm| {
        let mut sql =
            Sql::new(if is_each_once { "SELECT d.rid AS rid FROM (" } else { "SELECT DISTINCT d.rid AS rid FROM (" });
        sql.append(arm).push(") d WHERE true");
        if let Some(after) = &plan.after {
            sql.push(if way == Way::On { " AND d.rid > ?" } else { " AND d.rid < ?" }).bind(after.row);
        }
        sql.append(filters.probes(&branch.of, &branch.filter, &settled, "d.rid", " AND "));
        sql
    });
    filters.dialect.merged(arms.collect(), "rid", &sort::order(&[], way), plan.limit as i64 + 1)
}

/// All that is found, sorted.
pub(crate) fn sorted(filters: &Filters<'_>, plan: &Plan, choices: &[Choice], way: Way) -> Sql {
    let arms = plan.branches.iter().zip(choices).map(|(branch, choice)| {
        let mut sql = Sql::new("SELECT DISTINCT d.rid AS rid");
        for (i, key) in branch.sort.iter().enumerate() {
            sql.push(", ").append(sort::value(filters.dialect, filters.hash, key)).push(&format!(" AS s{i}"));
        }
        let driver = choice.driver(filters, branch);
        let settled = filters.settled(branch, choice.clause);
        sql.push(" FROM (").append(filters.driven(&branch.of, &branch.filter, &settled, driver)).push(") d");
        sql
    });
    let order = plan.branches.first().map_or(&[][..], |it| &it.sort);
    let mut sql = Sql::new("SELECT * FROM (");
    sql.append(Sql::join(arms.collect(), " UNION ALL ", "SELECT rid FROM key WHERE false")).push(") a");
    if let Some(after) = &plan.after {
        sql.push(" WHERE ").append(sort::beyond(order, after, way));
    }
    sql.push(&sort::order(order, way)).limit(plan.limit as i64 + 1);
    sql
}

/// Runs the statement that lists `rid, s0 …` and brings the bodies along, in the same order.
pub(crate) async fn fetch(runner: &mut dyn Runner, keys: Sql, order: &[Sort], way: Way) -> Result<Vec<Found>> {
    let statement = with_bodies(runner.dialect(), keys, order, way);
    runner.rows(statement, order.len()).await
}

/// The statement with the bodies: columns `type … body, rid, s0 …`.
pub(crate) fn with_bodies(dialect: Dialect, keys: Sql, order: &[Sort], way: Way) -> Sql {
    let mut sql = Sql::new("SELECT r.type, r.id, r.version, r.updated, r.method, r.body, p.* FROM (");
    sql.append(keys).push(") p").push(&dialect.then("resource r", "r.rid = p.rid"));
    sql.push(&sort::order(order, way).replace(" rid", " p.rid"));
    sql
}

/// Makes a page of rows, of which one more than the limit tells that there is more this way. Whoever comes from a
/// position has seen that there is something the other way.
fn finish(mut rows: Vec<Found>, plan: &Plan, order: &[Sort], way: Way) -> Page {
    let is_within = plan.after.as_ref().is_some_and(|it| !it.is_end());
    let is_more = rows.len() > plan.limit;
    rows.truncate(plan.limit);
    if way == Way::Back {
        rows.reverse();
    }
    let (has_next, has_previous) = if way == Way::On { (is_more, is_within) } else { (is_within, is_more) };
    let along = match order {
        [Sort { by: SortBy::Target(param), .. }] => Some(*param),
        _ => None,
    };
    let position = |it: &Found| Position { along, ..it.position.clone() };
    Page {
        next: rows.last().filter(|_| has_next).map(position),
        previous: rows.first().filter(|_| has_previous).map(position),
        found: rows.into_iter().map(|it| it.stored).collect(),
    }
}
