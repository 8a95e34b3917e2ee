//! The way to a page: whether what passes one clause is gathered, or an order is walked first as far as that promises to
//! be less work. What is chosen rests on estimates ([`super::sizes`]); what is found does not.

use super::Runner;
use super::filter::{Driver, Filters};
use super::sizes::{Size, Sizes};
use crate::{Branch, Result};
use fhir::search::{Clause, Test};

/// Ranges are counted up to this many times [`Runner::enough`].
const MANY: i64 = 100;
/// Resource types are counted up to this many times [`Runner::enough`].
const MANY_OF_TYPE: i64 = 5000;
/// What a row takes that is gathered, in the units of [`Sizes::effort`]: rows of a range lie anywhere in other tables.
const GATHERING: i64 = 10;
/// How many times further than expected a walk may go in any case: values that belong together lie together.
const PATIENCE: i64 = 2;

/// How a branch is searched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The clause that drives; none: the resource type itself.
    pub(crate) clause: Option<usize>,
    /// What is tried before.
    pub(crate) walk: Option<Walk>,
}

/// An order that is walked while all else is probed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The clause whose rows are walked, or which bounds what is walked of the sort key's index; none: all resources of
    /// the type.
    pub(crate) clause: Option<usize>,
    /// Over so many rows at the most.
    pub(crate) most: i64,
}

/// What a search is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The first rows by rising `rid`, so many.
    First(usize),
    /// The first rows, so many, by a key that has an index, of which the clause bounds the part that is walked.
    Sorted(usize, Option<usize>),
    /// All rows.
    All,
}

impl Choice {
    /// The driver that was chosen.
    pub(crate) fn driver(&self, filters: &Filters<'_>, branch: &Branch) -> Driver {
        driver(filters, branch, self.clause)
    }
}

impl Walk {
    /// The driver whose order is walked.
    pub(crate) fn driver(&self, filters: &Filters<'_>, branch: &Branch) -> Driver {
        driver(filters, branch, self.clause)
    }
}

fn driver(filters: &Filters<'_>, branch: &Branch, clause: Option<usize>) -> Driver {
    let clause = clause.and_then(|at| branch.filter.get(at));
    clause.and_then(|it| filters.clause_driver(&branch.of, it)).unwrap_or_else(|| filters.type_driver(&branch.of))
}

/// What may drive a branch.
struct Candidate {
    clause: usize,
    size: Size,
    is_ordered: bool,
    rows: i64,
}

/// Picks the way to what a search is for.
pub(crate) async fn choose(
    runner: &mut dyn Runner,
    filters: &Filters<'_>,
    branch: &Branch,
    aim: Aim,
) -> Result<Choice> {
    if let Some(at) = branch.filter.iter().position(is_ids) {
        return Ok(Choice { clause: Some(at), walk: None });
    }
    let enough = runner.enough();
    let mut sizes = Sizes::default();
    let mut candidates = candidates(&mut sizes, filters, branch);
    match candidates.as_slice() {
        [] => return Ok(Choice { clause: None, walk: walk_of_all(aim, enough) }),
        // There is no choice.
        [only] if aim == Aim::All || (only.is_ordered && matches!(aim, Aim::First(_))) => {
            return Ok(Choice { clause: Some(only.clause), walk: None });
        }
        _ => {}
    }
    count(runner, &mut sizes, &mut candidates, enough).await?;
    let all = sizes.of_type(filters, &branch.of);
    if candidates.iter().all(|it| it.rows >= enough) {
        count(runner, &mut sizes, &mut candidates, enough * MANY).await?;
    }
    let estimate = Estimate { sizes: &sizes, all: sizes.at(all).max(1), enough };
    Ok(estimate.choice(&candidates, aim))
}

async fn count(runner: &mut dyn Runner, sizes: &mut Sizes, candidates: &mut [Candidate], most: i64) -> Result<()> {
    let most_of_type = runner.enough() * MANY_OF_TYPE;
    sizes.count(runner, most, most_of_type).await?;
    for it in candidates {
        it.rows = sizes.rows(&it.size);
    }
    Ok(())
}

fn candidates(sizes: &mut Sizes, filters: &Filters<'_>, branch: &Branch) -> Vec<Candidate> {
    let mut candidates = Vec::with_capacity(branch.filter.len());
    for (clause, it) in branch.filter.iter().enumerate() {
        if let (Some(driver), Some(size)) =
            (filters.clause_driver(&branch.of, it), sizes.of_clause(filters, &branch.of, it))
        {
            candidates.push(Candidate { clause, size, is_ordered: driver.ordered, rows: 0 });
        }
    }
    candidates
}

/// Where nothing is asked for that drives, an order that has an index is walked as far as is bearable.
fn walk_of_all(aim: Aim, enough: i64) -> Option<Walk> {
    matches!(aim, Aim::Sorted(..)).then_some(Walk { clause: None, most: enough * MANY })
}

/// What is known when a way is chosen.
struct Estimate<'a> {
    sizes: &'a Sizes,
    /// The resources of the type.
    all: i64,
    enough: i64,
}

impl Estimate<'_> {
    fn choice(&self, candidates: &[Candidate], aim: Aim) -> Choice {
        let least = |it: &&Candidate| (it.rows, !it.is_ordered);
        let Some(gathered) = candidates.iter().min_by_key(least) else { return Choice { clause: None, walk: None } };
        let walk = match aim {
            _ if gathered.rows < self.enough => None,
            Aim::All => None,
            // The page of such a range is read in its order and no further.
            Aim::First(_) if gathered.is_ordered => None,
            Aim::First(limit) => {
                let ordered = candidates.iter().filter(|it| it.is_ordered).min_by_key(least);
                self.walk(candidates, gathered.rows, ordered.map(|it| it.clause), limit)
            }
            Aim::Sorted(limit, bounds) => self.walk(candidates, gathered.rows, bounds, limit),
        };
        Choice { clause: Some(gathered.clause), walk }
    }

    /// A walk along a clause's rows, if it promises to be less work than to gather: each other clause lets its share of
    /// all resources pass.
    fn walk(&self, candidates: &[Candidate], gathered: i64, along: Option<usize>, limit: usize) -> Option<Walk> {
        let gathering = gathered.saturating_mul(GATHERING);
        let (mut distance, mut likely, mut worst) = (limit as i64 + 1, 1_i64, 1_i64);
        for it in candidates.iter().filter(|it| Some(it.clause) != along) {
            distance = distance.saturating_mul((self.all / it.rows.max(1)).max(1));
            likely = likely.saturating_add(self.sizes.effort(&it.size, true));
            worst = worst.saturating_add(self.sizes.effort(&it.size, false));
        }
        let most = distance.saturating_mul(PATIENCE).max(gathering / worst);
        (distance.saturating_mul(likely) <= gathering).then_some(Walk { clause: along, most })
    }
}

/// Whether a clause is a list of ids: nothing has fewer rows.
fn is_ids(clause: &Clause) -> bool {
    matches!(clause, Clause::Any(tests) if tests.iter().all(|it| matches!(it, Test::Id(_))))
}
