//! The least and the greatest that a value of limited precision may mean (FHIRPath 2.1, sections "lowBoundary",
//! "highBoundary" and "precision").

use super::super::compare::as_decimal;
use super::super::error::{Result, fail};
use super::super::item::{Item, Items};
use super::super::quantity::Quantity;
use super::super::temporal::{Precision, Stamp};
use super::{Called, Function, maybe};
use rust_decimal::Decimal;

pub(super) const TABLE: &[Function] = &[
    Function::new("lowBoundary", 0..=1, |it| boundary(it, false)),
    Function::new("highBoundary", 0..=1, |it| boundary(it, true)),
    Function::new("precision", 0..=0, |it| match it.system()? {
        None => Ok(Items::new()),
        Some(Item::Integer(value)) => maybe(Some(Item::Integer(digits(&value.to_string())))),
        Some(Item::Decimal(value)) => maybe(Some(Item::Integer(value.scale() as i32))),
        Some(Item::Date(at) | Item::DateTime(at)) => {
            maybe(Some(Item::Integer(digits(&without_zone(at).date_time_text()))))
        }
        Some(Item::Time(at)) => maybe(Some(Item::Integer(digits(&at.time_text())))),
        Some(_) => fail("'precision' can be used on numbers, dates and times only"),
    }),
];

fn digits(text: &str) -> i32 {
    text.bytes().filter(u8::is_ascii_digit).count() as i32
}

fn without_zone(at: Stamp) -> Stamp {
    Stamp { offset: None, ..at }
}

/// The zones furthest from UTC: a moment without zone may be as early as in the one, as late as in the other.
const EAST: i16 = 14 * 60;
const WEST: i16 = -12 * 60;

fn boundary<'a>(called: &Called<'a, '_, '_>, high: bool) -> Result<Items<'a>> {
    let precision = called.integer(0)?;
    let answer = match called.system()? {
        None => None,
        Some(Item::Quantity(Quantity { value, unit })) => {
            bound(value, precision.unwrap_or(8), high).map(|value| Item::Quantity(Quantity { value, unit }))
        }
        Some(Item::Date(at)) => spread(at, precision.unwrap_or(8), high).map(Item::Date),
        Some(Item::DateTime(at)) => spread(at, precision.unwrap_or(17), high).map(Item::DateTime),
        Some(Item::Time(at)) => time_bound(at, precision.unwrap_or(9), high).map(Item::Time),
        Some(number) => match as_decimal(&number) {
            Some(value) => bound(value, precision.unwrap_or(8), high).map(Item::Decimal),
            None => return fail(format!("'{}' can be used on numbers, dates and times only", called.name())),
        },
    };
    maybe(answer)
}

/// Half a unit of the last place further, cut to so many places.
fn bound(value: Decimal, places: i32, high: bool) -> Option<Decimal> {
    let places = u32::try_from(places).ok().filter(|it| *it <= 28)?;
    let half = Decimal::try_new(5, value.scale() + 1).ok()?;
    let mut moved = if high { value.checked_add(half)? } else { value.checked_sub(half)? };
    let strategy = if high {
        rust_decimal::RoundingStrategy::ToPositiveInfinity
    } else {
        rust_decimal::RoundingStrategy::ToNegativeInfinity
    };
    moved = moved.round_dp_with_strategy(places, strategy);
    moved.rescale(places);
    (moved.scale() == places).then_some(moved)
}

/// A date or date with time, at so many digits: 4 a year, 6 a month, 8 a day, 17 a millisecond.
fn spread(at: Stamp, digits: i32, high: bool) -> Option<Stamp> {
    let precision = match digits {
        4 => Precision::Year,
        6 => Precision::Month,
        8 => Precision::Day,
        17 => Precision::Second,
        _ => return None,
    };
    let mut filled = if at.precision >= Precision::Hour { fill_time(at, high) } else { fill_date(at, high) };
    filled.precision = precision;
    if precision == Precision::Second {
        let zone = if high { WEST } else { EAST };
        filled.offset = Some(at.offset.unwrap_or(zone));
        filled.digits = 3;
        return Some(filled);
    }
    Some(Stamp { precision, ..filled.to_date() })
}

fn fill_date(at: Stamp, high: bool) -> Stamp {
    if !high {
        return at;
    }
    let mut filled = at;
    if at.precision < Precision::Month {
        filled.month = 12;
    }
    if at.precision < Precision::Day {
        filled.day = filled.days_in_month();
    }
    Stamp { hour: 23, minute: 59, second: 59, nanos: 999_000_000, ..filled }
}

/// An hour without minutes is none that FHIR knows: it is taken as minute 00.
fn fill_time(at: Stamp, high: bool) -> Stamp {
    match at.precision {
        Precision::Second if at.digits > 0 || !high => at,
        Precision::Second => Stamp { nanos: 999_000_000, ..at },
        _ if high => Stamp { second: 59, nanos: 999_000_000, ..at },
        _ => at,
    }
}

fn time_bound(at: Stamp, digits: i32, high: bool) -> Option<Stamp> {
    let precision = match digits {
        2 => Precision::Hour,
        4 => Precision::Minute,
        6 | 9 => Precision::Second,
        _ => return None,
    };
    Some(Stamp { precision, digits: if digits == 9 { 3 } else { 0 }, ..fill_time(at, high) })
}
