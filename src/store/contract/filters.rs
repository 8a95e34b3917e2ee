//! Filters: every test finds what it says, whether it drives the search or looks rows up.

use super::links::references_among;
use super::model::Entry;
use super::{Engine, Ward, ward};
use crate::{Branch, Plan, Sort, SortBy};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Shelf, StringTest, Test, TokenTest, Unit, UnitTest};

pub(crate) fn plan(of: &str, filter: Filter, sort: Vec<Sort>, limit: usize) -> Plan {
    Plan { branches: vec![Branch { of: of.into(), filter, sort }], after: None, limit }
}

/// The ids on all pages of `limit`; checks that the count says the same.
pub(crate) async fn pages(ward: &Ward, mut plan: Plan) -> Vec<String> {
    let mut ids = Vec::new();
    let count = ward.session.count(&plan).await.unwrap();
    let mut end = None;
    loop {
        let page = ward.session.search(&plan).await.unwrap();
        assert!(page.found.len() <= plan.limit);
        assert!(page.next.is_none() || page.found.len() == plan.limit);
        ids.extend(page.found.into_iter().map(|it| it.key.id));
        match page.next {
            Some(next) => {
                end = next.end();
                plan.after = Some(next);
            }
            None => break,
        }
    }
    assert_eq!(count, ids.len() as i64);
    plan.after = end;
    assert_eq!(pages_back(ward, plan).await, ids, "the way back is another one");
    ids
}

/// The ids on all pages of `limit`, taken from the last page back.
async fn pages_back(ward: &Ward, mut plan: Plan) -> Vec<String> {
    let mut pages = Vec::new();
    loop {
        let page = ward.session.search_back(&plan).await.unwrap();
        assert!(page.previous.is_none() || page.found.len() == plan.limit);
        assert_eq!(page.next.is_some(), !pages.is_empty());
        pages.push(page.found.into_iter().map(|it| it.key.id).collect::<Vec<_>>());
        match page.previous {
            Some(previous) => plan.after = Some(previous),
            None => break,
        }
    }
    pages.into_iter().rev().flatten().collect()
}

/// Whether `test` finds just `expected` in each place it can stand in.
pub(crate) async fn finds(ward: &Ward, of: &str, test: Test, expected: &[&str]) {
    let everybody = pages(ward, plan(of, Vec::new(), Vec::new(), 100)).await;
    let others: Vec<&str> = everybody.iter().map(String::as_str).filter(|it| !expected.contains(it)).collect();
    let ids = Clause::Any(everybody.iter().cloned().map(Test::Id).collect());
    let any = Clause::Any(vec![test.clone()]);
    for filter in [
        vec![any.clone()],
        vec![ids.clone(), any.clone()],
        vec![any.clone(), any.clone()],
        vec![Clause::Any(vec![test.clone(), test.clone()])],
        vec![Clause::Any(vec![Test::All(vec![any.clone(), ids.clone()])])],
        vec![Clause::None(vec![]), any],
    ] {
        assert_eq!(pages(ward, plan(of, filter, Vec::new(), 2)).await, expected, "{test:?}");
    }
    let none = vec![Clause::None(vec![test.clone()])];
    assert_eq!(pages(ward, plan(of, none.clone(), Vec::new(), 2)).await, others, "not {test:?}");
    let by_id = vec![Sort { by: SortBy::Id, descending: false, is_single: false }];
    assert_eq!(pages(ward, plan(of, none, by_id, 3)).await, others, "not {test:?}, by id");
}

pub(crate) fn p(code: &str) -> ParamId {
    ParamId::of("Observation", code)
}

const DAY: i64 = 24 * 3_600_000_000;
const MMHG: Unit<'static> = Unit { system: Some("ucum"), code: Some("mm[Hg]"), unit: Some("mmHg") };

/// Five observations, `a` to `e`, with every kind of value; `e` has none.
async fn observations(engine: &dyn Engine) -> Ward {
    use Entry::{Composite, Date, Number, Numbers, Present, Quantity, String, System, Token, Uri, Url};
    let ward = ward(engine).await;
    let token = |system, code| vec![Present(p("code")), Token(p("code"), system, code)];
    let mut of_a = token(Some("loinc"), "bp");
    of_a.extend([
        String(p("text"), "Émile Zola".into()),
        Date(p("date"), 0, 0),
        Number(p("n"), 5.0, 5.0),
        Quantity(p("q"), MMHG, 120.0, 120.0),
        Uri(p("uri"), "urn:a"),
        Url(p("url"), "http://x/a"),
    ]);
    let mut of_b = token(None, "bp");
    of_b.extend([
        String(p("text"), "emil".into()),
        Date(p("date"), 10 * DAY, 11 * DAY - 1),
        Number(p("n"), -5.5, 7.0),
        Quantity(p("q"), Unit { unit: Some("mm[Hg]"), ..Unit::default() }, 80.0, 80.0),
    ]);
    let mut of_c = token(Some("local"), "bp");
    of_c.extend([
        String(p("text"), "zola".into()),
        Date(p("date"), 0, 365 * DAY - 1),
        Number(p("n"), 0.0, 0.0),
        Quantity(p("q"), Unit { system: Some("ucum"), code: Some("kPa"), unit: None }, 16.0, 16.0),
    ]);
    let pressure = |value| Box::new(Quantity(p("c"), MMHG, value, value));
    of_a.extend([
        Composite(p("c"), Some("loinc"), "sys", pressure(120.0)),
        Composite(p("c"), Some("loinc"), "dia", pressure(80.0)),
    ]);
    of_b.push(Composite(p("c"), None, "sys", pressure(140.0)));
    // The first pair of `d` passes on the one side, the second on the other.
    of_c.push(Composite(p("c"), None, "chr", Box::new(Numbers(p("c"), 3.0, 4.0))));
    let of_d = vec![
        Composite(p("c"), None, "chr", Box::new(Numbers(p("c"), 1.0, 4.0))),
        Composite(p("c"), None, "chr", Box::new(Numbers(p("c"), 3.0, 9.0))),
        Present(p("code")),
        System(p("code"), "loinc"),
        String(p("text"), "".into()),
        Date(p("date"), i64::MIN, 5 * DAY),
        Date(p("date"), 20 * DAY, 20 * DAY),
        Number(p("n"), 1e300, f64::MAX),
    ];
    for (id, entries) in [("a", of_a), ("b", of_b), ("c", of_c), ("d", of_d), ("e", Vec::new())] {
        ward.create("Observation", id, &entries).await;
    }
    ward.create("Patient", "a", &[Token(ParamId::of("Patient", "code"), Some("loinc"), "bp")]).await;
    ward
}

/// The test as one on the composite.
fn on_composite(test: Test) -> Test {
    match test {
        Test::Quantity(_, unit, range) => Test::Quantity(p("c"), unit, range),
        other => other,
    }
}

#[allow(clippy::too_many_lines, reason = "one table")]
pub(crate) async fn drives_and_probes(engine: &dyn Engine) {
    let ward = observations(engine).await;
    let token = |test| Test::Token(p("code"), test);
    let text = |test| Test::String(p("text"), test);
    let date = |range| Test::Date(p("date"), vec![range]);
    let number = |range| Test::Number(p("n"), range);
    let quantity = |unit, range| Test::Quantity(p("q"), unit, range);
    let all = RangeTest::Within(f64::MIN, f64::MAX);
    let composite = |first, last: Test| {
        let first = Box::new(Test::Token(p("c"), first));
        Test::Composite { param: p("c"), first, last: Box::new(on_composite(last)) }
    };
    let cases: Vec<(Test, &[&str])> = vec![
        (Test::Id("b".into()), &["b"]),
        (Test::Id("nobody".into()), &[]),
        (Test::Present(p("code"), Shelf::Key), &["a", "b", "c", "d"]),
        (Test::Present(p("text"), Shelf::String), &["a", "b", "c", "d"]),
        (Test::Present(p("date"), Shelf::Date), &["a", "b", "c", "d"]),
        (Test::Present(p("n"), Shelf::Number), &["a", "b", "c", "d"]),
        (Test::Present(p("q"), Shelf::Number), &["a", "b", "c"]),
        (Test::Present(p("url"), Shelf::Reference), &["a"]),
        (Test::Present(p("url"), Shelf::Date), &[]),
        (token(TokenTest::Code("bp".into())), &["a", "b", "c"]),
        (token(TokenTest::Code("BP".into())), &[]),
        (token(TokenTest::Coding("loinc".into(), "bp".into())), &["a"]),
        (token(TokenTest::NoSystem("bp".into())), &["b"]),
        (token(TokenTest::System("loinc".into())), &["a", "d"]),
        (text(StringTest::Prefix("EMIL".into())), &["a", "b"]),
        (text(StringTest::Prefix("emile z".into())), &["a"]),
        (text(StringTest::Prefix("".into())), &["a", "b", "c", "d"]),
        (text(StringTest::Exact("emil".into())), &["b"]),
        (text(StringTest::Exact("Emil".into())), &[]),
        (text(StringTest::Contains("Zola".into())), &["a", "c"]),
        (text(StringTest::Folded("ÉMIL".into())), &["b"]),
        (text(StringTest::Suffix("Olá".into())), &["a", "c"]),
        (text(StringTest::Suffix("".into())), &["a", "b", "c", "d"]),
        (date(RangeTest::Within(0, DAY)), &["a"]),
        (date(RangeTest::Within(0, 365 * DAY)), &["a", "b", "c", "d"]),
        (date(RangeTest::NotWithin(0, 365 * DAY)), &["d"]),
        (date(RangeTest::Overlaps(10 * DAY + 5, 10 * DAY + 5)), &["b", "c"]),
        (date(RangeTest::Above(11 * DAY)), &["c", "d"]),
        (date(RangeTest::AtOrAbove(20 * DAY, 20 * DAY)), &["c", "d"]),
        (date(RangeTest::Below(0)), &["d"]),
        (date(RangeTest::AtOrBelow(0, 0)), &["a", "d"]),
        (date(RangeTest::StartsAfter(0)), &["b", "d"]),
        (date(RangeTest::EndsBefore(11 * DAY)), &["a", "b", "d"]),
        // One value must pass both: the two of `d` do so only apart.
        (Test::Date(p("date"), vec![RangeTest::Below(DAY), RangeTest::Above(6 * DAY)]), &["c"]),
        (number(RangeTest::Within(5.0, 5.0)), &["a"]),
        (number(RangeTest::Above(6.0)), &["b", "d"]),
        (number(RangeTest::Below(0.0)), &["b"]),
        (number(RangeTest::Within(-0.0, 0.0)), &["c"]),
        (number(RangeTest::Overlaps(4.9, 5.1)), &["a", "b"]),
        (number(RangeTest::AtOrAbove(1e300, 1e300)), &["d"]),
        (quantity(UnitTest::Any, all), &["a", "b", "c"]),
        (quantity(UnitTest::Coded("ucum".into(), "mm[Hg]".into()), all), &["a"]),
        (quantity(UnitTest::Named("mm[Hg]".into()), all), &["a", "b"]),
        (quantity(UnitTest::Named("mmHg".into()), all), &["a"]),
        (quantity(UnitTest::Named("mm[Hg]".into()), RangeTest::Below(100.0)), &["b"]),
        (composite(TokenTest::Code("sys".into()), quantity(UnitTest::Any, RangeTest::Above(100.0))), &["a", "b"]),
        (composite(TokenTest::Code("dia".into()), quantity(UnitTest::Any, RangeTest::Above(100.0))), &[]),
        (composite(TokenTest::Coding("loinc".into(), "sys".into()), quantity(UnitTest::Any, all)), &["a"]),
        (composite(TokenTest::NoSystem("sys".into()), quantity(UnitTest::Named("mmHg".into()), all)), &["b"]),
        (
            composite(
                TokenTest::Code("chr".into()),
                Test::Numbers(p("c"), RangeTest::Above(2.0), RangeTest::Below(5.0)),
            ),
            &["c"],
        ),
        (Test::Url(p("url"), "http://x/a".into()), &["a"]),
        (Test::Uri(p("uri"), "urn:a".into()), &["a"]),
        (Test::Uri(p("uri"), "urn:".into()), &[]),
    ];
    for (test, expected) in cases {
        finds(&ward, "Observation", test, expected).await;
    }
}

/// The comma: values of several kinds and sizes.
pub(crate) async fn alternatives(engine: &dyn Engine) {
    let ward = observations(engine).await;
    let tests = [
        Test::Token(p("code"), TokenTest::NoSystem("bp".into())),
        Test::Date(p("date"), vec![RangeTest::Within(0, DAY)]),
        Test::Uri(p("uri"), "urn:none".into()),
        Test::Id("e".into()),
        Test::Number(p("n"), RangeTest::Below(0.0)),
    ];
    let any = Clause::Any(tests.to_vec());
    assert_eq!(pages(&ward, plan("Observation", vec![any], Vec::new(), 1)).await, ["a", "b", "e"]);
    let none = Clause::None(tests.to_vec());
    assert_eq!(pages(&ward, plan("Observation", vec![none], Vec::new(), 1)).await, ["c", "d"]);
    let ordered = Clause::Any(vec![tests[0].clone(), Test::Present(p("code"), Shelf::Key), tests[2].clone()]);
    assert_eq!(pages(&ward, plan("Observation", vec![ordered], Vec::new(), 1)).await, ["a", "b", "c", "d"]);
}

pub(crate) async fn nothing_at_all(engine: &dyn Engine) {
    let ward = observations(engine).await;
    let nothing = Clause::Any(Vec::new());
    assert!(pages(&ward, plan("Observation", vec![nothing.clone()], Vec::new(), 2)).await.is_empty());
    let by = |param| vec![Sort { by: SortBy::Date(param), descending: true, is_single: false }];
    assert!(pages(&ward, plan("Observation", vec![nothing], by(p("date")), 2)).await.is_empty());
    assert!(pages(&ward, plan("Person", Vec::new(), by(ParamId::of("Person", "date")), 2)).await.is_empty());
    let page = ward.session.search(&plan("Observation", Vec::new(), Vec::new(), 0)).await.unwrap();
    assert!(page.found.is_empty() && page.next.is_none());
    let nowhere = Plan { branches: Vec::new(), after: None, limit: 5 };
    assert!(pages(&ward, nowhere).await.is_empty());
}

/// More values than are looked at one by one.
pub(crate) async fn long_lists(engine: &dyn Engine) {
    let ward = references_among(engine).await;
    let list = |value: &dyn Fn(usize) -> Test| (0..30).map(value).collect::<Vec<_>>();
    let subject =
        |i: usize| Test::Local { param: p("subject"), of: "Patient".into(), id: ["kid", "old", "none"][i % 3].into() };
    let either = |i: usize| if i.is_multiple_of(2) { subject(i) } else { Test::Present(p("n"), Shelf::Number) };
    let ids = |i: usize| Test::Id(format!("o{i}"));
    for (tests, expected) in [
        (list(&subject), &["o1", "o2"][..]),
        (list(&either), &["o1", "o2", "o4"]),
        (list(&ids), &["o1", "o2", "o3", "o4"]),
        (list(&|i| Test::Url(p("subject"), format!("http://{i}"))), &[]),
        (list(&|i| Test::Token(p("code"), TokenTest::Code(format!("{i}")))), &[]),
    ] {
        let any = Clause::Any(tests.clone());
        for filter in [vec![any.clone()], vec![Clause::Any(vec![ids(1), ids(2), ids(3), ids(4)]), any.clone()]] {
            assert_eq!(pages(&ward, plan("Observation", filter, Vec::new(), 1)).await, expected, "{tests:?}");
        }
        let others: Vec<&str> = ["o1", "o2", "o3", "o4"].into_iter().filter(|it| !expected.contains(it)).collect();
        let none = vec![Clause::None(tests)];
        assert_eq!(pages(&ward, plan("Observation", none, Vec::new(), 1)).await, others);
    }
}

/// What no index entry is long enough for is found by all of it.
pub(crate) async fn long_strings(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let long = |end: &str| "Ä b".repeat(1500) + end;
    for (id, text) in [("one", long("one")), ("other", long("other")), ("short", "Ä b".repeat(40))] {
        ward.create("Observation", id, &[Entry::String(p("text"), text)]).await;
    }
    let string = |test: StringTest| Test::String(p("text"), test);
    for (test, expected) in [
        (StringTest::Prefix("ä b".into()), &["one", "other", "short"][..]),
        (StringTest::Prefix("a b".repeat(1000)), &["one", "other"]),
        (StringTest::Prefix(long("o").to_lowercase()), &["one", "other"]),
        (StringTest::Prefix(long("on")), &["one"]),
        (StringTest::Exact(long("one")), &["one"]),
        (StringTest::Exact(long("One")), &[]),
        (StringTest::Folded(long("ONE")), &["one"]),
        (StringTest::Folded(long("")), &[]),
        (StringTest::Contains("bother".into()), &["other"]),
        (StringTest::Suffix("r".into()), &["other"]),
    ] {
        finds(&ward, "Observation", string(test), expected).await;
    }
}
