//! A search parameter's text, read into [`Clause`]s (search.html#3.1.1.4 and on).

mod composite;
mod filter;
mod modifier;
mod near;
mod special;
mod text;

use super::composite::kept_as;
use super::number::Precise;
use super::{
    Clause, ParamId, RangeTest, Shelf, StringTest, Target, Test, TokenTest, Unit, UnitTest, is_served, single,
};
use crate::primitive::datetime;
use crate::spec::{ParamType, SearchParam, Spec, TypeId};
use std::cell::Cell;
pub use text::is_full_text;

/// Links of a chain, at the most.
const CHAIN: usize = 8;
/// Values of one parameter at the most.
const VALUES: usize = 2000;
/// Ways that a chain may take at the most: with each link whose type is left open there are as many as types.
const WAYS: usize = 2000;

/// Why a parameter could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// No such parameter: lenient handling goes on without it (search.html#errors).
    Unknown(String),
    /// The modifier or the value is wrong: always refused.
    Invalid(String),
}

impl QueryError {
    /// The sentence for the caller.
    pub fn told(&self) -> &str {
        match self {
            QueryError::Unknown(told) | QueryError::Invalid(told) => told,
        }
    }
}

type Result<T> = std::result::Result<T, QueryError>;

fn invalid<T>(told: impl Into<String>) -> Result<T> {
    Err(QueryError::Invalid(told.into()))
}

/// Reads the parameters of a search on one resource type.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The tables.
    pub spec: &'a Spec,
    /// The resource type searched.
    pub of: TypeId,
    /// This server's base URL, without a slash at its end.
    pub base: &'a str,
    /// The time, in microseconds since the epoch: `ap` on a date depends on it.
    pub now: i64,
}

impl<'a> Query<'a> {
    /// Reads one `name=value`, percent-decoded: the name with modifier and chain, the value with its commas.
    pub fn clause(&self, name: &str, value: &str) -> Result<Clause> {
        self.clause_within(name, value, &Left { links: CHAIN, ways: &Cell::new(WAYS) })
    }

    fn clause_within(&self, name: &str, value: &str, left: &Left<'_>) -> Result<Clause> {
        if let Some(clause) = self.special(name, value, left) {
            return clause;
        }
        if let Some(rest) = name.strip_prefix("_has:") {
            return self.has(rest, value, left);
        }
        if let Some((head, rest)) = name.split_once('.') {
            return self.chain(head, left, &|inner, left| inner.clause_within(rest, value, left));
        }
        let (code, modifier) = match name.split_once(':') {
            Some((code, modifier)) => (code, Some(modifier)),
            None => (name, None),
        };
        let param = self.param(code)?;
        if value.is_empty() {
            return invalid(format!("The search parameter {code} has no value."));
        }
        if let Some(clause) = self.full_text(param, modifier, value) {
            return clause;
        }
        if modifier == Some("missing") {
            return self.missing(param, value);
        }
        let values = split(value, ',');
        if values.len() > VALUES {
            return invalid(format!("{code} takes {VALUES} values at the most; ask for them in several searches."));
        }
        if param.kind == ParamType::Composite {
            return self.composite(param, modifier, &values);
        }
        let reader = Reader { query: self, param, id: self.id(code), code };
        let tests = values.iter().map(|it| reader.test(modifier, it)).collect::<Result<Vec<_>>>()?;
        let tests = tests.into_iter().flatten().collect();
        Ok(if matches!(modifier, Some("not" | "not-in")) { Clause::None(tests) } else { Clause::Any(tests) })
    }

    /// Membership of a compartment (compartmentdefinition.html): the resource is in it by one of its parameters, or is
    /// the compartment itself. `None` if this type is in no such compartment.
    pub fn in_compartment(&self, compartment: TypeId, id: &str) -> Option<Clause> {
        let (_, codes) = self.spec.compartment(compartment)?.members.iter().find(|(of, _)| *of == self.of)?;
        let owner = self.spec.of(compartment).name.to_string();
        let tests = codes.iter().map(|code| match &**code {
            "{def}" => Test::Id(id.to_owned()),
            code => Test::Local { param: self.id(code), of: owner.clone(), id: id.to_owned() },
        });
        Some(Clause::Any(tests.collect()))
    }

    fn type_name(&self) -> &'a str {
        &self.spec.of(self.of).name
    }

    fn id(&self, code: &str) -> ParamId {
        ParamId::of(self.type_name(), code)
    }

    fn param(&self, code: &str) -> Result<&'a SearchParam> {
        let found = self.spec.param(self.of, code);
        found.filter(|it| is_served(it)).ok_or_else(|| {
            let why = if found.is_some() { "not supported by this server" } else { "unknown" };
            QueryError::Unknown(format!("The search parameter {} is {why} for {}.", shown(code), self.type_name()))
        })
    }

    /// `:missing=true|false` (search.html#modifiers).
    fn missing(&self, param: &'a SearchParam, value: &str) -> Result<Clause> {
        let (Some(shelf), false) = (Shelf::of(param.kind), &*param.code == "_id") else {
            return invalid(format!("The search parameter {} takes no :missing.", param.code));
        };
        let kept = kept_as(self.spec, self.of, param);
        let present = kept.iter().map(|it| Test::Present(self.id(&it.code), shelf)).collect();
        match value {
            "true" => Ok(Clause::None(present)),
            "false" => Ok(Clause::Any(present)),
            _ => invalid(format!("{}:missing is either true or false.", param.code)),
        }
    }

    /// `subject:Patient.name=…` (search.html#chaining): `head` is what stands before the point, `read` reads the rest
    /// on the types that it leads to.
    fn chain(
        &self,
        head: &str,
        left: &Left<'_>,
        read: &dyn Fn(&Query<'a>, &Left<'_>) -> Result<Clause>,
    ) -> Result<Clause> {
        let (code, wanted) = match head.split_once(':') {
            Some((code, of)) => (code, Some(of)),
            None => (head, None),
        };
        let param = self.param(code)?;
        if param.kind != ParamType::Reference {
            return invalid(format!("{code} is not a reference, so nothing can be chained to it."));
        }
        let mut tests = Vec::new();
        let mut unknown = None;
        for target in self.targets(param, wanted)? {
            let inner = Query { of: target, ..*self };
            left.way()?;
            match read(&inner, &left.link()?) {
                Ok(clause) => tests.push(Test::Chain {
                    param: self.id(code),
                    of: inner.type_name().to_owned(),
                    filter: vec![clause],
                }),
                Err(QueryError::Unknown(told)) => unknown = Some(told),
                Err(error) => return Err(error),
            }
        }
        match (tests.is_empty(), unknown) {
            (true, Some(told)) => Err(QueryError::Unknown(told)),
            _ => Ok(Clause::Any(tests)),
        }
    }

    /// `_has:Observation:patient:code=…` (search.html#has).
    fn has(&self, rest: &str, value: &str, left: &Left<'_>) -> Result<Clause> {
        let mut parts = rest.splitn(3, ':');
        let (Some(from), Some(code), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return invalid("A reverse chain is written _has:[type]:[reference parameter]:[parameter].");
        };
        let Some(of) = self.spec.resource(from) else {
            return invalid(format!("{} in _has is not a resource type.", shown(from)));
        };
        let inner = Query { of, ..*self };
        let param = inner.param(code)?;
        let points_here = param.targets.is_empty() || param.targets.contains(&self.of);
        if param.kind != ParamType::Reference || !points_here {
            return invalid(format!("{from}.{code} is not a reference to {}.", self.type_name()));
        }
        let filter = vec![inner.clause_within(rest, value, &left.link()?)?];
        Ok(Clause::Any(vec![Test::Has { of: from.to_owned(), param: inner.id(code), filter }]))
    }

    /// The types a reference may point to: the one asked for, or all that the parameter allows.
    fn targets(&self, param: &SearchParam, wanted: Option<&str>) -> Result<Vec<TypeId>> {
        let Some(wanted) = wanted else {
            return Ok(if param.targets.is_empty() { self.spec.resources().collect() } else { param.targets.clone() });
        };
        match self.spec.resource(wanted) {
            Some(of) if param.targets.is_empty() || param.targets.contains(&of) => Ok(vec![of]),
            Some(_) => invalid(format!("{} never points to {wanted}.", param.code)),
            None => invalid(format!("{}:{} names no resource type.", param.code, shown(wanted))),
        }
    }
}

/// How far a chain may still go.
struct Left<'a> {
    links: usize,
    ways: &'a Cell<usize>,
}

impl<'a> Left<'a> {
    /// One link further.
    fn link(&self) -> Result<Left<'a>> {
        match self.links {
            0 | 1 => invalid(format!("A chain may have at most {CHAIN} links.")),
            links => Ok(Left { links: links - 1, ways: self.ways }),
        }
    }

    /// One way more.
    fn way(&self) -> Result<()> {
        let Some(ways) = self.ways.get().checked_sub(1) else {
            return invalid("The chain may lead through too many types; name the types, as in subject:Patient.name.");
        };
        self.ways.set(ways);
        Ok(())
    }
}

/// Reads the values of one parameter.
struct Reader<'q, 'a> {
    query: &'q Query<'a>,
    param: &'a SearchParam,
    id: ParamId,
    code: &'q str,
}

impl Reader<'_, '_> {
    /// One of the comma-separated values: usually one test; several where a reference leaves its type open.
    fn test(&self, modifier: Option<&str>, value: &str) -> Result<Vec<Test>> {
        let kind = self.param.kind;
        if let Some(modifier) = modifier
            && let Some(tests) = self.modified(modifier, value)?
        {
            return Ok(tests);
        }
        if kind == ParamType::Reference {
            return self.reference(modifier, value);
        }
        match (kind, modifier) {
            (_, None) | (ParamType::String, Some("exact" | "contains")) | (ParamType::Token, Some("not")) => {}
            (_, Some(modifier)) => {
                return invalid(format!(
                    "The modifier :{} is unknown or not supported for {}.",
                    shown(modifier),
                    self.code
                ));
            }
        }
        let test = match kind {
            ParamType::Special => return self.near(value),
            ParamType::String => self.string(modifier, value),
            ParamType::Token if self.code == "_id" => Test::Id(unescape(value)),
            ParamType::Token => self.token(value)?,
            ParamType::Date => self.date(value)?,
            ParamType::Number => Test::Number(self.id, self.number(value, |it| it)?),
            ParamType::Quantity => self.quantity(value)?,
            _ => Test::Uri(self.id, unescape(value)),
        };
        Ok(vec![test])
    }

    /// search.html#string
    fn string(&self, modifier: Option<&str>, value: &str) -> Test {
        let text = unescape(value);
        let test = match modifier {
            Some("exact") => StringTest::Exact(text),
            Some("contains") => StringTest::Contains(text),
            _ => StringTest::Prefix(text),
        };
        Test::String(self.id, test)
    }

    /// search.html#token
    fn token(&self, value: &str) -> Result<Test> {
        let parts = split(value, '|');
        let test = match parts.as_slice() {
            [code] => TokenTest::Code(unescape(code)),
            ["", ""] => return invalid(format!("{} needs a system or a code.", self.code)),
            ["", code] => TokenTest::NoSystem(unescape(code)),
            [system, ""] => TokenTest::System(unescape(system)),
            [system, code] => TokenTest::Coding(unescape(system), unescape(code)),
            _ => return invalid(format!("{} takes [system]|[code].", self.code)),
        };
        Ok(Test::Token(self.id, test))
    }

    /// search.html#date
    fn date(&self, value: &str) -> Result<Test> {
        let (prefix, text) = prefix(value);
        // A '+' of a time zone that was not percent-encoded arrives as a space.
        let Some(range) = datetime::range(&text.replace(' ', "+")) else {
            return invalid(format!(
                "{} takes a date such as 2026, 2026-11, 2026-11-20 or 2026-11-20T08:30:00Z, after eq, ne, gt, lt, ge, le, sa, eb or ap.",
                self.code
            ));
        };
        let (low, high) = (range.low, range.high);
        let test = match prefix {
            "eq" => RangeTest::Within(low, high),
            "ne" => RangeTest::NotWithin(low, high),
            "gt" => RangeTest::Above(high),
            "lt" => RangeTest::Below(low),
            "ge" => RangeTest::AtOrAbove(low, high),
            "le" => RangeTest::AtOrBelow(low, high),
            "sa" => RangeTest::StartsAfter(high),
            "eb" => RangeTest::EndsBefore(low),
            // 10 % of the gap between now and the date (search.html#prefix).
            _ => {
                let gap = self.query.now.saturating_sub(low).saturating_abs() / 10;
                RangeTest::Overlaps(low.saturating_sub(gap), high.saturating_add(gap))
            }
        };
        Ok(Test::Date(self.id, vec![test]))
    }

    /// search.html#number; the range is told in the unit that `scaled` gives values in.
    fn number(&self, value: &str, scaled: impl Fn(f64) -> f64) -> Result<RangeTest<f64>> {
        let (prefix, text) = prefix(value);
        let Some(number) = Precise::parse(text) else {
            return invalid(format!(
                "{} takes a number such as 5.4 or -1e3, after eq, ne, gt, lt, ge, le, sa, eb or ap.",
                self.code
            ));
        };
        let gap = number.value.abs() / 10.0;
        let (value, low, high) = (scaled(number.value), scaled(number.low), scaled(number.high).next_down());
        let high = high.max(value);
        Ok(match prefix {
            "eq" => RangeTest::Within(low, high),
            "ne" => RangeTest::NotWithin(low, high),
            "gt" => RangeTest::Above(value),
            "lt" => RangeTest::Below(value),
            "ge" => RangeTest::AtOrAbove(value, value),
            "le" => RangeTest::AtOrBelow(value, value),
            "sa" => RangeTest::StartsAfter(value),
            "eb" => RangeTest::EndsBefore(value),
            _ => RangeTest::Overlaps(scaled(number.value - gap), scaled(number.value + gap)),
        })
    }

    /// search.html#quantity: with UCUM as system, in units of any size.
    fn quantity(&self, value: &str) -> Result<Test> {
        let parts = split(value, '|');
        let unit = match parts.as_slice() {
            [_] | [_, "", ""] => UnitTest::Any,
            [_, "", code] => UnitTest::Named(unescape(code)),
            [number, system, code] if !code.is_empty() => {
                let (system, code) = (unescape(system), unescape(code));
                let unit = Unit { system: Some(&system), code: Some(&code), unit: None };
                if let Some(scale) = unit.scale() {
                    let range = self.number(number, |it| scale.to_base(it))?;
                    return Ok(Test::Quantity(self.id, UnitTest::Coded(system, scale.base()), range));
                }
                UnitTest::Coded(system, code)
            }
            _ => {
                return invalid(format!("{} takes [number], [number]|[system]|[code] or [number]||[code].", self.code));
            }
        };
        Ok(Test::Quantity(self.id, unit, self.number(parts[0], |it| it)?))
    }

    /// search.html#reference
    fn reference(&self, modifier: Option<&str>, value: &str) -> Result<Vec<Test>> {
        let text = unescape(value);
        let local = |of: &str, id: &str| Test::Local { param: self.id, of: of.to_owned(), id: id.to_owned() };
        match (Target::parse(&text, self.query.base), modifier) {
            (Target::Local { of, id }, None) => match self.query.spec.resource(of) {
                Some(_) => Ok(vec![local(of, id)]),
                None => invalid(format!("{} in {} is not a resource type.", shown(of), self.code)),
            },
            (Target::Local { of, id }, Some(wanted)) if of == wanted => Ok(vec![local(of, id)]),
            (Target::Url(url), None) if url.contains(':') => Ok(vec![Test::Url(self.id, url.to_owned())]),
            (Target::Url(id), modifier) if is_id(id) => {
                let types = self.query.targets(self.param, modifier)?;
                Ok(types.into_iter().map(|it| local(&self.query.spec.of(it).name, id)).collect())
            }
            _ => invalid(format!("{} takes an id, [type]/[id] or an absolute URL.", self.code)),
        }
    }
}

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

const PREFIXES: [&str; 9] = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

/// The prefix of a number, date or quantity, `eq` where there is none (search.html#prefix).
fn prefix(value: &str) -> (&str, &str) {
    match PREFIXES.iter().find(|it| value.starts_with(**it)) {
        Some(prefix) => (prefix, &value[2..]),
        None => ("eq", value),
    }
}

/// Splits at a separator that no backslash escapes (search.html#escaping); the parts keep their escapes.
pub fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Takes the backslashes from `\$`, `\,`, `\|` and `\\` (search.html#escaping).
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('$' | ',' | '|' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'.')
}

/// A name from the outside, fit to be said back.
fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}
