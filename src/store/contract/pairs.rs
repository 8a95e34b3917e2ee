//! Pairs: with them every search finds what it finds without them, and no search goes by them before all are made.

use super::filters::{pages, plan};
use super::model::{Entry, Model, Resource};
use super::orders::write_all;
use super::{Engine, Ward, delete, put, ward};
use crate::{Build, BuildChange, Changes, Expect, PAIRS, Reindexed, Sort, SortBy, paired_types};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Shelf, Test, TokenTest};

const DAY: i64 = 24 * 3_600_000_000;
const PATIENTS: usize = 9;

fn p(code: &str) -> ParamId {
    ParamId::of("Observation", code)
}

fn any(test: Test) -> Clause {
    Clause::Any(vec![test])
}

/// Observations of which some have several codes, several systems, no code, no date, no patient, and periods of every
/// width.
fn observation(i: usize) -> Resource {
    let n = i as i64;
    let mut entries = vec![Entry::Token(p("status"), None, if i.is_multiple_of(3) { "final" } else { "amended" })];
    let codes: &[(Option<&str>, &str)] = match i % 8 {
        0 => &[],
        1 | 2 => &[(Some("loinc"), "pulse")],
        3 => &[(Some("loinc"), "pulse"), (Some("local"), "pulse"), (None, "rate")],
        4 => &[(Some("local"), "pulse")],
        5 => &[(None, "rate")],
        _ => &[(Some("loinc"), "weight")],
    };
    entries.extend(codes.iter().map(|(system, code)| Entry::Token(p("code"), *system, code)));
    if !i.is_multiple_of(5) {
        let low = (n * 37) % 40 * DAY;
        let width = [0, DAY - 1, 40 * DAY, i64::MAX / 2][i % 4];
        entries.push(Entry::Date(p("date"), low, low + width));
    }
    if !i.is_multiple_of(7) {
        let patient = format!("p{}", (i * 5) % PATIENTS);
        entries.extend(["subject", "patient"].map(|it| Entry::Local(p(it), "Patient".into(), patient.clone())));
    }
    Resource { of: "Observation".into(), id: format!("o{i:03}"), entries }
}

fn population() -> Model {
    let patient = |i| Resource { of: "Patient".into(), id: format!("p{i}"), entries: Vec::new() };
    Model((0..PATIENTS).map(patient).chain((0..160).map(observation)).collect())
}

async fn change(ward: &Ward, build: BuildChange) {
    ward.session.commit(Changes { build: Some(build), ..Changes::default() }).await.unwrap();
}

fn build(is_finished: bool) -> Build {
    Build { name: PAIRS.into(), types: paired_types(), position: 0, done: 0, total: 0, damaged: 0, is_finished }
}

fn code(tests: &[TokenTest]) -> Clause {
    Clause::Any(tests.iter().map(|it| Test::Token(p("code"), it.clone())).collect())
}

fn patients(ids: &[&str]) -> Clause {
    let local = |id: &&str| Test::Local { param: p("patient"), of: "Patient".into(), id: (*id).into() };
    Clause::Any(ids.iter().map(local).collect())
}

fn dates(alternatives: &[&[RangeTest<i64>]]) -> Clause {
    Clause::Any(alternatives.iter().map(|it| Test::Date(p("date"), it.to_vec())).collect())
}

/// The filters of patients' observations: each with and without dates, so that pairs keep the order, the range, or both.
fn filters() -> Vec<Filter> {
    use RangeTest::{Above, AtOrAbove, AtOrBelow, Below, EndsBefore, NotWithin, Overlaps, StartsAfter, Within};
    let (pulse, rate) = (TokenTest::Code("pulse".into()), TokenTest::Code("rate".into()));
    let of_loinc = TokenTest::Coding("loinc".into(), "pulse".into());
    let codes = [
        code(std::slice::from_ref(&pulse)),
        code(std::slice::from_ref(&of_loinc)),
        code(&[TokenTest::NoSystem("rate".into())]),
        code(&[pulse.clone(), rate.clone()]),
        code(&[of_loinc, rate]),
        code(&[TokenTest::System("loinc".into())]),
        Clause::None(vec![Test::Token(p("code"), pulse.clone())]),
    ];
    let (low, high) = (10 * DAY, 25 * DAY);
    let dated = [
        vec![],
        vec![dates(&[&[AtOrAbove(low, low), Below(high)]])],
        vec![dates(&[&[Within(low, high)], &[StartsAfter(30 * DAY)]])],
        vec![dates(&[&[Overlaps(low, high)]]), dates(&[&[EndsBefore(60 * DAY)]])],
        vec![dates(&[&[NotWithin(low, high)]])],
        vec![dates(&[&[Above(low), AtOrBelow(high, high)]])],
        vec![Clause::None(vec![Test::Present(p("date"), Shelf::Date)])],
        vec![any(Test::Token(p("status"), TokenTest::Code("final".into()))), dates(&[&[Above(low)]])],
    ];
    let whose = [vec![], vec![patients(&["p1"])], vec![patients(&["p1", "p2", "nobody"])]];
    let mut filters = Vec::new();
    for code in &codes {
        for whose in &whose {
            for dated in &dated {
                filters.push(whose.iter().chain(dated).chain([code]).cloned().collect());
            }
        }
    }
    let twice = vec![code(&[pulse]), code(&[TokenTest::Code("rate".into())]), dates(&[&[Above(low)]])];
    filters.push(twice);
    filters
}

fn orders() -> Vec<Vec<Sort>> {
    let by = |descending, is_single| vec![Sort { by: SortBy::Date(p("date")), descending, is_single }];
    vec![Vec::new(), by(false, true), by(true, true), by(true, false)]
}

async fn check(ward: &Ward, model: &Model) {
    for filter in filters() {
        for sort in orders() {
            let expected = model.find("Observation", &filter, &sort);
            for limit in [3, 50] {
                let found = pages(ward, plan("Observation", filter.clone(), sort.clone(), limit)).await;
                assert_eq!(found, expected, "{filter:?} by {sort:?} in pages of {limit}");
            }
        }
    }
    for clause in [
        code(&[TokenTest::Code("weight".into())]),
        code(&[TokenTest::Coding("local".into(), "pulse".into()), TokenTest::Code("rate".into())]),
        code(&[TokenTest::Code("nothing".into())]),
    ] {
        for more in [vec![], vec![dates(&[&[RangeTest::Above(20 * DAY)]])]] {
            let filter = more.into_iter().chain([clause.clone()]).collect();
            let has = Test::Has { of: "Observation".into(), param: p("patient"), filter };
            for filter in [vec![any(has.clone())], vec![Clause::None(vec![has])]] {
                let expected = model.find("Patient", &filter, &[]);
                assert_eq!(pages(ward, plan("Patient", filter.clone(), Vec::new(), 4)).await, expected, "{filter:?}");
            }
        }
    }
}

pub(crate) async fn answers_are_the_same(engine: &dyn Engine) {
    let (ward, mut model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    change(&ward, BuildChange::Begin(build(false))).await;
    check(&ward, &model).await;
    change(&ward, BuildChange::Advance(build(true))).await;
    check(&ward, &model).await;
    // What changes its code, date and patient, and what is deleted, leaves its former place.
    for i in (0..160).filter(|i| i % 3 == 1) {
        let (id, at) = (format!("o{i:03}"), PATIENTS + i);
        let now = Resource { id: id.clone(), ..observation(i + 3) };
        ward.commit(vec![put(&*ward.session, "Observation", &id, Expect::Version(1), "", &now.entries)]).await.unwrap();
        model.0[at] = now;
    }
    for i in (0..160).filter(|i| i % 11 == 0) {
        let id = format!("o{i:03}");
        let before = if i % 3 == 1 { 2 } else { 1 };
        ward.commit(vec![delete(&*ward.session, "Observation", &id, before)]).await.unwrap();
        model.0.retain(|it| it.id != id);
    }
    check(&ward, &model).await;
}

/// What was written before there were pairs is found all the time: in the old ways until its pairs are made.
pub(crate) async fn none_is_missing_while_they_are_made(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    let entries = |id: &str| model.0.iter().find(|it| it.id == id).unwrap().entries.clone();
    let puts = model.0.iter().map(|it| {
        let mut put = put(&*ward.session, &it.of, &it.id, Expect::Absent, "", &it.entries);
        put.rows.leave_unpaired();
        put
    });
    ward.session.commit(Changes { puts: puts.collect(), ..Changes::default() }).await.unwrap();
    let before = engine.index_rows(super::WARD).await;
    let filter = vec![code(&[TokenTest::Code("pulse".into())]), dates(&[&[RangeTest::Above(0)]])];
    let expected = model.find("Observation", &filter, &[]);
    let found = async || pages(&ward, plan("Observation", filter.clone(), Vec::new(), 20)).await;
    assert_eq!(found().await, expected);
    change(&ward, BuildChange::Begin(build(false))).await;
    assert_eq!(found().await, expected);
    let walked = ward.session.walk(&paired_types(), 0, 1000).await.unwrap();
    let made = walked.found.iter().map(|it| {
        let mut rows = ward.session.rows();
        rows.of_type(&it.key.of);
        entries(&it.key.id).iter().for_each(|it| it.tell(&mut rows));
        Reindexed { key: it.key.clone(), version: it.version, rows }
    });
    let changes =
        Changes { reindexed: made.collect(), build: Some(BuildChange::Advance(build(true))), ..Changes::default() };
    ward.session.commit(changes).await.unwrap();
    assert!(engine.index_rows(super::WARD).await > before);
    assert_eq!(found().await, expected);
    check(&ward, &model).await;
}
