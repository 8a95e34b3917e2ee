//! Random populations and filters: the store finds just what the [`Model`] finds, in the same order, and counts it.

use super::filters::{pages, plan};
use super::model::{Entry, Model, Resource};
use super::orders::write_all;
use super::{Engine, Ward, ward};
use crate::{Sort, SortBy};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Shelf, Side, StringTest, Test, TokenTest, Unit, UnitTest};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

/// Populations tried.
const POPULATIONS: usize = 40;
/// Searches tried in each.
const SEARCHES: usize = 40;
const HOUR: i64 = 3_600_000_000;

/// Two resource types, new ones for each population.
#[derive(Clone, Debug)]
struct Types([String; 2]);

impl Types {
    fn param(&self, of: usize, n: u8) -> ParamId {
        ParamId::of(&self.0[of], ["x", "y"][usize::from(n % 2)])
    }
}

/// Few different values, so that they meet: ends of ranges around the widths of the classes.
fn moment() -> impl Strategy<Value = i64> {
    const ENDS: [i64; 6] = [i64::MIN, -366 * 24 * HOUR, -25 * HOUR, 0, 25 * HOUR, i64::MAX];
    (prop::sample::select(&ENDS[..]), -1..=1_i64).prop_map(|(end, near)| end.saturating_add(near))
}

fn float() -> impl Strategy<Value = f64> {
    prop::sample::select(&[-1e9, -1.5, -0.0, 0.0, 0.1, 1.0, 1.5, 2.0, 1e300][..])
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "A", "a", "ab", "Äb", "a b", " b ", "abc", "ß", "ss", "\u{10FFFF}", "a\u{10FFFF}b", "\u{D7FF}x", "%_"][..])
        .prop_map(str::to_owned)
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["s", "t", "u"][..])
}

fn ordered<T: PartialOrd>((a, b): (T, T)) -> (T, T) {
    if b < a { (b, a) } else { (a, b) }
}

/// A value, or one that belongs to the first value of a composite.
fn entry(types: &Types, of: usize) -> impl Strategy<Value = Entry> + use<> {
    let param = types.param(of, 0);
    let composite = (proptest::option::of(word()), word(), simple_entry(types, of));
    let composite =
        composite.prop_map(move |(system, code, last)| Entry::Composite(param, system, code, Box::new(last)));
    prop_oneof![4 => simple_entry(types, of), 1 => composite, 1 => identifying_entry(types, of)]
}

/// A reference by an identifier, or an identifier of the resource itself.
fn identifying_entry(types: &Types, of: usize) -> impl Strategy<Value = Entry> + use<> {
    let types = types.clone();
    let identifier = (proptest::option::of(word()), word());
    (0..3_u8, 0..2_u8, proptest::option::of(0..2_usize), identifier).prop_map(move |(kind, n, to, (system, value))| {
        match kind {
            0 => Entry::Identity(types.0[of].clone(), system, value),
            _ => Entry::Logical(types.param(of, n), to.map(|it| types.0[it].clone()), system, value),
        }
    })
}

fn simple_entry(types: &Types, of: usize) -> impl Strategy<Value = Entry> + use<> {
    let types = types.clone();
    let ranges = ((moment(), moment()), (float(), float()));
    (0..11_u8, 0..2_u8, (word(), word(), text()), ranges, (0..2_usize, 0..8_u8)).prop_map(
        move |(kind, param, (word, other, text), (dates, floats), (to, id))| {
            let param = types.param(of, param);
            let ((low, high), (least, most)) = (ordered(dates), ordered(floats));
            match kind {
                0 => Entry::Present(param),
                1 => Entry::Token(param, None, word),
                2 => Entry::Token(param, Some(other), word),
                3 => Entry::System(param, word),
                4 => Entry::String(param, text),
                5 => Entry::Date(param, low, high),
                6 => Entry::Number(param, least, if text.len() > 1 { most } else { least }),
                7 => Entry::Quantity(
                    param,
                    Unit { system: Some(other), code: Some(word), unit: Some(other) },
                    least,
                    most,
                ),
                10 => Entry::Numbers(param, least, most),
                8 => Entry::Local(param, types.0[to].clone(), format!("i{id}")),
                _ if id % 2 == 0 => Entry::Url(param, word),
                _ => Entry::Uri(param, word),
            }
        },
    )
}

fn population(types: &Types) -> impl Strategy<Value = Model> + use<> {
    let of = |of: usize| {
        let name = types.0[of].clone();
        vec(vec(entry(types, of), 0..8), 0..8).prop_map(move |all| {
            let resources = all.into_iter().enumerate();
            resources
                .map(|(i, entries)| Resource { of: name.clone(), id: format!("i{i}"), entries })
                .collect::<Vec<_>>()
        })
    };
    (of(0), of(1)).prop_map(|(mut all, more)| {
        all.extend(more);
        Model(all)
    })
}

fn range<T: Copy + PartialOrd + std::fmt::Debug>((kind, ends): (u8, (T, T))) -> RangeTest<T> {
    let (a, b) = ordered(ends);
    match kind % 9 {
        0 => RangeTest::Within(a, b),
        1 => RangeTest::NotWithin(a, b),
        2 => RangeTest::Overlaps(a, b),
        3 => RangeTest::Above(a),
        4 => RangeTest::AtOrAbove(a, b),
        5 => RangeTest::Below(b),
        6 => RangeTest::AtOrBelow(a, b),
        7 => RangeTest::StartsAfter(a),
        _ => RangeTest::EndsBefore(b),
    }
}

/// A test on what is told of a resource itself.
fn leaf(types: &Types, of: usize) -> BoxedStrategy<Test> {
    let param = types.param(of, 0);
    let firsts = prop_oneof![
        word().prop_map(|code| TokenTest::Code(code.to_owned())),
        word().prop_map(|code| TokenTest::NoSystem(code.to_owned())),
        (word(), word()).prop_map(|(system, code)| TokenTest::Coding(system.to_owned(), code.to_owned())),
    ];
    let composite =
        (firsts, simple_leaf(types, of, 0..1)).prop_filter_map("told of a composite", move |(first, last)| {
            let is_told = !matches!(last, Test::Id(_) | Test::Present(..));
            let first = Box::new(Test::Token(param, first));
            is_told.then(|| Test::Composite { param, first, last: Box::new(last) })
        });
    prop_oneof![4 => simple_leaf(types, of, 0..2), 1 => composite].boxed()
}

fn simple_leaf(types: &Types, of: usize, params: std::ops::Range<u8>) -> impl Strategy<Value = Test> + use<> {
    let kinds = types.clone();
    (
        prop_oneof![0..15_u8, 8..12_u8],
        params,
        (word(), word(), text()),
        (0..9_u8, (moment(), moment())),
        (0..9_u8, (float(), float())),
        (0..2_usize, 0..8_u8),
    )
        .prop_map(move |(kind, n, (word, other, text), dates, floats, (to, id))| {
            let param = kinds.param(of, n);
            let (code, system) = (word.to_owned(), other.to_owned());
            match kind {
                0 => Test::Id(format!("i{id}")),
                1 => Test::Present(
                    param,
                    [Shelf::Key, Shelf::String, Shelf::Date, Shelf::Number, Shelf::Reference][usize::from(id % 5)],
                ),
                2 => Test::Token(param, TokenTest::Code(code)),
                3 => Test::Token(param, TokenTest::Coding(system, code)),
                4 => Test::Token(param, TokenTest::NoSystem(code)),
                5 => Test::Token(param, TokenTest::System(code)),
                6 => Test::String(param, StringTest::Prefix(text)),
                7 if id % 4 == 0 => Test::String(param, StringTest::Exact(text)),
                7 if id % 4 == 1 => Test::String(param, StringTest::Folded(text)),
                7 if id % 4 == 2 => Test::String(param, StringTest::Suffix(text)),
                7 => Test::String(param, StringTest::Contains(text)),
                8 => Test::Date(param, vec![range(dates)]),
                9 => Test::Date(param, vec![range(dates), range((id, dates.1))]),
                10 => Test::Number(param, range(floats)),
                11 => {
                    let unit = [UnitTest::Any, UnitTest::Named(code.clone()), UnitTest::Coded(system, code)];
                    Test::Quantity(param, unit[usize::from(id % 3)].clone(), range(floats))
                }
                14 => Test::Numbers(param, range(floats), range((id, floats.1))),
                12 => Test::Local { param, of: kinds.0[to].clone(), id: format!("i{id}") },
                _ if id % 2 == 0 => Test::Url(param, code),
                _ => Test::Uri(param, code),
            }
        })
}

/// A test on resources of type `of` with at most `depth` links.
fn test(types: &Types, of: usize, depth: u32) -> BoxedStrategy<Test> {
    let here = types.clone();
    let leaf = leaf(types, of);
    if depth == 0 {
        return leaf.boxed();
    }
    let inner = |of: usize| filter(types, of, depth - 1);
    let links = (0..7_u8, 0..2_u8, inner(0), inner(1)).prop_map(move |(kind, n, of_first, of_second)| {
        let first = here.0[0].clone();
        let second = here.0[1].clone();
        match kind {
            0 => Test::Chain { param: here.param(of, n), is_single: false, of: first, filter: of_first },
            1 => Test::Chain { param: here.param(of, n), is_single: false, of: second, filter: of_second },
            2 => Test::Has { of: first, param: here.param(0, n), filter: of_first },
            3 => Test::Has { of: second, param: here.param(1, n), filter: of_second },
            4 => Test::All(if of == 0 { of_first } else { of_second }),
            kind => Test::Kin {
                param: here.param(of, n),
                parent: here.param(usize::from(n), 0),
                of: here.0[usize::from(n)].clone(),
                id: format!("i{}", of_first.len()),
                side: if kind == 5 { Side::Above } else { Side::Below },
            },
        }
    });
    prop_oneof![4 => leaf, 1 => links].boxed()
}

fn filter(types: &Types, of: usize, depth: u32) -> BoxedStrategy<Filter> {
    let clause = (any::<bool>(), any::<bool>(), vec(test(types, of, depth), 0..4));
    let clause = clause.prop_map(|(a, b, tests)| if a && b { Clause::None(tests) } else { Clause::Any(tests) });
    vec(clause, 0..3).boxed()
}

fn sort(types: &Types) -> impl Strategy<Value = Vec<Sort>> + use<> {
    let types = types.clone();
    let key = (0..4_u8, 0..2_u8, any::<bool>()).prop_map(move |(kind, n, descending)| {
        let param = types.param(0, n);
        let by = match kind {
            0 => SortBy::Id,
            1 => SortBy::String(param),
            2 => SortBy::Date(param),
            _ => SortBy::Number(param),
        };
        Sort { by, descending, is_single: false }
    });
    vec(key, 0..3)
}

pub(crate) async fn answers_equal_the_model(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let mut runner = TestRunner::new(Config::default());
    for i in 0..POPULATIONS {
        let types = Types([format!("A{i}"), format!("B{i}")]);
        let model = population(&types).new_tree(&mut runner).unwrap().current();
        write_all(&ward, &model).await;
        let searches = (filter(&types, 0, 2), sort(&types), 1..5_usize);
        for _ in 0..SEARCHES {
            let (filter, sort, limit) = searches.new_tree(&mut runner).unwrap().current();
            check(&ward, &types, &model, filter, sort, limit).await;
        }
    }
}

async fn check(ward: &Ward, types: &Types, model: &Model, filter: Filter, sort: Vec<Sort>, limit: usize) {
    let expected = model.find(&types.0[0], &filter, &sort);
    let found = pages(ward, plan(&types.0[0], filter.clone(), sort.clone(), limit)).await;
    assert_eq!(found, expected, "{filter:#?} by {sort:?} in pages of {limit} among {model:#?}");
}

/// Each comparison with each range between ends at which something changes: the widths of the classes, zero, and their
/// neighbours.
pub(crate) async fn all_ranges_at_the_ends(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for (round, width) in [25 * HOUR, 366 * 24 * HOUR].into_iter().enumerate() {
        let types = Types([format!("Date{round}"), String::new()]);
        let ends = [-width - 1, -width, -width + 1, -1, 0, 1];
        let value = |low, high| Entry::Date(types.param(0, 0), low, high);
        let tests = ranges(&ends, |range| Test::Date(types.param(0, 0), vec![range]));
        check_ranges(&ward, &types, &ends, value, tests).await;
    }
    let types = Types(["Number".into(), String::new()]);
    let ends = [-1e300, -0.5, 0.0, 0.5, 1.0, f64::MAX];
    let value = |low, high| Entry::Number(types.param(0, 0), low, high);
    let tests = ranges(&ends, |range| Test::Number(types.param(0, 0), range));
    check_ranges(&ward, &types, &ends, value, tests).await;
}

fn pairs<T: Copy>(ends: &[T]) -> impl Iterator<Item = (T, T)> {
    ends.iter().enumerate().flat_map(|(i, low)| ends[i..].iter().map(|high| (*low, *high)))
}

fn ranges<T: Copy + PartialOrd + std::fmt::Debug>(ends: &[T], test: impl Fn(RangeTest<T>) -> Test) -> Vec<Test> {
    pairs(ends).flat_map(|ends| (0..9).map(move |kind| range((kind, ends)))).map(test).collect()
}

async fn check_ranges<T: Copy>(
    ward: &Ward,
    types: &Types,
    ends: &[T],
    value: impl Fn(T, T) -> Entry,
    tests: Vec<Test>,
) {
    let resource =
        |(i, (low, high))| Resource { of: types.0[0].clone(), id: format!("i{i}"), entries: vec![value(low, high)] };
    let model = Model(pairs(ends).enumerate().map(resource).collect());
    write_all(ward, &model).await;
    for test in tests {
        check(ward, types, &model, vec![Clause::Any(vec![test])], Vec::new(), 50).await;
    }
}
