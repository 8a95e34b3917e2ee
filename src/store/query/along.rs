//! Along chains: what refers to the many resources that a chain leads through, in their order. Of the reports of all
//! encounters of patients of a name, the encounters come by rising `rid`, and the reports of each by theirs; no more
//! encounters are looked at than fill the page. In the order of creation all of them have to be, before it is known
//! which report is the first.
//!
//! A resource has one place in that order, as the reference does not repeat: what nobody changes comes once, whatever
//! becomes of others between two pages. Where it may repeat, or where a logical reference may lead to several, no search
//! begins to go this way. One that has begun goes on in the order that its position tells, whatever would be chosen now.

use super::Runner;
use super::choose::{Aim, Choice, choose};
use super::filter::Filters;
use super::search::{Ways, sorted, unsorted};
use super::sort::{self, Way};
use super::sql::Sql;
use crate::{Branch, Plan, Position, Result, Sort, SortBy, SortValue};
use fhir::search::{Clause, ParamId, Test};

/// As many as there are.
const ALL: usize = (i64::MAX - 1) as usize;

impl Filters<'_> {
    /// The parameter of a clause's chains, where each resource has one place in the order of what it points to.
    pub(super) fn along(&self, clause: &Clause) -> Option<ParamId> {
        let Clause::Any(tests) = clause else { return None };
        let single = |test: &Test| match test {
            Test::Chain { param, is_single: true, .. } => Some(*param).filter(|it| !self.logical.has(*it)),
            _ => None,
        };
        let param = single(tests.first()?)?;
        tests.iter().all(|it| single(it) == Some(param)).then_some(param)
    }
}

/// What finds a page of a branch in the order of what a parameter points to.
pub(super) async fn ways(
    runner: &mut dyn Runner,
    filters: &Filters<'_>,
    plan: &Plan,
    (branch, param): (&Branch, ParamId),
    way: Way,
) -> Result<Ways> {
    let order = vec![Sort { by: SortBy::Target(param), descending: false, is_single: true }];
    let chains = branch.filter.iter().enumerate().find_map(|(at, clause)| match clause {
        Clause::Any(chains) if filters.along(clause) == Some(param) => Some((at, chains)),
        _ => None,
    });
    let gathered = match (chains, Place::of(plan.after.as_ref(), way)) {
        (Some((at, chains)), Some(after)) => {
            let middle = middle(runner, filters, chains).await?;
            rows(filters, branch, &Along { at, param, middle, after }, plan.limit, way)
        }
        // There is no chain any more to go along, or no place in it: all that is found is sorted.
        _ => {
            let mut plan = plan.clone();
            plan.branches.iter_mut().for_each(|it| it.sort.clone_from(&order));
            let choice = choose(runner, filters, branch, Aim::All).await?;
            sorted(filters, &plan, &[choice], way)
        }
    };
    Ok(Ways { order, walk: None, gathered })
}

/// A place in the order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The row of what is pointed to.
    target: i64,
    row: i64,
}

impl Place {
    /// That of a position; where there is none, the one before all others this way. `None` where what is pointed to is
    /// not known.
    pub(crate) fn of(position: Option<&Position>, way: Way) -> Option<Place> {
        let before_all = if way == Way::On { i64::MIN } else { i64::MAX };
        match position.map(|it| (it.values.first(), it.row)) {
            None => Some(Place { target: before_all, row: before_all }),
            Some((Some(SortValue::Int(target)), row)) => Some(Place { target: *target, row }),
            Some(_) => None,
        }
    }
}

/// Where a page is looked for.
pub(crate) struct Along {
    /// The clause of the chains.
    pub(crate) at: usize,
    /// Their parameter.
    pub(crate) param: ParamId,
    /// What each of them leads through, with the way to it.
    pub(crate) middle: Vec<(Branch, Choice)>,
    /// The page comes behind it.
    pub(crate) after: Place,
}

/// What each of a clause's chains leads through, with the way to it.
async fn middle(runner: &mut dyn Runner, filters: &Filters<'_>, chains: &[Test]) -> Result<Vec<(Branch, Choice)>> {
    let mut middle = Vec::with_capacity(chains.len());
    for chain in chains {
        let Test::Chain { of, filter, .. } = chain else { continue };
        let branch = Branch { of: of.clone(), filter: filter.clone(), sort: Vec::new() };
        let choice = choose(runner, filters, &branch, Aim::First(ALL)).await?;
        middle.push((branch, choice));
    }
    Ok(middle)
}

/// What chains lead through, from the place on this way, each once. It is read no further than it is asked for where an
/// index has it in this order and there is one chain.
fn through(filters: &Filters<'_>, along: &Along, way: Way) -> Sql {
    // More may refer to what the place itself points to.
    let target = along.after.target;
    let row = if way == Way::On { target.saturating_sub(1) } else { target.saturating_add(1) };
    let plan = Plan { branches: Vec::new(), after: Some(Position { row, ..Position::default() }), limit: ALL };
    let mut arms: Vec<Sql> =
        along.middle.iter().map(|(branch, choice)| unsorted(filters, branch, choice, &plan, way)).collect();
    if arms.len() > 1 {
        let nested = |arm| {
            let mut sql = Sql::new("SELECT rid FROM (");
            sql.append(arm).push(") c");
            sql
        };
        return filters.dialect.merged(arms.into_iter().map(nested).collect(), "rid", &sort::order(&[], way), i64::MAX);
    }
    // In its order as it is: within another select SQLite would sort all of it once more.
    arms.pop().unwrap_or_else(|| Sql::new("SELECT 0 AS rid WHERE false"))
}

/// The statement for the page: the columns `rid` and `s0`, which is the row of what is pointed to.
pub(crate) fn rows(filters: &Filters<'_>, branch: &Branch, along: &Along, limit: usize, way: Way) -> Sql {
    let (sign, falling, all) = match way {
        Way::On => ('>', "", i64::MIN),
        Way::Back => ('<', " DESC", i64::MAX),
    };
    let most = limit as i64 + 1;
    let mut pointing = Sql::new("SELECT d.rid AS value FROM reference d WHERE d.param = ? AND d.target = r.rkey");
    pointing.bind(along.param.0 as i64);
    pointing.push(&format!(" AND d.rid {sign} CASE WHEN m.rid = ? THEN ? ELSE ? END"));
    pointing.bind(along.after.target).bind(along.after.row).bind(all);
    pointing.append(filters.probes(&branch.of, &branch.filter, &[along.at], "d.rid", " AND "));
    pointing.push(&format!(" ORDER BY d.rid{falling}")).limit(most);
    let mut sql = Sql::new("SELECT w.value AS rid, m.rid AS s0 FROM (");
    sql.append(through(filters, along, way)).push(") m").push(&filters.dialect.then("resource r", "r.rid = m.rid"));
    sql.append(filters.dialect.each(pointing));
    // What refers to the same is joined in its order: for a join that looks back there is but a loop. PostgreSQL would
    // sort all of it if it were told.
    filters.dialect.first(sql, &format!(" ORDER BY s0{falling}"), most)
}
