//! `_filter` (search_filter.html): a query as one expression.

mod parse;

use super::text::is_full_text;
use super::value::{PREFIXES, Reader};
use super::{Left, Query, QueryError, Result, invalid, shown};
use crate::search::{Clause, RangeTest, StringTest, Test, single};
use crate::spec::{ParamType, SearchParam};
use parse::{Comparison, Expr, Link, parse};

impl<'a> Query<'a> {
    /// What an expression asks for. Nothing of it is ever left out: a filter without one of its parts may find more.
    pub(super) fn filter(&self, text: &str, left: &Left<'_>) -> Result<Clause> {
        self.expression(&parse(text)?, left).map_err(|it| match it {
            QueryError::Unknown(told) => QueryError::Invalid(told),
            other => other,
        })
    }

    fn expression(&self, expr: &Expr, left: &Left<'_>) -> Result<Clause> {
        let read = |parts: &[Expr]| parts.iter().map(|it| self.expression(it, left)).collect::<Result<Vec<_>>>();
        Ok(match expr {
            Expr::And(parts) => Clause::Any(vec![Test::All(read(parts)?)]),
            Expr::Or(parts) => Clause::Any(read(parts)?.into_iter().flat_map(alternatives).collect()),
            Expr::Not(inner) => Clause::None(alternatives(self.expression(inner, left)?)),
            Expr::Is(comparison) => self.comparison(&comparison.path, comparison, left)?,
        })
    }

    fn comparison(&self, path: &[Link], comparison: &Comparison, left: &Left<'_>) -> Result<Clause> {
        let Some((link, rest)) = path.split_first() else {
            return self.compared(self.param(&comparison.code)?, &comparison.operator, &comparison.value);
        };
        self.chain(&link.code, left, &|inner, left| {
            let compared = inner.comparison(rest, comparison, left)?;
            let Some(condition) = &link.condition else { return Ok(compared) };
            Ok(Clause::Any(vec![Test::All(vec![inner.expression(condition, left)?, compared])]))
        })
    }

    /// One parameter by one operator.
    fn compared(&self, param: &'a SearchParam, operator: &str, value: &str) -> Result<Clause> {
        if is_full_text(param) {
            return self.text_compared(param, operator, value);
        }
        let (code, text) = (&*param.code, escaped(value));
        let reader = Reader { query: self, param, id: self.id(code), code };
        let string = |test: StringTest| Ok(Clause::Any(vec![Test::String(reader.id, test)]));
        let one_of = |modifier: Option<&str>| reader.test(modifier, &text).map(Clause::Any);
        match (param.kind, operator) {
            (_, "pr") => match value {
                "true" => self.missing(param, "false"),
                "false" => self.missing(param, "true"),
                _ => invalid(format!("_filter: {code} pr takes true or false.")),
            },
            (ParamType::String, "eq") => string(StringTest::Folded(value.to_owned())),
            (ParamType::String, "sw") => string(StringTest::Prefix(value.to_owned())),
            (ParamType::String, "ew") => string(StringTest::Suffix(value.to_owned())),
            (ParamType::String, "co") => string(StringTest::Contains(value.to_owned())),
            (ParamType::Date | ParamType::Number | ParamType::Quantity, order) if PREFIXES.contains(&order) => {
                reader.test(None, &format!("{order}{text}")).map(Clause::Any)
            }
            (ParamType::Date, "po") => reader.test(None, &format!("eq{text}")).map(overlapping),
            (ParamType::Token | ParamType::Uri, "eq") | (ParamType::Reference, "eq" | "re") => one_of(None),
            (ParamType::Token, "in") => one_of(Some("in")),
            (ParamType::Token, "ss") => one_of(Some("above")),
            (ParamType::Token, "sb") => one_of(Some("below")),
            (ParamType::String | ParamType::Token | ParamType::Uri | ParamType::Reference, "ne") => {
                self.other(param, "eq", value)
            }
            (ParamType::Token, "ni") => self.other(param, "in", value),
            (ParamType::Composite, "eq") => self.composite(param, None, &[&text]),
            (ParamType::Special, "eq") => one_of(None),
            _ => invalid(format!("_filter: the operator {} is unknown, or does not go with {code}.", shown(operator))),
        }
    }

    /// "An item in the set" that is not so: where there is but one, it is the one that is so not.
    fn other(&self, param: &'a SearchParam, operator: &str, value: &str) -> Result<Clause> {
        if !single::has_one_value(self.spec, self.of, self.id(&param.code)) {
            let code = &param.code;
            return invalid(format!(
                "_filter: {code} may have several values, and that one of them differs is not indexed; not ({code} {operator} …) asks for none that is so."
            ));
        }
        let same = alternatives(self.compared(param, operator, value)?);
        Ok(Clause::Any(vec![Test::All(vec![self.missing(param, "false")?, Clause::None(same)])]))
    }
}

/// A clause as tests of which one must hold.
fn alternatives(clause: Clause) -> Vec<Test> {
    match clause {
        Clause::Any(tests) => tests,
        none => vec![Test::All(vec![none])],
    }
}

fn overlapping(tests: Vec<Test>) -> Clause {
    let overlap = |test| match test {
        RangeTest::Within(low, high) => RangeTest::Overlaps(low, high),
        other => other,
    };
    let tests = tests.into_iter().map(|test| match test {
        Test::Date(param, ranges) => Test::Date(param, ranges.into_iter().map(overlap).collect()),
        other => other,
    });
    Clause::Any(tests.collect())
}

/// A value that stands for itself, where a query would have escapes (search.html#escaping); `|` parts it as there.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | ',') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
