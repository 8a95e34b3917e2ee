//! Chains with few ends: what a chain's criteria find is looked up beforehand, and where that is little the chain
//! becomes references to just that, whose index ranges are in the order of pages. `patient.identifier=…` is as good as
//! `patient=…` then.

use super::counts::range;
use super::filter::{ARMS, Filters};
use super::sql::Sql;
use super::{Found, Runner};
use crate::{Key, Plan, Result, SortValue};
use fhir::search::{Clause, Filter, Test};
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

/// Ends that are too many to become references.
const MANY: i64 = ARMS as i64 + 1;

/// The plan without those of its chains that have few ends.
pub(super) async fn looked_up<'a>(
    runner: &mut dyn Runner,
    filters: &Filters<'_>,
    plan: &'a Plan,
) -> Result<Cow<'a, Plan>> {
    if !plan.branches.iter().any(|it| has_chains(&it.filter)) {
        return Ok(Cow::Borrowed(plan));
    }
    let mut plan = plan.clone();
    for branch in &mut plan.branches {
        branch.filter = in_filter(runner, filters, std::mem::take(&mut branch.filter)).await?;
    }
    Ok(Cow::Owned(plan))
}

fn has_chains(filter: &Filter) -> bool {
    let tests = filter.iter().flat_map(|clause| match clause {
        Clause::Any(tests) | Clause::None(tests) => tests,
    });
    tests.into_iter().any(|test| match test {
        Test::Chain { .. } => true,
        Test::Has { filter, .. } | Test::All(filter) => has_chains(filter),
        _ => false,
    })
}

/// A future that calls itself has a size only in a box.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

fn in_filter<'a>(runner: &'a mut dyn Runner, filters: &'a Filters<'_>, filter: Filter) -> Boxed<'a, Filter> {
    Box::pin(async move {
        let mut out = Vec::with_capacity(filter.len());
        for clause in filter {
            out.push(match clause {
                Clause::Any(tests) => Clause::Any(in_tests(runner, filters, tests).await?),
                Clause::None(tests) => Clause::None(in_tests(runner, filters, tests).await?),
            });
        }
        Ok(out)
    })
}

/// What is inside of a link comes first, so that a chain of several steps is followed from its end on.
async fn in_tests(runner: &mut dyn Runner, filters: &Filters<'_>, tests: Vec<Test>) -> Result<Vec<Test>> {
    let mut out = Vec::with_capacity(tests.len());
    for test in tests {
        out.push(match test {
            Test::Chain { param, is_single, of, filter } => {
                Test::Chain { param, is_single, of, filter: in_filter(runner, filters, filter).await? }
            }
            Test::Has { of, param, filter } => {
                Test::Has { of, param, filter: in_filter(runner, filters, filter).await? }
            }
            Test::All(filter) => Test::All(in_filter(runner, filters, filter).await?),
            other => other,
        });
    }
    let mut ends: Vec<(usize, Sql)> =
        out.iter().enumerate().filter_map(|(i, test)| Some((i, ends_of(filters, test)?))).collect();
    ends.retain(|(_, rids)| !are_many(runner, rids));
    if ends.is_empty() || ends.len() > ARMS {
        return Ok(out);
    }
    let asked: Vec<usize> = ends.iter().map(|(chain, _)| *chain).collect();
    let ranges: Vec<u64> = ends.iter().map(|(_, rids)| range(rids)).collect();
    let found = runner.rows(statement(filters, ends), 1).await?;
    if let Some(counts) = runner.counted() {
        for (chain, range) in asked.iter().zip(ranges) {
            counts.put(range, ends_among(&found, *chain).count() as i64, MANY, counts.now());
        }
    }
    Ok(replaced(out, &asked, &found))
}

/// Whether a chain's ends are known to be more than a few: then they are not read once more.
fn are_many(runner: &dyn Runner, rids: &Sql) -> bool {
    runner.counted().is_some_and(|it| it.get(range(rids), MANY, it.now()) == Some(MANY))
}

/// Of the ends found those of a chain.
fn ends_among(found: &[Found], chain: usize) -> impl Iterator<Item = &Key> + Clone {
    let of_chain = SortValue::Int(chain as i64);
    found.iter().filter(move |it| it.position.values.first() == Some(&of_chain)).map(|it| &it.stored.key)
}

/// The rows at a chain's end. Those of a logical reference are not told by their ids.
fn ends_of(filters: &Filters<'_>, test: &Test) -> Option<Sql> {
    match test {
        Test::Chain { param, of, filter, .. } if !filters.logical.has(*param) => Some(filters.rids(of, filter)),
        _ => None,
    }
}

/// The ends of chains, one more of each than is few, with the chain's position as sort value and without bodies.
fn statement(filters: &Filters<'_>, ends: Vec<(usize, Sql)>) -> Sql {
    let arms = ends.into_iter().map(|(chain, rids)| {
        let mut sql = Sql::new("SELECT rid, ? AS s0 FROM (SELECT rid FROM (");
        sql.bind(chain as i64).append(rids).push(") d").limit(MANY).push(") l");
        sql
    });
    let nothing = filters.dialect.no_bytes();
    let mut sql = Sql::new(&format!(
        "SELECT r.type, r.id, r.version, r.updated, r.method, {nothing} AS body, e.rid, e.s0 FROM ("
    ));
    sql.append(Sql::join(arms.collect(), " UNION ALL ", ""));
    sql.push(") e").push(&filters.dialect.then("resource r", "r.rid = e.rid AND r.method < 4"));
    sql
}

/// The tests, with references to what was found in the place of each chain that was asked about, if that is little. As
/// long as one of them remains, they all are chains, so that the clause is one of chains ([`super::along`]).
fn replaced(tests: Vec<Test>, asked: &[usize], found: &[Found]) -> Vec<Test> {
    let is_little = |chain: usize| asked.contains(&chain) && ends_among(found, chain).count() <= ARMS;
    let is_replaced = tests.iter().enumerate().all(|(i, it)| !matches!(it, Test::Chain { .. }) || is_little(i));
    let mut out = Vec::with_capacity(tests.len());
    for (i, test) in tests.into_iter().enumerate() {
        match test {
            Test::Chain { param, is_single, of, .. } if is_little(i) => {
                let mut ids: Vec<String> = ends_among(found, i).map(|it| it.id.clone()).collect();
                ids.sort_unstable();
                ids.dedup();
                if is_replaced {
                    out.extend(ids.into_iter().map(|id| Test::Local { param, of: of.clone(), id }));
                } else if !ids.is_empty() {
                    let filter = vec![Clause::Any(ids.into_iter().map(Test::Id).collect())];
                    out.push(Test::Chain { param, is_single, of, filter });
                }
            }
            _ => out.push(test),
        }
    }
    out
}
