//! Calculation (FHIRPath N1, section "Math").

use super::super::compare::as_decimal;
use super::super::error::{Result, fail};
use super::super::item::{Item, Items};
use super::super::number;
use super::super::quantity::Quantity;
use super::{Called, Function, maybe};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, MathematicalOps};

pub(super) const TABLE: &[Function] = &[
    Function::new("abs", 0..=0, |it| match it.system()? {
        Some(Item::Integer(it)) => maybe(it.checked_abs().map(Item::Integer)),
        Some(Item::Quantity(Quantity { value, unit })) => {
            maybe(Some(Item::Quantity(Quantity { value: value.abs(), unit })))
        }
        _ => calculated(it, |it| Some(it.abs())),
    }),
    Function::new("ceiling", 0..=0, |it| whole(it, |it| it.ceil())),
    Function::new("floor", 0..=0, |it| whole(it, |it| it.floor())),
    Function::new("truncate", 0..=0, |it| whole(it, |it| it.trunc())),
    Function::new("round", 0..=1, round),
    Function::new("sqrt", 0..=0, |it| calculated(it, |it| it.sqrt())),
    Function::new("exp", 0..=0, |it| calculated(it, |it| it.checked_exp())),
    Function::new("ln", 0..=0, |it| calculated(it, |it| it.checked_ln())),
    Function::new("log", 1..=1, log),
    Function::new("power", 1..=1, power),
];

fn number(called: &Called<'_, '_, '_>) -> Result<Option<Decimal>> {
    match called.system()? {
        None => Ok(None),
        Some(item) => match as_decimal(&item) {
            Some(it) => Ok(Some(it)),
            None => fail(format!("'{}' can be used on numbers only", called.name())),
        },
    }
}

fn calculated<'a>(
    called: &Called<'a, '_, '_>,
    calculate: impl FnOnce(Decimal) -> Option<Decimal>,
) -> Result<Items<'a>> {
    maybe(number(called)?.and_then(calculate).map(Item::Decimal))
}

fn whole<'a>(called: &Called<'a, '_, '_>, calculate: impl FnOnce(Decimal) -> Decimal) -> Result<Items<'a>> {
    maybe(number(called)?.and_then(|it| calculate(it).to_i32()).map(Item::Integer))
}

fn round<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let places = match called.integer(0)?.map(u32::try_from) {
        None => 0,
        Some(Ok(places)) => places,
        Some(Err(_)) => return fail("'round' takes no negative number of places"),
    };
    calculated(called, |it| Some(number::round(it, places)))
}

fn argument(called: &Called<'_, '_, '_>) -> Result<Option<Decimal>> {
    match called.value(0)? {
        None => Ok(None),
        Some(item) => match as_decimal(&item) {
            Some(it) => Ok(Some(it)),
            None => fail(format!("'{}' takes a number", called.name())),
        },
    }
}

fn log<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let (Some(value), Some(base)) = (number(called)?, argument(called)?) else { return Ok(Items::new()) };
    let quotient = value.checked_ln().zip(base.checked_ln()).and_then(|(value, base)| value.checked_div(base));
    // The logarithms are approximations; the quotient's last digits are theirs, not the answer's.
    maybe(quotient.map(|it| Item::Decimal(it.round_dp(15))))
}

fn power<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let (Some(base), Some(exponent)) = (number(called)?, argument(called)?) else { return Ok(Items::new()) };
    let answer = match exponent.fract().is_zero().then(|| exponent.to_i64()).flatten() {
        Some(whole) => base.checked_powi(whole),
        None if base.is_sign_negative() => None,
        None => base.checked_powd(exponent),
    };
    let integers = matches!((called.system()?, called.value(0)?), (Some(Item::Integer(_)), Some(Item::Integer(0..))));
    maybe(answer.map(|it| match it.to_i32().filter(|_| integers) {
        Some(whole) => Item::Integer(whole),
        None => Item::Decimal(it.normalize()),
    }))
}
