//! Pages that a walk finds, pages that it does not, and pages that are gathered: the same ones, in both directions.

use super::filters::{pages, plan};
use super::model::{Entry, Model, Resource};
use super::orders::write_all;
use super::{Engine, ward};
use crate::{Sort, SortBy};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Test, TokenTest};

/// As many codes as are walked side by side, and looked up as a list.
const CODES: [&str; 20] =
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"];
const OBSERVATIONS: usize = 240;
/// More than a chain may have ends to become references.
const PATIENTS: usize = 80;

fn p(code: &str) -> ParamId {
    ParamId::of("Observation", code)
}

fn any(test: Test) -> Clause {
    Clause::Any(vec![test])
}

fn token(of: &str, param: &str, code: &str) -> Test {
    Test::Token(ParamId::of(of, param), TokenTest::Code(code.into()))
}

/// Observations with one of the codes, a date, and a subject each. What is `late` lies together at one end of the rows,
/// and at one end of the dates.
fn population() -> Model {
    let patient = |i: usize| {
        let sex = if i.is_multiple_of(2) { "female" } else { "male" };
        let entries = vec![
            Entry::Token(ParamId::of("Patient", "sex"), None, sex),
            Entry::Token(ParamId::of("Patient", "active"), None, "true"),
        ];
        Resource { of: "Patient".into(), id: format!("p{i:03}"), entries }
    };
    let observation = |i: usize| {
        let date = (i as i64 * 37) % 240;
        let mut entries = vec![
            Entry::Token(p("code"), None, CODES[i % CODES.len()]),
            Entry::Token(p("status"), None, "final"),
            Entry::Local(p("subject"), "Patient".into(), format!("p{:03}", i % PATIENTS)),
        ];
        if !i.is_multiple_of(11) {
            entries.push(Entry::Date(p("date"), date, date));
        }
        if i >= OBSERVATIONS - 20 {
            entries.push(Entry::Token(p("place"), None, "late"));
        }
        if date >= 220 {
            entries.push(Entry::Token(p("time"), None, "late"));
        }
        Resource { of: "Observation".into(), id: format!("o{i:03}"), entries }
    };
    Model((0..PATIENTS).map(patient).chain((0..OBSERVATIONS).map(observation)).collect())
}

fn filters() -> Vec<Filter> {
    let has = |param: &str, code: &str| token("Observation", param, code);
    let subject = |filter| Test::Chain { param: p("subject"), is_single: false, of: "Patient".into(), filter };
    let among = |ranges: &[RangeTest<i64>]| any(Test::Date(p("date"), ranges.to_vec()));
    vec![
        Vec::new(),
        vec![Clause::Any(CODES.map(|it| has("code", it)).into())],
        vec![any(has("status", "final")), Clause::Any(CODES[3..].iter().map(|it| has("code", it)).collect())],
        vec![any(has("status", "final")), among(&[RangeTest::AtOrAbove(60, 60), RangeTest::Below(180)])],
        vec![any(has("place", "late")), among(&[RangeTest::Below(230)])],
        vec![any(has("time", "late")), any(has("status", "final"))],
        // Few ends, and many.
        vec![any(subject(vec![any(token("Patient", "sex", "female"))])), any(has("status", "final"))],
        vec![any(subject(vec![any(token("Patient", "active", "true"))])), any(has("code", "c"))],
        vec![Clause::None(vec![subject(vec![any(token("Patient", "sex", "male"))])])],
    ]
}

async fn check(engine: &dyn Engine, orders: &[Vec<Sort>]) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    for filter in filters() {
        for sort in orders {
            let expected = model.find("Observation", &filter, sort);
            // The second time, walks in vain are known.
            for limit in [17, 60, 17] {
                let found = pages(&ward, plan("Observation", filter.clone(), sort.clone(), limit)).await;
                assert_eq!(found, expected, "{filter:?} by {sort:?} in pages of {limit}");
            }
        }
    }
}

pub(crate) async fn by_row(engine: &dyn Engine) {
    check(engine, &[Vec::new()]).await;
}

pub(crate) async fn by_date(engine: &dyn Engine) {
    let by = |descending, is_single| vec![Sort { by: SortBy::Date(p("date")), descending, is_single }];
    check(engine, &[by(false, true), by(true, true), by(true, false)]).await;
}

/// What many refer to is found once.
pub(crate) async fn by_what_refers(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    for inner in [vec![any(token("Observation", "status", "final"))], vec![any(token("Observation", "code", "c"))]] {
        let test = Test::Has { of: "Observation".into(), param: p("subject"), filter: inner };
        for filter in [vec![any(test.clone())], vec![Clause::None(vec![test])]] {
            let expected = model.find("Patient", &filter, &[]);
            let found = pages(&ward, plan("Patient", filter.clone(), Vec::new(), 17)).await;
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}
