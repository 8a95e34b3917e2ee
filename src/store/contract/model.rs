//! Searches by the book: a population in memory, and what a filter finds in it and in which order.

use crate::{Sort, SortBy};
use fhir::search::fold::fold;
use fhir::search::near::Spot;
use fhir::search::{
    Clause, First, IndexSink, Owners, ParamId, RangeTest, Shelf, Side, StringTest, Target, Test, TokenTest, Unit,
    UnitTest,
};
use std::cmp::Ordering;

/// One call of an [`IndexSink`].
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Present(ParamId),
    Token(ParamId, Option<&'static str>, &'static str),
    System(ParamId, &'static str),
    String(ParamId, String),
    Date(ParamId, i64, i64),
    Number(ParamId, f64, f64),
    Quantity(ParamId, Unit<'static>, f64, f64),
    Local(ParamId, String, String),
    Url(ParamId, &'static str),
    /// A reference by an identifier: type, system, value.
    Logical(ParamId, Option<String>, Option<&'static str>, &'static str),
    /// An identifier of the resource itself: its type, system, value.
    Identity(String, Option<&'static str>, &'static str),
    Uri(ParamId, &'static str),
    Place(ParamId, Spot),
    Numbers(ParamId, f64, f64),
    /// A composite's first value, a token, and what belongs to it.
    Composite(ParamId, Option<&'static str>, &'static str, Box<Entry>),
}

impl Entry {
    pub(crate) fn tell(&self, sink: &mut dyn IndexSink) {
        match self {
            Entry::Present(param) => sink.present(*param),
            Entry::Token(param, system, code) => sink.token(*param, *system, code),
            Entry::System(param, system) => sink.system(*param, system),
            Entry::String(param, text) => sink.string(*param, text),
            Entry::Date(param, low, high) => sink.date(*param, *low, *high),
            Entry::Number(param, low, high) => sink.number(*param, *low, *high),
            Entry::Quantity(param, unit, low, high) => sink.quantity(*param, *unit, *low, *high),
            Entry::Local(param, of, id) => sink.reference(*param, &Target::Local { of, id }),
            Entry::Url(param, url) => sink.reference(*param, &Target::Url(url)),
            Entry::Logical(param, of, system, value) => sink.logical(*param, of.as_deref(), *system, value),
            Entry::Identity(of, system, value) => sink.identified(of, *system, value),
            Entry::Uri(param, uri) => sink.uri(*param, uri),
            Entry::Place(param, spot) => sink.place(*param, spot),
            Entry::Numbers(param, left, right) => sink.numbers(*param, *left, *right),
            Entry::Composite(param, system, code, last) => {
                for first in [First::Code(code), First::Coding(*system, code)] {
                    last.clone().of(sink.composite(*param, first)).tell(sink);
                }
            }
        }
    }

    /// The same value of another parameter.
    fn of(mut self, another: ParamId) -> Entry {
        match &mut self {
            Entry::Present(param)
            | Entry::Token(param, ..)
            | Entry::System(param, _)
            | Entry::String(param, _)
            | Entry::Date(param, ..)
            | Entry::Number(param, ..)
            | Entry::Quantity(param, ..)
            | Entry::Local(param, ..)
            | Entry::Url(param, _)
            | Entry::Logical(param, ..)
            | Entry::Uri(param, _)
            | Entry::Place(param, _)
            | Entry::Numbers(param, ..)
            | Entry::Composite(param, ..) => *param = another,
            Entry::Identity(..) => {}
        }
        self
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) of: String,
    pub(crate) id: String,
    pub(crate) entries: Vec<Entry>,
}

/// Resources in the order of their creation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model(pub(crate) Vec<Resource>);

impl Model {
    /// The ids of a type that pass, in the order of the keys.
    pub(crate) fn find(&self, of: &str, filter: &[Clause], sort: &[Sort]) -> Vec<String> {
        let mut found: Vec<(usize, &Resource)> =
            self.0.iter().enumerate().filter(|(_, it)| it.of == of && self.passes(it, filter)).collect();
        let is_reverse = sort.first().is_some_and(|it| it.descending);
        found.sort_by(|(i, a), (j, b)| {
            let by_keys = sort.iter().map(|key| self.compare(key, a, b)).find(|it| it.is_ne());
            by_keys.unwrap_or_else(|| if is_reverse { j.cmp(i) } else { i.cmp(j) })
        });
        found.into_iter().map(|(_, it)| it.id.clone()).collect()
    }

    fn passes(&self, it: &Resource, filter: &[Clause]) -> bool {
        filter.iter().all(|clause| match clause {
            Clause::Any(tests) => tests.iter().any(|test| self.passes_test(it, test)),
            Clause::None(tests) => !tests.iter().any(|test| self.passes_test(it, test)),
        })
    }

    fn passes_test(&self, it: &Resource, test: &Test) -> bool {
        let any = |passes: &dyn Fn(&Entry) -> bool| it.entries.iter().any(passes);
        match test {
            Test::Id(id) => it.id == *id,
            Test::Present(wanted, shelf) => any(&|entry| match (entry, shelf) {
                (Entry::Present(param), Shelf::Key)
                | (Entry::String(param, _), Shelf::String)
                | (Entry::Date(param, ..), Shelf::Date)
                | (Entry::Number(param, ..) | Entry::Quantity(param, ..), Shelf::Number)
                | (Entry::Local(param, ..) | Entry::Url(param, _) | Entry::Logical(param, ..), Shelf::Reference) => {
                    param == wanted
                }
                _ => false,
            }),
            Test::Token(wanted, token) => any(&|entry| match entry {
                Entry::Token(param, system, code) => param == wanted && token_passes(token, *system, Some(code)),
                Entry::System(param, system) => param == wanted && token_passes(token, Some(system), None),
                _ => false,
            }),
            Test::String(wanted, string) => any(
                &|entry| matches!(entry, Entry::String(param, text) if param == wanted && string_passes(string, text)),
            ),
            Test::Date(wanted, ranges) => any(&|entry| {
                matches!(entry, Entry::Date(param, low, high)
                    if param == wanted && ranges.iter().all(|it| it.passes(*low, *high)))
            }),
            Test::Number(param, range) => any(&|entry| number_passes(entry, *param, &UnitTest::Any, range)),
            Test::Quantity(param, unit, range) => any(&|entry| number_passes(entry, *param, unit, range)),
            Test::Numbers(wanted, left, right) => any(&|entry| {
                matches!(entry, Entry::Numbers(param, a, b)
                    if param == wanted && left.passes(*a, *a) && right.passes(*b, *b))
            }),
            Test::Composite { param: wanted, first, last } => any(&|entry| {
                let Entry::Composite(param, system, code, of_last) = entry else { return false };
                let part = |entry| Resource { of: it.of.clone(), id: it.id.clone(), entries: vec![entry] };
                param == wanted
                    && self.passes_test(&part(Entry::Token(*param, *system, code)), first)
                    && self.passes_test(&part((**of_last).clone().of(*param)), last)
            }),
            Test::Local { param, of, id } => any(&|entry| points_to(entry, *param, of, id)),
            Test::Url(wanted, url) => {
                any(&|entry| matches!(entry, Entry::Url(param, it) if param == wanted && it == url))
            }
            Test::Kin { param, of, id, parent, side } => {
                self.kin(of, id, *parent, *side).iter().any(|id| any(&|entry| points_to(entry, *param, of, id)))
            }
            Test::Uri(wanted, uri) => {
                any(&|entry| matches!(entry, Entry::Uri(param, it) if param == wanted && it == uri))
            }
            Test::Near(wanted, disk) => any(&|entry| {
                matches!(entry, Entry::Place(param, it)
                    if param == wanted && it.map == disk.map && disk.holds(it.x, it.y))
            }),
            Test::Chain { param, of, filter, .. } => self.0.iter().any(|target| {
                target.of == *of && any(&|entry| leads_to(entry, *param, target)) && self.passes(target, filter)
            }),
            Test::Has { of, param, filter } => self.0.iter().any(|source| {
                source.of == *of
                    && source.entries.iter().any(|entry| leads_to(entry, *param, it))
                    && self.passes(source, filter)
            }),
            // The model has no bodies: sqlite/tests/text.rs asks the view of its own.
            Test::Text(..) => false,
            Test::Owned { params, is_owner, owners } => {
                *is_owner && owners.has(&it.id) || any(&|entry| params.iter().any(|it| is_owned(entry, *it, owners)))
            }
            Test::Unowned { params, of } => it.entries.iter().all(|entry| {
                let is_other = |it: &Resource, param| it.of != *of && points_to(entry, param, &it.of, &it.id);
                let leads = |param| self.0.iter().any(|it| is_other(it, param));
                !params.iter().any(|it| refers(entry, *it)) || params.iter().any(|it| leads(*it))
            }),
            Test::Of(of) => it.of == *of,
            Test::Leads { params, filter } => self.0.iter().any(|target| {
                let leads = |entry: &Entry| params.iter().any(|it| points_to(entry, *it, &target.of, &target.id));
                any(&leads) && self.passes(target, filter)
            }),
            Test::All(filter) => self.passes(it, filter),
        }
    }
}

impl Model {
    fn compare(&self, key: &Sort, a: &Resource, b: &Resource) -> Ordering {
        match key.by {
            SortBy::Target(param) => self.first_target(param, a).cmp(&self.first_target(param, b)),
            _ => compare(key, a, b),
        }
    }

    /// The place of the first resource that one points to, among all: what points to none comes last.
    fn first_target(&self, param: ParamId, it: &Resource) -> usize {
        let is_target = |target: &Resource| it.entries.iter().any(|entry| leads_to(entry, param, target));
        self.0.iter().position(is_target).unwrap_or(usize::MAX)
    }

    /// The ids of a resource and of all above or below it.
    fn kin(&self, of: &str, id: &str, parent: ParamId, side: Side) -> Vec<String> {
        let mut kin = vec![id.to_owned()];
        let mut at = 0;
        while let Some(here) = kin.get(at).cloned() {
            let refers = |from: &Resource, to: &str| from.entries.iter().any(|it| points_to(it, parent, of, to));
            let itself = self.0.iter().find(|it| it.of == of && it.id == here);
            let next: Vec<String> = match side {
                Side::Below => {
                    self.0.iter().filter(|it| it.of == of && refers(it, &here)).map(|it| it.id.clone()).collect()
                }
                Side::Above => itself
                    .into_iter()
                    .flat_map(|it| &it.entries)
                    .filter_map(|it| match it {
                        Entry::Local(param, to, id) if *param == parent && to == of => Some(id.clone()),
                        _ => None,
                    })
                    .collect(),
            };
            let is_there = |id: &String| self.0.iter().any(|it| it.of == of && it.id == *id);
            next.into_iter().filter(is_there).for_each(|it| {
                if !kin.contains(&it) {
                    kin.push(it)
                }
            });
            at += 1;
        }
        kin
    }
}

fn token_passes(test: &TokenTest, system: Option<&str>, code: Option<&str>) -> bool {
    match test {
        TokenTest::Code(wanted) => code == Some(wanted),
        TokenTest::Coding(in_system, wanted) => system == Some(in_system) && code == Some(wanted),
        TokenTest::NoSystem(wanted) => system.is_none() && code == Some(wanted),
        TokenTest::System(wanted) => system == Some(wanted),
    }
}

fn string_passes(test: &StringTest, text: &str) -> bool {
    match test {
        StringTest::Prefix(wanted) => fold(text).starts_with(&fold(wanted)),
        StringTest::Exact(wanted) => text == wanted,
        StringTest::Contains(wanted) => fold(text).contains(&fold(wanted)),
        StringTest::Folded(wanted) => fold(text) == fold(wanted),
        StringTest::Suffix(wanted) => fold(text).ends_with(&fold(wanted)),
    }
}

fn number_passes(entry: &Entry, wanted: ParamId, unit_test: &UnitTest, range: &RangeTest<f64>) -> bool {
    let (param, unit, low, high) = match entry {
        Entry::Number(param, low, high) => (param, Unit::default(), low, high),
        Entry::Quantity(param, unit, low, high) => (param, *unit, low, high),
        _ => return false,
    };
    let is_unit = match unit_test {
        UnitTest::Any => true,
        UnitTest::Coded(system, code) => unit.system == Some(system) && unit.code == Some(code),
        UnitTest::Named(name) => unit.code == Some(name) || unit.unit == Some(name),
    };
    *param == wanted && is_unit && range.passes(*low, *high)
}

fn points_to(entry: &Entry, wanted: ParamId, of: &str, id: &str) -> bool {
    matches!(entry, Entry::Local(param, to, to_id) if *param == wanted && to == of && to_id == id)
}

/// Whether it is a reference by this parameter.
fn refers(entry: &Entry, wanted: ParamId) -> bool {
    matches!(entry, Entry::Local(param, ..) | Entry::Url(param, _) | Entry::Logical(param, ..) if *param == wanted)
}

/// Whether it refers to one of these.
fn is_owned(entry: &Entry, wanted: ParamId, owners: &Owners) -> bool {
    match entry {
        Entry::Local(param, of, id) => *param == wanted && *of == owners.of && owners.has(id),
        Entry::Logical(param, of, system, value) => {
            *param == wanted && of.as_ref().is_none_or(|it| *it == owners.of) && owners.has_identifier(*system, value)
        }
        _ => false,
    }
}

/// Whether a chain goes this way: by a literal reference, or by an identifier of the resource.
fn leads_to(entry: &Entry, wanted: ParamId, resource: &Resource) -> bool {
    let is_named = |of: &Option<String>, system: &Option<&'static str>, value: &&'static str| {
        let is_identity = |it: &Entry| matches!(it, Entry::Identity(_, a, b) if a == system && b == value);
        of.as_ref().is_none_or(|it| *it == resource.of) && resource.entries.iter().any(is_identity)
    };
    match entry {
        Entry::Logical(param, of, system, value) => *param == wanted && is_named(of, system, value),
        _ => points_to(entry, wanted, &resource.of, &resource.id),
    }
}

/// By one key: what has no value comes last either way.
fn compare(key: &Sort, a: &Resource, b: &Resource) -> Ordering {
    let directed = |order: Ordering| if key.descending { order.reverse() } else { order };
    match &key.by {
        SortBy::Id => directed(a.id.cmp(&b.id)),
        SortBy::String(wanted) => by_first(key, a, b, |entry| match entry {
            Entry::String(param, text) if param == wanted => Some(fold(text)),
            _ => None,
        }),
        SortBy::Date(wanted) => by_first(key, a, b, |entry| match entry {
            Entry::Date(param, low, _) if param == wanted => Some(*low),
            _ => None,
        }),
        SortBy::Number(wanted) => by_first(key, a, b, |entry| match entry {
            Entry::Number(param, low, _) | Entry::Quantity(param, _, low, _) if param == wanted => Some(*low),
            _ => None,
        }),
        // [`Model::compare`] knows what there is to point to.
        SortBy::Target(_) => Ordering::Equal,
    }
}

fn by_first<T: PartialOrd>(key: &Sort, a: &Resource, b: &Resource, value: impl Fn(&Entry) -> Option<T>) -> Ordering {
    let directed = |a: &T, b: &T| {
        let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        if key.descending { order.reverse() } else { order }
    };
    let first = |it: &Resource| it.entries.iter().filter_map(&value).min_by(directed);
    match (first(a), first(b)) {
        (Some(a), Some(b)) => directed(&a, &b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
