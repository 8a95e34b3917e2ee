//! The way to a page: whether what passes one clause is gathered, or an order is walked first as far as that promises to
//! be less work. What is chosen rests on estimates ([`super::sizes`]); what is found does not.

use super::Runner;
use super::filter::{Driver, Filters};
use super::pairs::Paired;
use super::sizes::{Size, Sizes};
use crate::{Branch, Result};
use fhir::search::{Clause, ParamId, Test};

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
    /// Over so many rows at the most; where there is no end to it, it finds the page in any case. Where no order is asked
    /// for, a walk without an end is one along the clause's chain.
    pub(crate) most: Option<i64>,
}

/// What a search is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The first rows by rising `rid`, so many.
    First(usize),
    /// The first rows, so many, by rising `rid` or along a chain: whichever is less work.
    Any(usize),
    /// The first rows, so many, by a key that has an index, of which the clause bounds the part that is walked.
    Sorted(usize, Option<usize>),
    /// All rows.
    All,
}

impl Choice {
    /// The parameter of the chain along which the page is to be found.
    pub(crate) fn along(&self, filters: &Filters<'_>, branch: &Branch) -> Option<ParamId> {
        let Some(Walk { clause: Some(at), most: None }) = self.walk else { return None };
        filters.along(branch.filter.get(at)?)
    }

    /// The driver that was chosen.
    pub(crate) fn driver(&self, filters: &Filters<'_>, branch: &Branch) -> Driver {
        driver(filters, branch, self.clause)
    }
}

impl Walk {
    /// How many rows are walked at the most.
    pub(crate) fn most(&self) -> i64 {
        self.most.unwrap_or(i64::MAX)
    }

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
    /// Whether it is a chain that a page can be found along.
    is_chain: bool,
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
    let served = Served::of(filters, branch, aim);
    if let Some(clause) = served.all_of(&candidates) {
        // Nothing else is asked for than what stands in the order asked for.
        return Ok(Choice { clause: Some(clause), walk: Some(served.walk()) });
    }
    match candidates.as_slice() {
        [] => return Ok(Choice { clause: None, walk: walk_of_all(aim, enough) }),
        // There is no choice.
        [only] if aim == Aim::All || (only.is_ordered && matches!(aim, Aim::First(_) | Aim::Any(_))) => {
            return Ok(Choice { clause: Some(only.clause), walk: None });
        }
        _ => {}
    }
    count(runner, &mut sizes, &mut candidates, enough).await?;
    let all = sizes.of_type(filters, &branch.of);
    if candidates.iter().all(|it| it.rows >= enough) {
        count(runner, &mut sizes, &mut candidates, enough * MANY).await?;
    }
    let estimate = Estimate { sizes: &sizes, all: sizes.at(all).max(1), enough, served };
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
            let (is_ordered, is_chain) = (driver.ordered, filters.along(it).is_some());
            candidates.push(Candidate { clause, size, is_ordered, is_chain, rows: 0 });
        }
    }
    candidates
}

/// Where nothing is asked for that drives, an order that has an index is walked as far as is bearable.
fn walk_of_all(aim: Aim, enough: i64) -> Option<Walk> {
    matches!(aim, Aim::Sorted(..)).then_some(Walk { clause: None, most: Some(enough * MANY) })
}

/// What an index with the order asked for, or pairs, know of a branch's clauses.
struct Served {
    paired: Option<Paired>,
    /// Whether the order asked for is one that the pairs keep.
    is_order: bool,
    /// The clause that bounds a walk in the order asked for.
    bounds: Option<usize>,
}

impl Served {
    fn of(filters: &Filters<'_>, branch: &Branch, aim: Aim) -> Served {
        let bounds = if let Aim::Sorted(_, bounds) = aim { bounds } else { None };
        let in_order = match (aim, branch.sort.as_slice()) {
            (Aim::Sorted(..), [key]) => Paired::in_order(filters, branch, key),
            _ => None,
        };
        let is_order = in_order.is_some();
        Served { paired: in_order.or_else(|| Paired::of(filters, branch)), is_order, bounds }
    }

    /// A walk through all that stands in the order asked for.
    fn walk(&self) -> Walk {
        Walk { clause: self.bounds, most: None }
    }

    /// Whether a walk in the order asked for meets only what passes the clause, but perhaps for the system of a code.
    fn is_within(&self, clause: usize) -> bool {
        self.bounds == Some(clause) || self.is_order && self.is_implied(clause)
    }

    fn is_implied(&self, clause: usize) -> bool {
        self.paired.as_ref().is_some_and(|it| it.implied.contains(&clause))
    }

    /// Whether it is the clause on the dates of pairs.
    fn is_dates(&self, clause: usize) -> bool {
        self.paired.as_ref().is_some_and(|it| it.dates == Some(clause))
    }

    /// Any of the clauses, where a walk in the order asked for meets only what passes all of them.
    fn all_of(&self, candidates: &[Candidate]) -> Option<usize> {
        let is_all = candidates.iter().all(|it| self.is_within(it.clause));
        candidates.first().filter(|_| is_all).map(|it| it.clause)
    }
}

/// What is known when a way is chosen.
struct Estimate<'a> {
    sizes: &'a Sizes,
    /// The resources of the type.
    all: i64,
    enough: i64,
    served: Served,
}

impl Estimate<'_> {
    fn choice(&self, candidates: &[Candidate], aim: Aim) -> Choice {
        // Of what has as many rows, pairs leave the least to be looked up, where all is wanted.
        let least = |it: &&Candidate| (it.rows, aim != Aim::All || !self.served.is_dates(it.clause), !it.is_ordered);
        let Some(gathered) = candidates.iter().min_by_key(least) else { return Choice { clause: None, walk: None } };
        let walk = match aim {
            Aim::Sorted(..) if self.is_order_least(candidates) => Some((0, self.served.walk())),
            _ if gathered.rows < self.enough => None,
            Aim::All => None,
            // The page of such a range is read in its order and no further.
            Aim::First(_) | Aim::Any(_) if gathered.is_ordered => None,
            Aim::First(limit) | Aim::Any(limit) => {
                let ordered = candidates.iter().filter(|it| it.is_ordered).min_by_key(least);
                self.walk(candidates, gathered.rows, ordered, limit)
            }
            Aim::Sorted(limit, bounds) => {
                let along = candidates.iter().find(|it| Some(it.clause) == bounds);
                self.walk(candidates, gathered.rows, along, limit)
            }
        };
        let chain = if let Aim::Any(limit) = aim { self.chain(candidates, gathered, limit) } else { None };
        let walk = [chain, walk].into_iter().flatten().min_by_key(|(work, _)| *work).map(|(_, it)| it);
        Choice { clause: Some(gathered.clause), walk }
    }

    /// Whether no other clause finds less than what a walk in the order asked for meets at the most.
    fn is_order_least(&self, candidates: &[Candidate]) -> bool {
        let rows = |is_within: bool| {
            let those = candidates.iter().filter(move |it| self.served.is_within(it.clause) == is_within);
            those.map(|it| it.rows).min()
        };
        rows(true).is_some_and(|met| rows(false).is_none_or(|others| met <= others))
    }

    /// What it takes to walk along the chain that finds least, if that promises to be less work than to gather. There is no
    /// end to it: at the worst it is about that work.
    fn chain(&self, candidates: &[Candidate], gathered: &Candidate, limit: usize) -> Option<(i64, Walk)> {
        let (mut distance, mut effort) = (limit as i64 + 1, GATHERING);
        for it in candidates.iter().filter(|it| it.clause != gathered.clause) {
            distance = distance.saturating_mul(self.one_in(it, None));
            effort = effort.saturating_add(self.sizes.effort(&it.size, true));
        }
        let middle = self.sizes.middle(&gathered.size, distance).saturating_mul(GATHERING);
        let work = distance.saturating_mul(effort).saturating_add(middle);
        let is_less = gathered.is_chain && work <= gathered.rows.saturating_mul(GATHERING);
        is_less.then_some((work, Walk { clause: Some(gathered.clause), most: None }))
    }

    /// A walk along a clause's rows and what it takes, if it promises to be less work than to gather: each other clause lets
    /// its share of all resources pass.
    fn walk(
        &self,
        candidates: &[Candidate],
        gathered: i64,
        along: Option<&Candidate>,
        limit: usize,
    ) -> Option<(i64, Walk)> {
        let gathering = gathered.saturating_mul(GATHERING);
        let clause = along.map(|it| it.clause);
        let (mut distance, mut likely, mut worst) = (limit as i64 + 1, 1_i64, 1_i64);
        for it in candidates.iter().filter(|it| Some(it.clause) != clause) {
            distance = distance.saturating_mul(self.one_in(it, along));
            likely = likely.saturating_add(self.sizes.effort(&it.size, true));
            worst = worst.saturating_add(self.sizes.effort(&it.size, false));
        }
        let most = distance.saturating_mul(PATIENCE).max(gathering / worst);
        let work = distance.saturating_mul(likely);
        (work <= gathering).then_some((work, Walk { clause, most: Some(most) }))
    }

    /// Among so many resources that a walk meets, one passes a clause.
    fn one_in(&self, it: &Candidate, along: Option<&Candidate>) -> i64 {
        let paired = self.served.paired.as_ref();
        let met = match along.filter(|it| self.served.is_implied(it.clause)) {
            _ if self.served.is_within(it.clause) => return 1,
            // The clause on dates tells for all of them.
            _ if self.served.is_implied(it.clause) && paired.is_some_and(|it| it.dates.is_some()) => return 1,
            Some(along) if self.served.is_dates(it.clause) => along.rows,
            _ => self.all,
        };
        (met / it.rows.max(1)).max(1)
    }
}

/// Whether a clause is a list of ids: nothing has fewer rows.
fn is_ids(clause: &Clause) -> bool {
    matches!(clause, Clause::Any(tests) if tests.iter().all(|it| matches!(it, Test::Id(_))))
}
