//! Calculation with numbers, quantities and moments (FHIRPath N1, sections "Math" and "Date/Time Arithmetic").

use super::ast::Operator;
use super::compare::{as_decimal, as_quantity};
use super::context::Services;
use super::error::{Result, fail};
use super::item::Item;
use super::quantity::{Calendar, Quantity, Unit};
use super::temporal::{Precision, Stamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// What an operator makes of two items; nothing where it overflows.
pub(super) fn arithmetic<'a>(
    operator: Operator,
    left: &Item<'a>,
    right: &Item<'a>,
    services: &dyn Services,
) -> Result<Option<Item<'a>>> {
    if let (Operator::Add, Some(left), Some(right)) = (operator, left.as_str(), right.as_str()) {
        return Ok(Some(Item::string([left, right].concat())));
    }
    let (Some(a), Some(b)) = (left.to_system(), right.to_system()) else { return unfit(left, right) };
    match (&a, &b) {
        (Item::Integer(a), Item::Integer(b)) if operator != Operator::Divide => Ok(integers(operator, *a, *b)),
        (Item::Date(at) | Item::DateTime(at) | Item::Time(at), Item::Quantity(by)) => {
            let by = match operator {
                Operator::Add => by.borrow(),
                Operator::Subtract => Quantity { value: -by.value, ..by.borrow() },
                _ => return unfit(left, right),
            };
            let is_time = matches!(a, Item::Time(_));
            Ok(later(*at, &by, is_time)?.map(|it| match a {
                Item::Date(_) => Item::Date(it),
                Item::Time(_) => Item::Time(it.on_first_day()),
                _ => Item::DateTime(it),
            }))
        }
        (Item::Quantity(_), _) | (_, Item::Quantity(_)) => match (as_quantity(&a), as_quantity(&b)) {
            (Some(a), Some(b)) => quantities(operator, &a, &b, services),
            _ => unfit(left, right),
        },
        _ => match (as_decimal(&a), as_decimal(&b)) {
            (Some(a), Some(b)) => Ok(decimals(operator, a, b)),
            _ => unfit(left, right),
        },
    }
}

fn unfit<T>(left: &Item<'_>, right: &Item<'_>) -> Result<T> {
    fail(format!("{left:?} and {right:?} cannot be calculated with in this way"))
}

/// Overflow and division by zero answer nothing.
fn integers<'a>(operator: Operator, a: i32, b: i32) -> Option<Item<'a>> {
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Div => a.checked_div(b),
        Operator::Mod => a.checked_rem(b),
        _ => None,
    }
    .map(Item::Integer)
}

fn decimals<'a>(operator: Operator, a: Decimal, b: Decimal) -> Option<Item<'a>> {
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => super::number::divide(a, b),
        Operator::Div => return a.checked_div(b)?.trunc().to_i32().map(Item::Integer),
        Operator::Mod => a.checked_rem(b),
        _ => None,
    }
    .map(Item::Decimal)
}

fn quantities<'a>(
    operator: Operator,
    a: &Quantity<'_>,
    b: &Quantity<'_>,
    services: &dyn Services,
) -> Result<Option<Item<'a>>> {
    let (from, to) = (a.unit.code(), b.unit.code());
    let (value, unit) = match operator {
        Operator::Add | Operator::Subtract => {
            let sum = a.in_this_unit(b, services).and_then(|it| match operator {
                Operator::Add => a.value.checked_add(it),
                _ => a.value.checked_sub(it),
            });
            return Ok(sum.map(|value| Item::Quantity(Quantity { value, unit: owned(&a.unit) })));
        }
        Operator::Multiply => {
            let unit = match (from, to) {
                ("1", unit) | (unit, "1") => unit.to_string(),
                (from, to) => format!("{from}.{to}"),
            };
            (a.value.checked_mul(b.value), unit)
        }
        Operator::Divide => {
            let unit = match (from, to) {
                (from, to) if from == to => "1".to_string(),
                (from, "1") => from.to_string(),
                (from, to) if to.contains(['.', '/']) => format!("{from}/({to})"),
                (from, to) => format!("{from}/{to}"),
            };
            (super::number::divide(a.value, b.value), unit)
        }
        _ => return fail("quantities have no 'div' and no 'mod'"),
    };
    Ok(value.map(|it| Item::Quantity(Quantity::ucum(it, unit))))
}

fn owned<'a>(unit: &Unit<'_>) -> Unit<'a> {
    match unit {
        Unit::Calendar(it) => Unit::Calendar(*it),
        other => Unit::Ucum(other.code().to_string().into()),
    }
}

/// Date and time arithmetic (FHIRPath N1, section "Date/Time Arithmetic"): in steps of the least precision that the
/// moment has, what is smaller being cut off.
fn later(at: Stamp, by: &Quantity<'_>, is_time: bool) -> Result<Option<Stamp>> {
    // A calendar word may stand in quotes, as in `1 'month'`.
    let unit = match &by.unit {
        Unit::Ucum(code) => Calendar::named(code).map_or(by.unit.borrow(), Unit::Calendar),
        unit => unit.borrow(),
    };
    match (unit.months(), unit.millis()) {
        (Some(_), _) if is_time => fail("a time of day does not move by years or months"),
        (Some(months), _) => Ok(later_by_months(at, by.value, months)),
        (None, Some(millis)) => Ok(later_by_clock(at, by.value, millis)),
        (None, None) => {
            fail("dates and times move by years, months, weeks, days, hours, minutes, seconds or milliseconds")
        }
    }
}

fn later_by_months(at: Stamp, value: Decimal, each: i64) -> Option<Stamp> {
    let months = value.trunc().checked_mul(each.into())?.to_i64()?;
    at.plus_months(if at.precision == Precision::Year { months / 12 * 12 } else { months })
}

fn later_by_clock(at: Stamp, value: Decimal, millis: i64) -> Option<Stamp> {
    const DAY: i128 = 86_400_000_000_000;
    // Only seconds and milliseconds are counted in parts.
    let value = if millis > 1000 { value.trunc() } else { value };
    let nanos = value.checked_mul(millis.into())?.checked_mul(1_000_000.into())?.to_i128()?;
    let months = |length: i128, each: i64| i64::try_from(nanos / length).ok()?.checked_mul(each);
    let whole = |step: i128| at.plus_nanos(nanos / step * step);
    match at.precision {
        Precision::Year => at.plus_months(months(365 * DAY, 12)?),
        Precision::Month => at.plus_months(months(30 * DAY, 1)?),
        Precision::Day => whole(DAY),
        Precision::Hour => whole(DAY / 24),
        Precision::Minute => whole(DAY / 1440),
        Precision::Second => at.plus_nanos(nanos),
    }
}
