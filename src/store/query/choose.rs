//! What drives a branch: the clause with the fewest rows, as far as a count that gives up early tells.

use super::Runner;
use super::filter::{Driver, Filters};
use super::sql::Sql;
use crate::{Branch, Result};
use fhir::search::{Clause, Test};

/// How many times [`Runner::enough`] rows are still gathered rather than searched for in another order.
pub(crate) const MANY: i64 = 20;

/// What a branch is driven by, and about how many rows that has.
pub(crate) struct Choice {
    /// The clause's position; none: the resource type itself.
    pub(crate) clause: Option<usize>,
    /// At most as many as were counted.
    pub(crate) rows: i64,
}

/// What a search is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The first rows by rising `rid`.
    Page,
    /// All rows.
    All,
}

impl Choice {
    /// The driver that was chosen.
    pub(crate) fn driver(&self, filters: &Filters<'_>, branch: &Branch) -> Driver {
        let clause = self.clause.and_then(|at| branch.filter.get(at));
        clause.and_then(|it| filters.clause_driver(&branch.of, it)).unwrap_or_else(|| filters.type_driver(&branch.of))
    }
}

/// What may drive a branch.
struct Candidate {
    clause: Option<usize>,
    driver: Driver,
    rows: i64,
}

/// Picks what drives a branch.
pub(crate) async fn choose(
    runner: &mut dyn Runner,
    filters: &Filters<'_>,
    branch: &Branch,
    aim: Aim,
) -> Result<Choice> {
    let enough = runner.enough();
    if let Some(at) = branch.filter.iter().position(is_ids) {
        return Ok(Choice { clause: Some(at), rows: 0 });
    }
    let driver = |at: usize, clause| {
        Some(Candidate { clause: Some(at), driver: filters.clause_driver(&branch.of, clause)?, rows: 0 })
    };
    let mut candidates: Vec<Candidate> =
        branch.filter.iter().enumerate().filter_map(|(at, clause)| driver(at, clause)).collect();
    let has_ordered = candidates.iter().any(|it| it.driver.ordered);
    if !has_ordered {
        candidates.push(Candidate { clause: None, driver: filters.type_driver(&branch.of), rows: 0 });
    }
    if candidates.len() > 1 || !branch.sort.is_empty() {
        count(runner, &mut candidates, enough).await?;
        let are_large = candidates.iter().all(|it| it.rows >= enough);
        // Pages of ranges in row order stop early, however large.
        let are_alike = aim == Aim::Page && candidates.iter().all(|it| it.driver.ordered);
        if are_large && (candidates.len() > 1 || branch.filter.len() > 1) && !are_alike {
            count(runner, &mut candidates, enough * MANY).await?;
        }
    }
    let many = enough * MANY;
    let cost = |it: &Candidate| match aim {
        Aim::All => (false, false, it.rows),
        Aim::Page => (it.rows >= many, it.rows >= enough && !it.driver.ordered, it.rows),
    };
    let best = candidates.into_iter().min_by_key(cost);
    Ok(best.map_or(Choice { clause: None, rows: many }, |it| Choice { clause: it.clause, rows: it.rows }))
}

/// Whether a clause is a list of ids: nothing has fewer rows.
fn is_ids(clause: &Clause) -> bool {
    matches!(clause, Clause::Any(tests) if tests.iter().all(|it| matches!(it, Test::Id(_))))
}

/// Counts the rows of all candidates up to `most`, in one statement.
async fn count(runner: &mut dyn Runner, candidates: &mut [Candidate], most: i64) -> Result<()> {
    let counts = candidates.iter().map(|it| {
        let mut sql = Sql::new("(SELECT count(*) FROM (SELECT 1 FROM (");
        sql.append(it.driver.clone().all()).push(") d").limit(most).push(") l)");
        sql
    });
    let mut statement = Sql::new("SELECT ");
    statement.append(Sql::join(counts.collect(), ", ", "0"));
    for (candidate, rows) in candidates.iter_mut().zip(runner.counts(statement).await?) {
        candidate.rows = rows;
    }
    Ok(())
}
