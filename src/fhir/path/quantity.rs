//! Quantities: a decimal with a UCUM unit or a calendar duration (FHIRPath N1, section "Quantity").

use super::context::Services;
use super::number::{decimal, decimal_text};
use crate::json::Value;
use crate::units::UCUM;
use rust_decimal::Decimal;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

/// A unit of time written as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Calendar {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

/// Each word with its UCUM code and, where it is always equally long, its milliseconds.
const CALENDAR: [(Calendar, &str, &str, Option<i64>); 8] = [
    (Calendar::Year, "year", "a", None),
    (Calendar::Month, "month", "mo", None),
    (Calendar::Week, "week", "wk", Some(604_800_000)),
    (Calendar::Day, "day", "d", Some(86_400_000)),
    (Calendar::Hour, "hour", "h", Some(3_600_000)),
    (Calendar::Minute, "minute", "min", Some(60_000)),
    (Calendar::Second, "second", "s", Some(1000)),
    (Calendar::Millisecond, "millisecond", "ms", Some(1)),
];

impl Calendar {
    /// `year`, `years` and so on.
    pub(super) fn named(word: &str) -> Option<Calendar> {
        let singular = word.strip_suffix('s').unwrap_or(word);
        CALENDAR.iter().find(|it| it.1 == singular).map(|it| it.0)
    }

    fn row(self) -> &'static (Calendar, &'static str, &'static str, Option<i64>) {
        &CALENDAR[self as usize]
    }
}

/// What a quantity is measured in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A calendar duration, written as a word.
    Calendar(Calendar),
    /// A UCUM code; `1` where there is no unit.
    Ucum(Cow<'a, str>),
    /// A code of another system, which converts to no other unit.
    Other {
        /// Quantity.system
        system: &'a str,
        /// Quantity.code
        code: &'a str,
    },
}

impl<'a> Unit<'a> {
    pub(super) fn borrow(&'a self) -> Unit<'a> {
        match self {
            Unit::Ucum(code) => Unit::Ucum(Cow::Borrowed(code)),
            Unit::Calendar(it) => Unit::Calendar(*it),
            Unit::Other { system, code } => Unit::Other { system, code },
        }
    }

    /// How many milliseconds it always is.
    pub(super) fn millis(&self) -> Option<i64> {
        match self {
            Unit::Calendar(it) => it.row().3,
            Unit::Ucum(code) => CALENDAR.iter().find(|it| it.2 == code).and_then(|it| it.3),
            Unit::Other { .. } => None,
        }
    }

    /// How many calendar months it always is.
    pub(super) fn months(&self) -> Option<i64> {
        match self {
            Unit::Calendar(Calendar::Year) => Some(12),
            Unit::Calendar(Calendar::Month) => Some(1),
            _ => None,
        }
    }

    /// Its code, in UCUM if it is a unit of UCUM; of a calendar duration, the one it is equivalent to.
    pub fn code(&self) -> &str {
        match self {
            Unit::Calendar(it) => it.row().2,
            Unit::Ucum(code) => code,
            Unit::Other { code, .. } => code,
        }
    }
}

/// A decimal with its unit.
#[derive(Clone, PartialEq, Eq)]
pub struct Quantity<'a> {
    /// How much.
    pub value: Decimal,
    /// Of what.
    pub unit: Unit<'a>,
}

impl<'a> Quantity<'a> {
    /// So much of this unit of UCUM.
    pub(super) fn ucum(value: Decimal, code: impl Into<Cow<'a, str>>) -> Quantity<'a> {
        Quantity { value, unit: Unit::Ucum(code.into()) }
    }

    /// A Quantity element as a System.Quantity (fhirpath.html#quantity): `None` with a comparator, without a value,
    /// and with a system but no code.
    pub(super) fn of_node(node: Value<'a>) -> Option<Quantity<'a>> {
        let value = decimal(node.get("value")?.as_number()?)?;
        if node.get("comparator").is_some() {
            return None;
        }
        let code = match node.str("system") {
            Some(UCUM) => node.str("code")?,
            Some(system) => return Some(Quantity { value, unit: Unit::Other { system, code: node.str("code")? } }),
            None => node.str("code").or(node.str("unit")).unwrap_or("1"),
        };
        Some(Quantity::ucum(value, code))
    }

    /// What `toQuantity` takes: `1`, `1.5 'mg'`, `4 days`.
    pub(super) fn parse(text: &str) -> Option<Quantity<'static>> {
        let text = text.trim();
        let end = text.find(|it: char| it.is_whitespace() || it == '\'').unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end)?;
        let (value, unit) = (decimal_text(number)?, unit.trim());
        if unit.is_empty() {
            return Some(Quantity::ucum(value, "1"));
        }
        let quoted = unit.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
        match quoted {
            Some(code) if !code.is_empty() => Some(Quantity::ucum(value, code.to_string())),
            Some(_) => None,
            None => Calendar::named(unit).map(|it| Quantity { value, unit: Unit::Calendar(it) }),
        }
    }

    pub(super) fn borrow(&'a self) -> Quantity<'a> {
        Quantity { value: self.value, unit: self.unit.borrow() }
    }

    /// The other's value in this unit; `None` where it cannot be converted.
    pub(super) fn in_this_unit(&self, other: &Quantity<'_>, services: &dyn Services) -> Option<Decimal> {
        if self.unit == other.unit {
            return Some(other.value);
        }
        let by = |own: Option<i64>, others: Option<i64>| {
            super::number::divide(other.value.checked_mul(others?.into())?, own?.into())
        };
        by(self.unit.millis(), other.unit.millis()).or_else(|| by(self.unit.months(), other.unit.months())).or_else(
            || match (&self.unit, &other.unit) {
                (Unit::Ucum(to), Unit::Ucum(from)) => services.convert(other.value, from, to),
                _ => None,
            },
        )
    }

    pub(super) fn compare(&self, other: &Quantity<'_>, services: &dyn Services) -> Option<Ordering> {
        self.in_this_unit(other, services).map(|it| self.value.cmp(&it))
    }

    /// Whether both are the same as far as they are precise; here a year is `'a'` and a month is `'mo'`.
    pub(super) fn equivalent(&self, other: &Quantity<'_>, services: &dyn Services) -> bool {
        let is_ucum = |unit: &Unit<'_>| !matches!(unit, Unit::Other { .. });
        let same_code = is_ucum(&self.unit) && is_ucum(&other.unit) && self.unit.code() == other.unit.code();
        let same_code = same_code.then_some(other.value);
        same_code
            .or_else(|| self.in_this_unit(other, services))
            .is_some_and(|it| super::number::equivalent(self.value, it))
    }
}

impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Unit::Ucum(code) => write!(f, "{} '{code}'", self.value),
            Unit::Other { code, .. } => write!(f, "{} '{code}'", self.value),
            Unit::Calendar(it) => {
                let plural = if self.value.abs() == Decimal::ONE { "" } else { "s" };
                write!(f, "{} {}{plural}", self.value, it.row().1)
            }
        }
    }
}
