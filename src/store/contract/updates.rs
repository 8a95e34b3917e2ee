//! The index follows the current version: what a resource no longer says no longer finds it.

use super::filters::{pages, plan};
use super::model::Entry;
use super::{Engine, WARD, ward};
use crate::{Build, BuildChange, Changes, Key, Reindexed, Sort, SortBy};
use fhir::search::{Clause, ParamId, RangeTest, StringTest, Test, TokenTest, Unit, UnitTest};

fn p(code: &str) -> ParamId {
    ParamId::of("Patient", code)
}

/// All that `value` is found by, one of each kind.
fn entries(value: &'static str, n: i64) -> Vec<Entry> {
    let float = n as f64;
    let unit = Unit { system: Some("ucum"), code: Some(value), unit: None };
    vec![
        Entry::Token(p("token"), Some("s"), value),
        Entry::String(p("string"), value.into()),
        Entry::Date(p("date"), n, n),
        Entry::Number(p("number"), float, float),
        Entry::Quantity(p("quantity"), unit, float, float + 1.0),
        Entry::Local(p("reference"), "Patient".into(), value.into()),
        Entry::Uri(p("uri"), value),
    ]
}

fn tests(value: &str, n: i64) -> Vec<Test> {
    let float = n as f64;
    let unit = UnitTest::Coded("ucum".into(), value.into());
    vec![
        Test::Token(p("token"), TokenTest::Coding("s".into(), value.into())),
        Test::String(p("string"), StringTest::Exact(value.into())),
        Test::Date(p("date"), vec![RangeTest::Within(n, n)]),
        Test::Number(p("number"), RangeTest::Within(float, float)),
        Test::Quantity(p("quantity"), unit, RangeTest::Within(float, float + 1.0)),
        Test::Local { param: p("reference"), of: "Patient".into(), id: value.into() },
        Test::Uri(p("uri"), value.into()),
    ]
}

pub(crate) async fn old_values_are_taken_back(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "p", &entries("old", 1)).await;
    ward.create("Patient", "other", &entries("old", 1)).await;
    let mut both = entries("old", 1);
    both.extend(entries("new", 2));
    for (version, now, by_old, by_new) in [
        (1, entries("new", 2), false, true),
        (2, both, true, true),
        (3, entries("old", 1), true, false),
        (4, Vec::new(), false, false),
    ] {
        ward.update("Patient", "p", version, &now).await;
        for (value, n, finds) in [("old", 1, by_old), ("new", 2, by_new)] {
            for test in tests(value, n) {
                let found = pages(&ward, plan("Patient", vec![Clause::Any(vec![test.clone()])], Vec::new(), 5)).await;
                assert_eq!(found.contains(&"p".to_owned()), finds, "version {} by {test:?}", version + 1);
                assert_eq!(found.contains(&"other".to_owned()), value == "old");
            }
        }
    }
    let updated = ward.session.read(&Key::new("Patient", "p")).await.unwrap().unwrap().updated * 1000;
    let now = Test::Date(p("_lastUpdated"), vec![RangeTest::Overlaps(updated, updated)]);
    assert_eq!(pages(&ward, plan("Patient", vec![Clause::Any(vec![now])], Vec::new(), 5)).await, ["p"]);
    let by_time = vec![Sort { by: SortBy::Date(p("_lastUpdated")), descending: true, is_single: false }];
    assert_eq!(pages(&ward, plan("Patient", Vec::new(), by_time, 1)).await, ["p", "other"]);
}

pub(crate) async fn deleted_is_not_found(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "p", &entries("v", 1)).await;
    ward.delete("Patient", "p", 1).await;
    let mut all = tests("v", 1);
    all.push(Test::Id("p".into()));
    for test in all {
        let filter = vec![Clause::Any(vec![test])];
        assert!(pages(&ward, plan("Patient", filter, Vec::new(), 5)).await.is_empty());
    }
    assert!(pages(&ward, plan("Patient", Vec::new(), Vec::new(), 5)).await.is_empty());
    ward.update("Patient", "p", 2, &entries("v", 1)).await;
    assert_eq!(pages(&ward, plan("Patient", Vec::new(), Vec::new(), 5)).await, ["p"]);
}

pub(crate) async fn no_orphans(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "stays", &entries("v", 1)).await;
    let of_one = engine.index_rows(WARD).await;
    assert!(of_one > 10);
    ward.create("Patient", "p", &entries("v", 1)).await;
    let of_two = engine.index_rows(WARD).await;
    assert_eq!(of_two, 2 * of_one);
    ward.update("Patient", "p", 1, &entries("w", 5)).await;
    assert_eq!(engine.index_rows(WARD).await, of_two);
    ward.update("Patient", "p", 2, &entries("w", 5)).await;
    assert_eq!(engine.index_rows(WARD).await, of_two);
    ward.delete("Patient", "p", 3).await;
    assert_eq!(engine.index_rows(WARD).await, of_one);
    ward.update("Patient", "p", 4, &entries("v", 1)).await;
    assert_eq!(engine.index_rows(WARD).await, of_two);
}

/// Rows made anew take the place of those there were, unless the version they were made of has a successor; how far a
/// build is comes with them.
pub(crate) async fn reindexed(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "same", &entries("old", 1)).await;
    ward.create("Patient", "newer", &entries("old", 1)).await;
    ward.create("Group", "else", &[]).await;
    let types = vec!["Patient".to_owned()];
    let begun = Build { name: "b".into(), types, position: 0, done: 0, total: 2, damaged: 0, is_finished: false };
    let change = |build| Changes { build: Some(build), ..Changes::default() };
    ward.session.commit(change(BuildChange::Begin(begun.clone()))).await.unwrap();
    assert_eq!(ward.session.count_of(&begun.types).await.unwrap(), 2);
    let walked = ward.session.walk(&begun.types, 0, 100).await.unwrap();
    assert!(walked.is_end);
    assert_eq!(walked.found.len(), 2);
    ward.update("Patient", "newer", 1, &entries("newer", 3)).await;
    let made = walked.found.iter().map(|it| {
        let mut rows = ward.session.rows();
        rows.of_type(&it.key.of);
        entries("anew", 2).iter().for_each(|it| it.tell(&mut rows));
        Reindexed { key: it.key.clone(), version: it.version, rows }
    });
    let reindexed = made.collect();
    let further = Build { position: walked.position, done: 2, ..begun };
    let build = Some(BuildChange::Advance(further.clone()));
    ward.session.commit(Changes { reindexed, build, ..Changes::default() }).await.unwrap();
    for (value, n, expected) in [("old", 1, ""), ("anew", 2, "same"), ("newer", 3, "newer")] {
        for test in tests(value, n) {
            let found = pages(&ward, plan("Patient", vec![Clause::Any(vec![test.clone()])], Vec::new(), 5)).await;
            assert_eq!(found.join(" "), expected, "{test:?}");
        }
    }
    assert_eq!(ward.session.builds().await.unwrap(), std::slice::from_ref(&further));
    ward.session.commit(change(BuildChange::Drop("b".into()))).await.unwrap();
    ward.session.commit(change(BuildChange::Advance(further))).await.unwrap();
    assert!(ward.session.builds().await.unwrap().is_empty(), "what was dropped does not come back");
}

/// Rows made anew have their strings as they are folded now, also where the text is the same.
pub(crate) async fn strings_folded_anew(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "p", &entries("v", 1)).await;
    let mut rows = ward.session.rows();
    rows.of_type("Patient");
    entries("v", 1).iter().for_each(|it| it.tell(&mut rows));
    assert!(!rows.strings.is_empty());
    rows.strings.iter_mut().for_each(|it| it.1 = "as folded tomorrow".into());
    let reindexed = vec![Reindexed { key: Key::new("Patient", "p"), version: 1, rows }];
    ward.session.commit(Changes { reindexed, ..Changes::default() }).await.unwrap();
    let texts = ["as folded tomorrow", "v"].map(|it| StringTest::Prefix(it.to_owned()));
    let mut found = Vec::new();
    for text in texts {
        let clause = Clause::Any(vec![Test::String(p("string"), text)]);
        found.push(pages(&ward, plan("Patient", vec![clause], Vec::new(), 5)).await.join(" "));
    }
    assert_eq!(found, ["p", ""]);
}
