//! Orders and pages: by creation, by one key of each kind, by several, over several types, and while others write.

use super::filters::{pages, plan};
use super::model::{Entry, Model, Resource};
use super::{Engine, Ward, ward};
use crate::{Branch, Changes, Expect, Plan, Sort, SortBy};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Shelf, StringTest, Test, TokenTest};

fn p(code: &str) -> ParamId {
    ParamId::of("Patient", code)
}

/// Patients whose values tie, are missing, come twice, and differ in their classes of width.
fn population() -> Model {
    let names = ["zoe", "Ann", "ann", "Bob", "", "Änne"];
    let patient = |i: usize| {
        let n = i as i64;
        let mut entries = vec![Entry::Present(p("all")), Entry::Token(p("parity"), None, ["even", "odd"][i % 2])];
        if !i.is_multiple_of(5) {
            entries.push(Entry::String(p("name"), names[i % names.len()].into()));
            entries.push(Entry::Date(
                p("date"),
                (n * 7) % 11,
                (n * 7) % 11 + [0, 40 * 3_600_000_000, i64::MAX / 2][i % 3],
            ));
            let float = f64::from(i as u32 * 5 % 7) - 3.5;
            entries.push(Entry::Number(p("number"), float, float + f64::from(i as u32 % 2)));
        }
        if i.is_multiple_of(4) {
            entries.push(Entry::String(p("name"), "Mia".into()));
            entries.push(Entry::Date(p("date"), 5, 5));
            entries.push(Entry::Date(p("date"), 5, 6));
            entries.push(Entry::Number(p("number"), 0.25, 0.25));
        }
        if !i.is_multiple_of(7) {
            let width = [0, 20, i64::MAX / 2][i % 3];
            entries.push(Entry::Date(p("birth"), (n * 3) % 20, (n * 3) % 20 + width));
        }
        Resource { of: "Patient".into(), id: format!("p{:02}", (i * 17) % 40), entries }
    };
    Model((0..40).map(patient).collect())
}

pub(crate) async fn write_all(ward: &Ward, model: &Model) {
    let puts = model.0.iter().map(|it| super::put(&*ward.session, &it.of, &it.id, Expect::Absent, "", &it.entries));
    ward.session.commit(Changes { puts: puts.collect(), ..Changes::default() }).await.unwrap();
}

/// Filters of which some find much and some little, with ordered and unordered drivers.
fn filters() -> Vec<Filter> {
    let any = |test| Clause::Any(vec![test]);
    let odd = Test::Token(p("parity"), TokenTest::Code("odd".into()));
    let even = Test::Token(p("parity"), TokenTest::Code("even".into()));
    let early = Test::Date(p("date"), vec![RangeTest::Below(6)]);
    let ann = Test::String(p("name"), StringTest::Prefix("an".into()));
    vec![
        Vec::new(),
        vec![any(odd.clone())],
        vec![Clause::Any(vec![odd.clone(), even])],
        vec![any(early.clone())],
        vec![Clause::Any(vec![odd, ann.clone()])],
        vec![any(early), any(Test::Present(p("all"), Shelf::Key))],
        vec![Clause::None(vec![ann])],
    ]
}

fn by(by: SortBy, descending: bool) -> Sort {
    Sort { by, descending, is_single: false }
}

fn each_kind() -> Vec<Sort> {
    let keys = [SortBy::Id, SortBy::String(p("name")), SortBy::Date(p("date")), SortBy::Number(p("number"))];
    keys.into_iter().flat_map(|key| [by(key.clone(), false), by(key, true)]).collect()
}

/// Every filter in this order, in pages of several sizes.
async fn check(ward: &Ward, model: &Model, sort: &[Sort]) {
    for filter in filters() {
        let expected = model.find("Patient", &filter, sort);
        for limit in [1, 3, 50] {
            let found = pages(ward, plan("Patient", filter.clone(), sort.to_vec(), limit)).await;
            assert_eq!(found, expected, "{filter:?} by {sort:?} in pages of {limit}");
        }
    }
}

pub(crate) async fn unsorted(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    check(&ward, &model, &[]).await;
}

pub(crate) async fn sorted_by_each_kind(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    for key in each_kind() {
        check(&ward, &model, &[key]).await;
    }
}

/// A filter by the sort key itself, of which no resource has two values.
pub(crate) async fn sorted_within_a_range(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    let born = |ranges: &[RangeTest<i64>]| Clause::Any(vec![Test::Date(p("birth"), ranges.to_vec())]);
    let odd = Clause::Any(vec![Test::Token(p("parity"), TokenTest::Code("odd".into()))]);
    for descending in [false, true] {
        let sort = [Sort { is_single: true, ..by(SortBy::Date(p("birth")), descending) }];
        for filter in [
            vec![born(&[RangeTest::AtOrAbove(5, 5)])],
            vec![born(&[RangeTest::AtOrAbove(3, 3), RangeTest::Below(12)]), odd.clone()],
            vec![odd.clone(), born(&[RangeTest::EndsBefore(30)]), born(&[RangeTest::Above(4)])],
            vec![Clause::None(vec![Test::Date(p("birth"), vec![RangeTest::Below(9)])])],
            vec![odd.clone()],
        ] {
            let expected = model.find("Patient", &filter, &sort);
            for limit in [1, 3, 50] {
                let found = pages(&ward, plan("Patient", filter.clone(), sort.to_vec(), limit)).await;
                assert_eq!(found, expected, "{filter:?} in pages of {limit}");
            }
        }
    }
}

pub(crate) async fn several_keys(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    for sort in [
        [by(SortBy::String(p("name")), false), by(SortBy::Date(p("date")), true)],
        [by(SortBy::Number(p("number")), true), by(SortBy::Id, false)],
        [by(SortBy::Date(p("nothing")), true), by(SortBy::String(p("name")), true)],
    ] {
        check(&ward, &model, &sort).await;
    }
}

/// `GET /?_type=…`: branches of the same order, mixed.
pub(crate) async fn several_types(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for i in 0..12 {
        let of = ["Patient", "Person", "Group"][i % 3];
        let date = ParamId::of(of, "date");
        let entries = [Entry::Date(date, (i as i64 * 5) % 12, 100), Entry::Present(ParamId::of(of, "all"))];
        let entries = if i < 10 { &entries[..] } else { &[] };
        ward.create(of, &format!("r{i:02}"), entries).await;
    }
    let branches = |sort: &dyn Fn(&str) -> Vec<Sort>| -> Vec<Branch> {
        let branch = |of: &str| Branch { of: of.into(), filter: Vec::new(), sort: sort(of) };
        ["Patient", "Group", "Person"].map(branch).into()
    };
    let dates = |descending| move |of: &str| vec![by(SortBy::Date(ParamId::of(of, "date")), descending)];
    let ids = |order: &[usize]| -> Vec<String> { order.iter().map(|i| format!("r{i:02}")).collect() };
    for limit in [1, 5, 20] {
        let found = |branches| pages(&ward, Plan { branches, after: None, limit });
        assert_eq!(found(branches(&|_| Vec::new())).await, ids(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
        assert_eq!(found(branches(&dates(false))).await, ids(&[0, 5, 3, 8, 1, 6, 4, 9, 2, 7, 10, 11]));
        assert_eq!(found(branches(&dates(true))).await, ids(&[7, 2, 9, 4, 6, 1, 8, 3, 5, 0, 11, 10]));
        let mut some = branches(&dates(false));
        some[0].filter = vec![Clause::Any(vec![Test::Id("r03".into())])];
        some.truncate(2);
        assert_eq!(found(some).await, ids(&[5, 3, 8, 2, 11]));
    }
}

/// What nobody touches comes exactly once, whatever happens around it between two pages.
pub(crate) async fn while_writing(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    let mut orders = vec![Vec::new()];
    orders.extend(each_kind().into_iter().map(|key| vec![key]));
    for (round, sort) in orders.into_iter().enumerate() {
        let (mut ids, mut wanted) = (Vec::new(), plan("Patient", Vec::new(), sort, 3));
        loop {
            let page = ward.session.search(&wanted).await.unwrap();
            ids.extend(page.found.into_iter().map(|it| it.key.id));
            let Some(next) = page.next else { break };
            wanted.after = Some(next);
            let (n, id) = (ids.len(), format!("x{round}-{}", ids.len()));
            let entry = Entry::Date(p("date"), n as i64 % 9, 9);
            ward.create("Patient", &id, &[entry, Entry::String(p("name"), "b".into())]).await;
            if n.is_multiple_of(2) {
                ward.delete("Patient", &id, 1).await;
            }
        }
        ids.retain(|it| it.starts_with('p'));
        ids.sort();
        let mut expected: Vec<String> = model.0.iter().map(|it| it.id.clone()).collect();
        expected.sort();
        assert_eq!(ids, expected, "{:?}", wanted.branches[0].sort);
    }
}
