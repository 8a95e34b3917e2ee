//! Searches by pairs ([`crate::pairs`]): what of a filter they serve, and in which order they keep it.
//!
//! Where a filter asks for codes of a type that has pairs, perhaps for patients too, its clause on dates becomes one on
//! the parameters that these make: it finds what passes all of the clauses at once, in one range of an index.

use super::filter::Filters;
use crate::pairs::of_patient;
use crate::{Branch, Plan, Sort, SortBy};
use fhir::search::{Clause, Filter, Pairing, ParamId, Test, TokenTest};
use std::borrow::Cow;

/// As many parameters as are made of a filter; one that asks for more values goes without pairs.
const MOST: usize = 16;

/// Parameters that clauses of a filter make.
#[derive(Debug)]
pub(crate) struct Paired {
    /// The dates of what passes the clauses stand under these.
    pub(crate) params: Vec<ParamId>,
    /// The clauses: whatever stands there passes them, but perhaps for the system of a code.
    pub(crate) implied: Vec<usize>,
    /// Whether the codes' clause needs no look-up for what stands there. The patients' always does: of two hashes made of
    /// a pair that are the same by chance, nobody shall see another's.
    is_code_settled: bool,
    /// The clause on dates under these parameters, which [`paired`] has put there.
    pub(crate) dates: Option<usize>,
}

impl Paired {
    /// What clauses of a branch make, if pairs serve any.
    pub(crate) fn of(filters: &Filters<'_>, branch: &Branch) -> Option<Paired> {
        let pairing = filters.pairing(&branch.of)?;
        let code = filters.codes(&branch.filter, pairing.code)?;
        let patients = patients(filters, &branch.filter, pairing.patient);
        let patients = patients.filter(|(_, patients)| patients.len() * code.dated.len() <= MOST);
        let (mut params, mut implied) = (code.dated, vec![code.at]);
        if let Some((at, patients)) = patients {
            params = params.iter().flat_map(|it| patients.iter().map(|patient| of_patient(*it, *patient))).collect();
            implied.push(at);
        }
        let is_on_params = |clause: &Clause| of_dates(clause).is_some_and(|mut it| it.all(|it| params.contains(&it)));
        let dates = branch.filter.iter().position(is_on_params);
        Some(Paired { params, implied, is_code_settled: code.is_exact, dates })
    }

    /// Where the order of a branch is by the date that pairs keep.
    pub(crate) fn in_order(filters: &Filters<'_>, branch: &Branch, key: &Sort) -> Option<Paired> {
        let date = filters.pairing(&branch.of)?.date;
        if key.by == SortBy::Date(date) { Paired::of(filters, branch) } else { None }
    }

    /// The clauses that need no look-up for what stands under the parameters.
    pub(crate) fn settled(&self) -> &[usize] {
        if self.is_code_settled { self.implied.get(..1).unwrap_or_default() } else { &[] }
    }
}

/// Codes that a clause asks for.
pub(crate) struct CodesAsked {
    /// Which clause.
    pub(crate) at: usize,
    /// The parameter that each code makes.
    pub(crate) dated: Vec<ParamId>,
    /// Whether codes are all it asks for, and no system.
    pub(crate) is_exact: bool,
}

impl Filters<'_> {
    /// What is paired of a type, if pairs are there to be used.
    pub(crate) fn pairing(&self, of: &str) -> Option<Pairing> {
        if self.has_pairs { Pairing::of(of) } else { None }
    }

    /// The first clause that asks for codes by a parameter, for few.
    pub(crate) fn codes(&self, filter: &Filter, param: ParamId) -> Option<CodesAsked> {
        filter.iter().enumerate().find_map(|(at, clause)| {
            let tests = tests(clause)?;
            let is_exact = tests.iter().all(|it| matches!(it, Test::Token(_, TokenTest::Code(_))));
            let dated = tests.iter().map(|test| match test {
                Test::Token(of, TokenTest::Code(code) | TokenTest::Coding(_, code) | TokenTest::NoSystem(code))
                    if *of == param =>
                {
                    Some(self.hash.dated(self.hash.code(param, code)))
                }
                _ => None,
            });
            let mut dated = dated.collect::<Option<Vec<ParamId>>>()?;
            dated.sort_unstable();
            dated.dedup();
            Some(CodesAsked { at, dated, is_exact })
        })
    }

    /// The clauses that need no look-up for what the clause at `lead` lists: itself, and what it implies.
    pub(crate) fn settled(&self, branch: &Branch, lead: Option<usize>) -> Vec<usize> {
        let mut settled: Vec<usize> = lead.into_iter().collect();
        if let Some(paired) = Paired::of(self, branch).filter(|it| lead.is_some() && it.dates == lead) {
            settled.extend(paired.settled());
        }
        settled
    }
}

/// The first clause that asks for patients, by hashes of them, for few.
fn patients(filters: &Filters<'_>, filter: &Filter, param: ParamId) -> Option<(usize, Vec<i64>)> {
    filter.iter().enumerate().find_map(|(at, clause)| {
        let targets = tests(clause)?.iter().map(|test| match test {
            Test::Local { param: by, of, id } if *by == param => Some(filters.hash.resource(of, id)),
            _ => None,
        });
        let mut targets = targets.collect::<Option<Vec<i64>>>()?;
        targets.sort_unstable();
        targets.dedup();
        Some((at, targets))
    })
}

/// The alternatives of a clause that has a few.
fn tests(clause: &Clause) -> Option<&[Test]> {
    match clause {
        Clause::Any(tests) if (1..=MOST).contains(&tests.len()) => Some(tests),
        _ => None,
    }
}

/// The parameters of a clause on dates alone.
fn of_dates(clause: &Clause) -> Option<impl Iterator<Item = ParamId>> {
    let params = tests_of_dates(clause)?.iter().filter_map(|it| match it {
        Test::Date(param, _) => Some(*param),
        _ => None,
    });
    Some(params)
}

fn tests_of_dates(clause: &Clause) -> Option<&[Test]> {
    match clause {
        Clause::Any(tests) if !tests.is_empty() && tests.iter().all(|it| matches!(it, Test::Date(..))) => Some(tests),
        _ => None,
    }
}

/// The plan with clauses on what pairs keep in the place of those on dates, where it asks for codes, too.
pub(crate) fn paired<'a>(filters: &Filters<'_>, plan: Cow<'a, Plan>) -> Cow<'a, Plan> {
    let mut out = plan;
    for i in 0..out.branches.len() {
        let found = out.branches.get(i).and_then(|branch| paired_dates(filters, branch));
        if let Some((at, dates)) = found
            && let Some(clause) = out.to_mut().branches.get_mut(i).and_then(|it| it.filter.get_mut(at))
        {
            *clause = dates;
        }
    }
    out
}

/// The clause on dates that pairs serve, and what stands for it.
fn paired_dates(filters: &Filters<'_>, branch: &Branch) -> Option<(usize, Clause)> {
    let date = filters.pairing(&branch.of)?.date;
    let params = Paired::of(filters, branch)?.params;
    let is_on_date = |clause: &Clause| of_dates(clause).is_some_and(|mut it| it.all(|it| it == date));
    let at = branch.filter.iter().position(is_on_date)?;
    let tests = tests_of_dates(branch.filter.get(at)?)?;
    if tests.len() * params.len() > MOST {
        return None;
    }
    let under = |param: ParamId| {
        tests.iter().filter_map(move |it| match it {
            Test::Date(_, ranges) => Some(Test::Date(param, ranges.clone())),
            _ => None,
        })
    };
    Some((at, Clause::Any(params.iter().flat_map(|it| under(*it)).collect())))
}
