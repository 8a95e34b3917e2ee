//! Index rows that searches rest on, and that what an earlier version wrote has only once they are made anew ([`crate::Build`]).

use super::counts::Counts;
use super::{Runner, Sql};
use crate::pairs::PAIRS;
use crate::{ALL_ROWS, Error, Plan, Result};
use fhir::search::{Clause, Filter, Test};

/// What may have to be made first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// Pairs: searches go another way until there are all.
    Pairs,
    /// Rows of all kinds: what a rule of privacy asks cannot be told without.
    All,
}

impl Made {
    fn build(self) -> &'static str {
        match self {
            Made::Pairs => PAIRS,
            Made::All => ALL_ROWS,
        }
    }
}

/// Whether pairs are there of all resources, so that a search can go by them.
pub(super) async fn are_paired(runner: &mut dyn Runner) -> Result<bool> {
    // Who remembers nothing would ask each time.
    Ok(runner.counted().is_some() && is_made(runner, Made::Pairs).await?)
}

/// Fails as long as a plan asks for what rows tell that may be missing: what is to be hidden would be found.
pub(super) async fn demand(runner: &mut dyn Runner, plan: &Plan) -> Result<()> {
    if is_known(runner, Made::All) || !plan.branches.iter().any(|it| asks_late_rows(&it.filter)) {
        return Ok(());
    }
    match is_made(runner, Made::All).await? {
        true => Ok(()),
        false => Err(Error::Unindexed),
    }
}

fn asks_late_rows(filter: &Filter) -> bool {
    let mut tests = filter.iter().flat_map(|(Clause::Any(tests) | Clause::None(tests))| tests);
    tests.any(Test::asks_late_rows)
}

fn is_known(runner: &dyn Runner, made: Made) -> bool {
    runner.counted().is_some_and(|it: &Counts| it.is_made(made))
}

async fn is_made(runner: &mut dyn Runner, made: Made) -> Result<bool> {
    if is_known(runner, made) {
        return Ok(true);
    }
    let mut sql = Sql::new("SELECT count(*) FROM build WHERE name = ? AND CAST(finished AS integer) = 1");
    sql.bind(made.build().to_owned());
    let is_made = runner.counts(sql).await?.first().is_some_and(|it| *it > 0);
    if let (Some(counts), true) = (runner.counted(), is_made) {
        counts.put_made(made);
    }
    Ok(is_made)
}
