//! The values of a parameter by its type (search.html#number and on).

use super::super::modifier::aside;
use super::super::number::Precise;
use super::{Query, Result, invalid, is_id, shown, split, unescape};
use crate::primitive::datetime;
use crate::search::{Clause, ParamId, RangeTest, StringTest, Target, Test, TokenTest, Unit, UnitTest};
use crate::spec::{ParamType, SearchParam};

/// Reads the values of one parameter.
pub(super) struct Reader<'q, 'a> {
    pub(super) query: &'q Query<'a>,
    pub(super) param: &'a SearchParam,
    pub(super) id: ParamId,
    pub(super) code: &'q str,
}

impl Reader<'_, '_> {
    /// One of the comma-separated values: usually one test; several where a reference leaves its type open.
    pub(super) fn test(&self, modifier: Option<&str>, value: &str) -> Result<Vec<Test>> {
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
            _ => self.uri(value),
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
    pub(super) fn token(&self, value: &str) -> Result<Test> {
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

    /// search.html#uri: the canonical URL of a resource may come with its version.
    fn uri(&self, value: &str) -> Test {
        let uri = |it: &str| Test::Uri(self.id, unescape(it));
        match (split(value, '|').as_slice(), self.query.spec.param(self.query.of, "version")) {
            ([url, version], Some(_)) if self.code == "url" => {
                let version = Test::Token(self.query.id("version"), TokenTest::Code(unescape(version)));
                Test::All(vec![Clause::Any(vec![uri(url)]), Clause::Any(vec![version])])
            }
            _ => uri(value),
        }
    }

    /// search.html#reference. One that names a version (http.html#vread) is another than one that does not: what is asked for by a
    /// version refers to just that. Without one, all that refer to the resource or a version of it are found.
    fn reference(&self, modifier: Option<&str>, value: &str) -> Result<Vec<Test>> {
        let text = unescape(value);
        let local = |of: &str, id: &str| Test::Local { param: self.id, of: of.to_owned(), id: id.to_owned() };
        match (Target::parse(&text, self.query.base), modifier) {
            (Target::Local { of, .. }, None) if self.query.spec.resource(of).is_none() => {
                invalid(format!("{} in {} is not a resource type.", shown(of), self.code))
            }
            (Target::Local { of, id }, wanted) if wanted.is_none_or(|it| it == of) => {
                let all = local(of, id);
                Ok(vec![match Target::versioned(&text, self.query.base) {
                    Some(versioned) => self.of_version(all, versioned)?,
                    None => all,
                }])
            }
            (Target::Url(url), None) if url.contains(':') => Ok(vec![Test::Url(self.id, url.to_owned())]),
            (Target::Url(id), modifier) if is_id(id) => {
                let types = self.query.targets(self.param, modifier)?;
                Ok(types.into_iter().map(|it| local(&self.query.spec.of(it).name, id)).collect())
            }
            _ => invalid(format!("{} takes an id, [type]/[id] or an absolute URL.", self.code)),
        }
    }

    /// Of what refers to a resource, what names this version of it.
    fn of_version(&self, all: Test, versioned: &str) -> Result<Test> {
        match aside(self.query.type_name(), self.param) {
            Some(aside) => {
                let exact = Test::Uri(aside, versioned.to_owned());
                Ok(Test::All(vec![Clause::Any(vec![all]), Clause::Any(vec![exact])]))
            }
            None => invalid(format!("{} knows no versions.", self.code)),
        }
    }
}

/// search.html#prefix
pub(super) const PREFIXES: [&str; 9] = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

/// The prefix of a number, date or quantity, `eq` where there is none (search.html#prefix).
fn prefix(value: &str) -> (&str, &str) {
    match PREFIXES.iter().find(|it| value.starts_with(**it)) {
        Some(prefix) => (prefix, &value[2..]),
        None => ("eq", value),
    }
}
