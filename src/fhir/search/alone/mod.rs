//! Whether one resource passes a filter, told from the resource alone: what a store tells by its rows. For what no row
//! tells of: a version that is not stored yet, or not the current one any more.

use super::fold::fold;
use super::near::Spot;
use super::{
    Clause, First, IndexSink, Owners, ParamId, RangeTest, Shelf, StringTest, Target, Test, TokenTest, Unit, UnitTest,
};
use crate::units::Scale;
use rustc_hash::FxHashSet;

/// Where the numbers of parameters begin that are made of a composite and its first value.
const MADE: u64 = 1 << 61;

/// What a resource can be found by. It is made as a store makes its rows: by being told.
pub struct Alone {
    id: String,
    /// The parameters whose values are kept.
    asked: FxHashSet<ParamId>,
    /// The composites that are asked for, each with a first value that it was told of.
    firsts: Vec<(ParamId, Value)>,
    values: Vec<(ParamId, Value)>,
}

#[derive(Clone, PartialEq)]
enum Value {
    Present,
    Code(String),
    Coding(Option<String>, String),
    System(String),
    String(String),
    Date(i64, i64),
    Number(f64, f64),
    Numbers(f64, f64),
    Quantity(UnitTest, f64, f64),
    Local { of: String, id: String },
    Url(String),
    Logical { of: Option<String>, system: Option<String>, value: String },
    Uri(String),
    Place(Spot),
}

impl Alone {
    /// Keeps what the clauses ask for of the resource with this id, which is to be told next.
    pub fn new(id: &str, filter: &[Clause]) -> Alone {
        let mut asked = FxHashSet::default();
        each_test(filter, &mut |test| asked.extend(test.params()));
        Alone { id: id.to_owned(), asked, firsts: Vec::new(), values: Vec::new() }
    }

    /// Whether the resource passes all clauses; `None` if that cannot be told from it alone ([`is_told_alone`]).
    pub fn passes(&self, filter: &[Clause]) -> Option<bool> {
        all(filter.iter().map(|clause| match clause {
            Clause::Any(tests) => self.any(tests),
            Clause::None(tests) => self.any(tests).map(|it| !it),
        }))
    }

    /// Whether one of the tests is passed.
    fn any(&self, tests: &[Test]) -> Option<bool> {
        all(tests.iter().map(|it| self.test(it).map(|it| !it))).map(|it| !it)
    }

    fn test(&self, test: &Test) -> Option<bool> {
        Some(match test {
            Test::Id(id) => *id == self.id,
            Test::All(filter) => return self.passes(filter),
            Test::Composite { param, first, last } => return self.composite(*param, first, last),
            Test::Owned { params, is_owner, owners } => {
                *is_owner && owners.has(&self.id) || self.of(params).any(|it| it.is_among(owners))
            }
            Test::Unowned { params, of } => self.of(params).all(|it| it.is_of_other(of)),
            test if !is_alone(test) => return None,
            _ => self.of(test.params()).any(|it| it.passes(test)),
        })
    }

    /// What it has by these parameters.
    fn of(&self, params: &[ParamId]) -> impl Iterator<Item = &Value> {
        self.values.iter().filter(|it| params.contains(&it.0)).map(|(_, value)| value)
    }

    fn composite(&self, param: ParamId, first: &Test, last: &Test) -> Option<bool> {
        let made =
            (MADE..).map(ParamId).zip(&self.firsts).filter(|(_, (of, value))| *of == param && value.passes(first));
        let made: FxHashSet<ParamId> = made.map(|(id, _)| id).collect();
        Some(self.values.iter().any(|(of, value)| made.contains(of) && value.passes(last)))
    }

    fn keep(&mut self, param: ParamId, value: impl FnOnce() -> Value) {
        if self.asked.contains(&param) || param.0 >= MADE {
            self.values.push((param, value()));
        }
    }
}

/// Whether a filter asks for nothing but what the resource itself has: no chains, no hierarchies, no full text.
pub fn is_told_alone(filter: &[Clause]) -> bool {
    let mut is_all = true;
    each_test(filter, &mut |test| {
        is_all &= is_alone(test);
    });
    is_all
}

/// Whether a test asks for nothing but what the resource itself has.
fn is_alone(test: &Test) -> bool {
    let looks_elsewhere =
        matches!(test, Test::Chain { .. } | Test::Has { .. } | Test::Kin { .. } | Test::Leads { .. } | Test::Of(_));
    !looks_elsewhere && !matches!(test, Test::Text(..))
}

/// Whether all hold: not, as soon as one does not; unknown, where one is.
fn all(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    loop {
        match parts.next() {
            None => return known,
            Some(Some(true)) => {}
            Some(Some(false)) => return Some(false),
            Some(None) => known = None,
        }
    }
}

/// Every test of a filter, those within others as well.
fn each_test(filter: &[Clause], take: &mut dyn FnMut(&Test)) {
    for clause in filter {
        let (Clause::Any(tests) | Clause::None(tests)) = clause;
        for test in tests {
            take(test);
            if let Test::All(filter) = test {
                each_test(filter, take);
            }
        }
    }
}

impl Value {
    /// Whether a value passes a test on its parameter.
    fn passes(&self, test: &Test) -> bool {
        match (test, self) {
            (Test::Present(_, shelf), value) => value.is_on(*shelf),
            (Test::Token(_, token), value) => value.is_token(token),
            (Test::String(_, asked), Value::String(text)) => is_text(asked, text),
            (Test::Date(_, ranges), Value::Date(low, high)) => ranges.iter().all(|it| it.passes(*low, *high)),
            (Test::Number(_, range), Value::Number(low, high)) => range.passes(*low, *high),
            (Test::Quantity(_, UnitTest::Any, range), Value::Number(low, high)) => range.passes(*low, *high),
            (Test::Quantity(_, asked, range), Value::Quantity(unit, low, high)) => {
                asked == unit && range.passes(*low, *high)
            }
            (Test::Numbers(_, left, right), Value::Numbers(first, second)) => {
                let is_in = |range: &RangeTest<f64>, it: f64| range.passes(it, it);
                is_in(left, *first) && is_in(right, *second)
            }
            (Test::Local { of, id, .. }, Value::Local { of: own, id: own_id }) => of == own && id == own_id,
            (Test::Url(_, url), Value::Url(own)) | (Test::Uri(_, url), Value::Uri(own)) => url == own,
            (Test::Near(_, disk), Value::Place(spot)) => disk.map == spot.map && disk.holds(spot.x, spot.y),
            _ => false,
        }
    }

    /// Whether it refers to one of these.
    fn is_among(&self, owners: &Owners) -> bool {
        match self {
            Value::Local { of, id } => *of == owners.of && owners.has(id),
            Value::Logical { of, system, value } => {
                of.as_ref().is_none_or(|it| *it == owners.of) && owners.has_identifier(system.as_deref(), value)
            }
            _ => false,
        }
    }

    /// Whether it refers to a resource of another type than this.
    fn is_of_other(&self, than: &str) -> bool {
        matches!(self, Value::Local { of, .. } if of != than)
    }

    fn is_on(&self, shelf: Shelf) -> bool {
        match shelf {
            Shelf::Key => matches!(self, Value::Present),
            Shelf::String => matches!(self, Value::String(_)),
            Shelf::Date => matches!(self, Value::Date(..)),
            Shelf::Number => matches!(self, Value::Number(..)),
            Shelf::Reference => matches!(self, Value::Local { .. } | Value::Url(_) | Value::Logical { .. }),
        }
    }

    fn is_token(&self, token: &TokenTest) -> bool {
        match (token, self) {
            (TokenTest::Code(code), Value::Code(own) | Value::Coding(_, own)) => code == own,
            (TokenTest::Coding(system, code), Value::Coding(own, own_code)) => {
                own.as_deref().unwrap_or_default() == system && code == own_code
            }
            (TokenTest::NoSystem(code), Value::Coding(None, own)) => code == own,
            (TokenTest::System(system), Value::Coding(Some(own), _) | Value::System(own)) => system == own,
            _ => false,
        }
    }
}

fn is_text(asked: &StringTest, text: &str) -> bool {
    match asked {
        StringTest::Prefix(it) => fold(text).starts_with(&fold(it)),
        StringTest::Exact(it) => text == it,
        StringTest::Contains(it) => fold(text).contains(&fold(it)),
        StringTest::Folded(it) => fold(text) == fold(it),
        StringTest::Suffix(it) => fold(text).ends_with(&fold(it)),
    }
}

impl IndexSink for Alone {
    fn present(&mut self, param: ParamId) {
        self.keep(param, || Value::Present);
    }

    fn token(&mut self, param: ParamId, system: Option<&str>, code: &str) {
        self.keep(param, || Value::Coding(system.map(str::to_owned), code.to_owned()));
    }

    fn system(&mut self, param: ParamId, system: &str) {
        self.keep(param, || Value::System(system.to_owned()));
    }

    fn string(&mut self, param: ParamId, text: &str) {
        self.keep(param, || Value::String(text.to_owned()));
    }

    fn date(&mut self, param: ParamId, low: i64, high: i64) {
        self.keep(param, || Value::Date(low, high));
    }

    fn number(&mut self, param: ParamId, low: f64, high: f64) {
        self.keep(param, || Value::Number(low, high));
    }

    fn numbers(&mut self, param: ParamId, first: f64, second: f64) {
        self.keep(param, || Value::Numbers(first, second));
    }

    fn quantity(&mut self, param: ParamId, unit: Unit<'_>, low: f64, high: f64) {
        self.number(param, low, high);
        if let (Some(system), Some(code)) = (unit.system, unit.code) {
            let scale = unit.scale();
            let to_base = |it: f64| scale.as_ref().map_or(it, |scale| scale.to_base(it));
            let code = scale.as_ref().map_or_else(|| code.to_owned(), Scale::base);
            self.keep(param, || Value::Quantity(UnitTest::Coded(system.to_owned(), code), to_base(low), to_base(high)));
        }
        for name in [unit.code, unit.unit].into_iter().flatten() {
            self.keep(param, || Value::Quantity(UnitTest::Named(name.to_owned()), low, high));
        }
    }

    fn reference(&mut self, param: ParamId, target: &Target<'_>) {
        self.keep(param, || pointed(target));
    }

    fn logical(&mut self, param: ParamId, of: Option<&str>, system: Option<&str>, value: &str) {
        let owned = |it: Option<&str>| it.map(str::to_owned);
        self.keep(param, || Value::Logical { of: owned(of), system: owned(system), value: value.to_owned() });
    }

    fn uri(&mut self, param: ParamId, uri: &str) {
        self.keep(param, || Value::Uri(uri.to_owned()));
    }

    fn place(&mut self, param: ParamId, spot: &Spot) {
        self.keep(param, || Value::Place(*spot));
    }

    fn composite(&mut self, param: ParamId, first: First<'_>) -> ParamId {
        let first = match first {
            First::Code(code) => Value::Code(code.to_owned()),
            First::Coding(system, code) => Value::Coding(system.map(str::to_owned), code.to_owned()),
            First::Reference(target) => pointed(target),
            First::Uri(uri) => Value::Uri(uri.to_owned()),
        };
        if !self.asked.contains(&param) {
            return param;
        }
        let entry = (param, first);
        let at = self.firsts.iter().position(|it| *it == entry).unwrap_or_else(|| {
            self.firsts.push(entry);
            self.firsts.len() - 1
        });
        ParamId(MADE + at as u64)
    }
}

fn pointed(target: &Target<'_>) -> Value {
    match target {
        Target::Local { of, id } => Value::Local { of: (*of).to_owned(), id: (*id).to_owned() },
        Target::Url(url) => Value::Url((*url).to_owned()),
    }
}

#[cfg(test)]
mod tests;
