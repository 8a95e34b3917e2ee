//! Operators (FHIRPath N1, section "Operations").

use super::ast::{Expr, Operator};
use super::compare::{self, Seen, as_decimal, as_quantity};
use super::error::{Result, fail};
use super::eval::{Eval, Frame, single};
use super::item::{Item, Items};
use super::quantity::{Quantity, Unit};
use super::temporal::{Precision, Stamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::cmp::Ordering;

/// Whether an operator answers with a boolean.
pub(super) fn is_logical(operator: Operator) -> bool {
    use Operator::*;
    !matches!(operator, Multiply | Divide | Div | Mod | Add | Subtract | Concatenate)
}

pub(super) fn binary<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    frame: &Frame<'a, '_>,
    out: &mut Items<'a>,
) -> Result<()> {
    if is_logical(operator) {
        out.extend(logical(eval, operator, left, right, frame)?.map(Item::Boolean));
        return Ok(());
    }
    let (left, right) = (eval.collect(left, frame)?, eval.collect(right, frame)?);
    let (left, right) = (single(&left, "an operator")?, single(&right, "an operator")?);
    let answer = if operator == Operator::Concatenate {
        Some(concatenate(left, right)?)
    } else {
        match (left, right) {
            (Some(left), Some(right)) => arithmetic(operator, left, right)?,
            _ => None,
        }
    };
    if let Some(answer) = answer {
        eval.spend(super::eval::weight(&answer))?;
        out.push(answer);
    }
    Ok(())
}

/// The operators that answer with a boolean, or leave it open.
pub(super) fn logical<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    frame: &Frame<'a, '_>,
) -> Result<Option<bool>> {
    use Operator::*;
    match operator {
        And | Or | Implies => connect(eval, operator, left, right, frame),
        Xor => {
            let (left, right) = (eval.truth(left, frame)?, eval.truth(right, frame)?);
            Ok(left.zip(right).map(|(left, right)| left != right))
        }
        _ => {
            let (left, right) = (eval.collect(left, frame)?, eval.collect(right, frame)?);
            compared(eval, operator, &left, &right)
        }
    }
}

/// `and`, `or`, `implies`: the right side is asked only if the left one leaves the answer open.
fn connect<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    frame: &Frame<'a, '_>,
) -> Result<Option<bool>> {
    // Each is `or` with its sides turned or not.
    let (turn_left, turn_right, turn_answer) = match operator {
        Operator::And => (true, true, true),
        Operator::Implies => (true, false, false),
        _ => (false, false, false),
    };
    let left = eval.truth(left, frame)?.map(|it| it != turn_left);
    if left == Some(true) {
        return Ok(Some(!turn_answer));
    }
    let right = eval.truth(right, frame)?.map(|it| it != turn_right);
    let either = if right == Some(true) { Some(true) } else { left.and(right) };
    Ok(either.map(|it| it != turn_answer))
}

fn compared<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &[Item<'a>],
    right: &[Item<'a>],
) -> Result<Option<bool>> {
    use Operator::*;
    let services = eval.context.services;
    eval.spend(left.len().min(right.len()))?;
    match operator {
        Equal => Ok(compare::all_equal(left, right, services)),
        NotEqual => Ok(compare::all_equal(left, right, services).map(|it| !it)),
        Equivalent => compare::all_equivalent(eval, left, right).map(Some),
        NotEquivalent => compare::all_equivalent(eval, left, right).map(|it| Some(!it)),
        In => member(eval, left, right),
        Contains => member(eval, right, left),
        _ => {
            let (Some(left), Some(right)) = (single(left, "a comparison")?, single(right, "a comparison")?) else {
                return Ok(None);
            };
            let order = compare::order(left, right, services)?;
            Ok(order.map(|it| match operator {
                Less => it == Ordering::Less,
                LessOrEqual => it != Ordering::Greater,
                Greater => it == Ordering::Greater,
                _ => it != Ordering::Less,
            }))
        }
    }
}

fn member<'a>(eval: &Eval<'a, '_>, item: &[Item<'a>], among: &[Item<'a>]) -> Result<Option<bool>> {
    match single(item, "in")? {
        None => Ok(None),
        Some(item) if among.len() > 1 => Seen::of(eval, among)?.has(eval, item).map(Some),
        Some(item) => Ok(Some(among.iter().any(|it| compare::equal(it, item, eval.context.services) == Some(true)))),
    }
}

fn concatenate<'a>(left: Option<&Item<'a>>, right: Option<&Item<'a>>) -> Result<Item<'a>> {
    let mut text = String::new();
    for item in [left, right].into_iter().flatten() {
        match item.as_str() {
            Some(it) => text.push_str(it),
            None if item.node().is_some_and(|it| it.value().is_none()) => {}
            None => return fail("'&' needs strings"),
        }
    }
    Ok(Item::string(text))
}

fn arithmetic<'a>(operator: Operator, left: &Item<'a>, right: &Item<'a>) -> Result<Option<Item<'a>>> {
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
            (Some(a), Some(b)) => quantities(operator, &a, &b),
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
        Operator::Divide => a.checked_div(b),
        Operator::Div => return a.checked_div(b)?.trunc().to_i32().map(Item::Integer),
        Operator::Mod => a.checked_rem(b),
        _ => None,
    }
    .map(Item::Decimal)
}

fn quantities<'a>(operator: Operator, a: &Quantity<'_>, b: &Quantity<'_>) -> Result<Option<Item<'a>>> {
    let (from, to) = (a.unit.code(), b.unit.code());
    let (value, unit) = match operator {
        Operator::Add | Operator::Subtract => {
            let Some((own, others)) = a.alongside(b, &super::context::Offline) else { return Ok(None) };
            let others = if operator == Operator::Add { others } else { -others };
            // `alongside` may have brought both to milliseconds or months: what it did to ours is undone.
            let sum = own.checked_add(others).and_then(|sum| match own == a.value {
                true => Some(sum),
                false => sum.checked_mul(a.value)?.checked_div(own),
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
            (a.value.checked_div(b.value), unit)
        }
        _ => return fail("quantities have no 'div' and no 'mod'"),
    };
    Ok(value.map(|it| Item::Quantity(Quantity::ucum(it, unit))))
}

fn owned<'a>(unit: &Unit<'_>) -> Unit<'a> {
    match unit {
        Unit::Calendar(it) => Unit::Calendar(*it),
        Unit::Ucum(code) => Unit::Ucum(code.to_string().into()),
    }
}

/// Date and time arithmetic (FHIRPath N1, section "Date/Time Arithmetic"): in steps of the least precision that the
/// moment has, what is smaller being cut off.
fn later(at: Stamp, by: &Quantity<'_>, is_time: bool) -> Result<Option<Stamp>> {
    if let Unit::Ucum(code) = &by.unit
        && by.unit.millis().is_none()
        && super::quantity::Calendar::named(code).is_none()
    {
        return fail("dates and times move by years, months, weeks, days, hours, minutes, seconds or milliseconds");
    }
    let unit = match &by.unit {
        Unit::Ucum(code) => super::quantity::Calendar::named(code).map_or(by.unit.clone(), Unit::Calendar),
        unit => unit.clone(),
    };
    if let Some(months) = unit.months() {
        let Some(months) = by.value.trunc().checked_mul(months.into()).and_then(|it| it.to_i64()) else {
            return Ok(None);
        };
        return match at.precision {
            _ if is_time => fail("a time of day does not move by years or months"),
            Precision::Year => Ok(at.plus_months(months / 12 * 12)),
            _ => Ok(at.plus_months(months)),
        };
    }
    let Some(millis) = unit.millis() else { return Ok(None) };
    // Only seconds and milliseconds are counted in parts.
    let value = if millis > 1000 { by.value.trunc() } else { by.value };
    let Some(nanos) = value.checked_mul(millis.into()).and_then(|it| it.checked_mul(1_000_000.into())) else {
        return Ok(None);
    };
    let Some(nanos) = nanos.to_i128() else { return Ok(None) };
    const DAY: i128 = 86_400_000_000_000;
    let whole = |step: i128| at.plus_nanos(nanos / step * step);
    Ok(match at.precision {
        Precision::Year => i64::try_from(nanos / (365 * DAY)).ok().and_then(|it| at.plus_months(it.checked_mul(12)?)),
        Precision::Month => i64::try_from(nanos / (30 * DAY)).ok().and_then(|it| at.plus_months(it)),
        Precision::Day => whole(DAY),
        Precision::Hour => whole(DAY / 24),
        Precision::Minute => whole(DAY / 1440),
        Precision::Second => at.plus_nanos(nanos),
    })
}
