//! Values of attributes that are no concepts: numbers, texts and booleans, and what they are compared with.

use super::lexer::Lexer;
use super::wording::Wording;
use super::{Constraint, Count};
use crate::Result;
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// An attribute whose value is compared with numbers, texts or a boolean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueAttribute {
    /// How many there are.
    pub count: Count,
    /// Which attribute.
    pub name: Box<Constraint>,
    /// How its value stands to these.
    pub comparison: Comparison,
    /// The values; with several, any of them.
    pub values: Vec<Literal>,
}

/// How one value stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    Different,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// A value that is written in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `#12.5`
    Number(Decimal),
    /// `"two words"`, `wild:"*itis"`
    Text(Wording),
    /// `true`
    Flag(bool),
}

/// The signs; a longer one before one that it begins with.
const SIGNS: [(&str, Comparison); 6] = [
    ("!=", Comparison::Different),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Comparison {
    /// Reads a sign, if it is the next one.
    pub(super) fn read(lexer: &mut Lexer<'_>) -> Option<Comparison> {
        SIGNS.iter().find(|it| lexer.eat(it.0)).map(|it| it.1)
    }

    /// Whether a value is so that stands like this to those that it can be compared with.
    pub(super) fn holds(self, to: impl Iterator<Item = Ordering>) -> bool {
        let found: Vec<Ordering> = to.collect();
        let any = |passes: fn(&Ordering) -> bool| found.iter().any(passes);
        match self {
            Comparison::Equal => any(|it| it.is_eq()),
            Comparison::Different => !found.is_empty() && !any(|it| it.is_eq()),
            Comparison::Less => any(|it| it.is_lt()),
            Comparison::AtMost => any(|it| it.is_le()),
            Comparison::Greater => any(|it| it.is_gt()),
            Comparison::AtLeast => any(|it| it.is_ge()),
        }
    }

    /// Whether it says of any two values whether they are the same.
    pub(super) fn is_of_all(self) -> bool {
        matches!(self, Comparison::Equal | Comparison::Different)
    }
}

impl Literal {
    /// Reads values, several of them in parentheses; `None` where concepts come.
    pub(super) fn read(lexer: &mut Lexer<'_>) -> Result<Option<Vec<Literal>>> {
        let rest = lexer.rest();
        let is_set = rest.strip_prefix('(').is_some_and(|it| {
            let first = it.trim_start().get(..5).unwrap_or_default().to_ascii_lowercase();
            first.starts_with(['#', '"']) || first == "match" || first.starts_with("wild")
        });
        if !is_set {
            return Ok(Literal::one(lexer)?.map(|it| vec![it]));
        }
        lexer.expect("(")?;
        let mut all = Vec::new();
        while !lexer.eat(")") {
            all.push(Literal::one(lexer)?.ok_or_else(|| lexer.wrong("a number or a text"))?);
        }
        Ok(Some(all))
    }

    fn one(lexer: &mut Lexer<'_>) -> Result<Option<Literal>> {
        if lexer.eat("#") {
            let number = lexer.number().parse().map_err(|_| lexer.wrong("a number"))?;
            return Ok(Some(Literal::Number(number)));
        }
        if let Some(wording) = Wording::read(lexer)? {
            return Ok(Some(Literal::Text(wording)));
        }
        let flag = [true, false].into_iter().find(|it| lexer.eat_word(if *it { "true" } else { "false" }));
        Ok(flag.map(Literal::Flag))
    }

    /// How the value of an attribute, as publishers' files write it, stands to this one: as large, or the same; `None` where
    /// they cannot be compared.
    fn compared(&self, value: &str) -> Option<Ordering> {
        match self {
            Literal::Number(_) => self.order(value.strip_prefix('#')?),
            Literal::Flag(_) => self.order(value),
            Literal::Text(_) => self.order(value.strip_prefix('"')?.trim_end_matches('"')),
        }
    }

    /// The same of a value without the signs that tell numbers from texts.
    pub(super) fn order(&self, value: &str) -> Option<Ordering> {
        let is = |is_same: bool| if is_same { Ordering::Equal } else { Ordering::Greater };
        match self {
            Literal::Number(number) => Some(value.parse::<Decimal>().ok()?.cmp(number)),
            Literal::Flag(flag) => match value {
                "true" | "1" => Some(is(*flag)),
                "false" | "0" => Some(is(!flag)),
                _ => None,
            },
            Literal::Text(wording) => Some(is(wording.is_in(value))),
        }
    }
}

impl ValueAttribute {
    /// Whether a value, as publishers' files write it, is what is asked for. What is of another kind is not.
    pub fn has(&self, value: &str) -> bool {
        self.comparison.holds(self.values.iter().filter_map(|it| it.compared(value)))
    }
}
