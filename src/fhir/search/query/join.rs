//! Clauses put together for the store.

use crate::search::{Clause, Test, single};
use crate::spec::{Spec, TypeId};

/// Joins clauses on one date parameter, such as `date=ge2026-01&date=lt2027`, into one test of one value, where the
/// parameter cannot have several values: so that a range of the index has two ends.
pub fn join_dates(spec: &Spec, of: TypeId, filter: Vec<Clause>) -> Vec<Clause> {
    let mut joined: Vec<Clause> = Vec::with_capacity(filter.len());
    for clause in filter.into_iter().flat_map(parts) {
        if let Clause::Any(tests) = &clause
            && let [Test::Date(param, ranges)] = tests.as_slice()
        {
            let twin = joined.iter_mut().find_map(|it| match it {
                Clause::Any(tests) => match tests.as_mut_slice() {
                    [Test::Date(twin, ranges)] if twin == param => Some(ranges),
                    _ => None,
                },
                Clause::None(_) => None,
            });
            if let (Some(twin), true) = (twin, single::has_one_value(spec, of, *param)) {
                twin.extend(ranges.iter().copied());
                continue;
            }
        }
        joined.push(clause);
    }
    joined
}

/// What a clause asks for all at once (`_filter` with `and`), part by part.
fn parts(clause: Clause) -> Vec<Clause> {
    match clause {
        Clause::Any(mut tests) => match (tests.pop(), tests.is_empty()) {
            (Some(Test::All(parts)), true) => parts,
            (last, _) => {
                tests.extend(last);
                vec![Clause::Any(tests)]
            }
        },
        none => vec![none],
    }
}
