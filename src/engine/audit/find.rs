//! Which keys of the log a search goes by, and between which times: what is found so is more than what matches, and each
//! event is looked at ([`super::search`]).

use super::held::each_whose;
use super::pointed::Whose;
use super::{AUDIT_EVENT, keys};
use crate::{Context, Engine};
use fhir::Result;
use fhir::search::{Clause, ParamId, RangeTest, Test, TokenTest};
use std::sync::LazyLock;
use store::{History, Key, Scope};

/// The most versions of a resource that are looked at for the patients whose it was.
const VERSIONS: usize = 1000;

struct Params {
    patient: ParamId,
    agent: ParamId,
    entity: ParamId,
    kind: ParamId,
    outcome: ParamId,
    date: ParamId,
    updated: ParamId,
}

static PARAMS: LazyLock<Params> = LazyLock::new(|| {
    let of = |code| ParamId::of(AUDIT_EVENT, code);
    Params {
        patient: of("patient"),
        agent: of("agent"),
        entity: of("entity"),
        kind: of("type"),
        outcome: of("outcome"),
        date: of("date"),
        updated: of("_lastUpdated"),
    }
});

/// The parameter for the time of an event.
pub(super) fn date() -> ParamId {
    PARAMS.date
}

/// Whether a parameter is the time of the event: it is kept when it happens.
pub(super) fn is_time(param: ParamId) -> bool {
    param == PARAMS.date || param == PARAMS.updated
}

/// The ids that a filter asks for, where it does.
pub(super) fn ids(filter: &[Clause]) -> Option<Vec<&str>> {
    filter.iter().find_map(|clause| {
        let Clause::Any(tests) = clause else { return None };
        let ids = tests.iter().map(|it| if let Test::Id(id) = it { Some(id.as_str()) } else { None });
        ids.collect()
    })
}

/// The times between which all that matches was kept, in milliseconds since the epoch, both ends included.
pub(super) fn times(filter: &[Clause]) -> (Option<i64>, Option<i64>) {
    let (mut from, mut until) = (None, None);
    for clause in filter {
        let Clause::Any(tests) = clause else { continue };
        let [Test::Date(param, ranges)] = tests.as_slice() else { continue };
        for range in ranges.iter().filter(|_| is_time(*param)) {
            let (low, high) = ends(range);
            from = from.max(low.map(|it| it.div_euclid(1000)));
            until = match (until, high.map(|it| it.div_euclid(1000))) {
                (Some(one), Some(other)) => Some(std::cmp::min::<i64>(one, other)),
                (one, other) => one.or(other),
            };
        }
    }
    (from, until)
}

/// What lies between these passes, at the most.
fn ends(range: &RangeTest<i64>) -> (Option<i64>, Option<i64>) {
    match *range {
        RangeTest::Within(low, high) | RangeTest::Overlaps(low, high) => (Some(low), Some(high)),
        RangeTest::Above(it) | RangeTest::StartsAfter(it) | RangeTest::AtOrAbove(it, _) => (Some(it), None),
        RangeTest::Below(it) | RangeTest::EndsBefore(it) | RangeTest::AtOrBelow(_, it) => (None, Some(it)),
        RangeTest::NotWithin(..) => (None, None),
    }
}

impl Engine {
    /// The keys that what passes a filter has: of each list one.
    pub(super) async fn keys_of(&self, ctx: &Context, filter: &[Clause]) -> Result<Vec<Vec<String>>> {
        let mut all = Vec::new();
        for clause in filter {
            all.extend(self.keys_of_clause(ctx, clause).await?);
        }
        Ok(all)
    }

    /// `None` where some of what passes has none.
    async fn keys_of_clause(&self, ctx: &Context, clause: &Clause) -> Result<Option<Vec<String>>> {
        let Clause::Any(tests) = clause else { return Ok(None) };
        let mut keys = Vec::new();
        for test in tests {
            match self.keys_of_test(ctx, test).await? {
                Some(more) => keys.extend(more),
                None => return Ok(None),
            }
        }
        Ok(Some(keys))
    }

    async fn keys_of_test(&self, ctx: &Context, test: &Test) -> Result<Option<Vec<String>>> {
        Ok(match test {
            Test::Local { param, of, id } if *param == PARAMS.patient => Some(vec![keys::entity(of, id)]),
            Test::Local { param, of, id } if *param == PARAMS.agent => Some(vec![keys::agent(of, id)]),
            Test::Local { param, of, id } if *param == PARAMS.entity => Some(self.keys_of_entity(ctx, of, id).await?),
            Test::Token(param, TokenTest::Code(code) | TokenTest::Coding(_, code)) => match code.as_str() {
                "rest" | "0" => None,
                code if *param == PARAMS.kind => Some(vec![keys::kind(code)]),
                code if *param == PARAMS.outcome => Some(vec![keys::outcome(code)]),
                _ => None,
            },
            Test::All(filter) => Box::pin(self.keys_of(ctx, filter)).await?.into_iter().next(),
            _ => None,
        })
    }

    /// A resource's own key, and those of the patients whose it is or was.
    async fn keys_of_entity(&self, ctx: &Context, of: &str, id: &str) -> Result<Vec<String>> {
        let mut found = vec![keys::entity(of, id)];
        let scope = Scope::Instance(Key::new(of, id));
        let history = History { scope, since: None, at: None, before: None, limit: VERSIONS };
        for version in ctx.session().history(&history).await?.versions {
            each_whose(of, id, &version.body, ctx.base(), &mut |it| {
                // What was told to be somebody's by others has the key of its own as well.
                if let Whose::Patient(id) = it {
                    found.push(keys::patient(id));
                }
            });
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}
