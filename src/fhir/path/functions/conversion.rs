//! Conversion (FHIRPath N1, section "Conversion").

use super::super::error::{Result, fail};
use super::super::eval::{Frame, single};
use super::super::item::{Item, Items};
use super::super::number::decimal_text;
use super::super::quantity::Quantity;
use super::super::temporal::{Precision, Stamp};
use super::{Called, Function, boolean, maybe};
use rust_decimal::Decimal;

pub(super) const TABLE: &[Function] = &[
    Function::new("iif", 2..=3, iif),
    Function::new("toBoolean", 0..=0, |it| convert(it, to_boolean)),
    Function::new("convertsToBoolean", 0..=0, |it| converts(it, to_boolean)),
    Function::new("toInteger", 0..=0, |it| convert(it, to_integer)),
    Function::new("convertsToInteger", 0..=0, |it| converts(it, to_integer)),
    Function::new("toDecimal", 0..=0, |it| convert(it, to_decimal)),
    Function::new("convertsToDecimal", 0..=0, |it| converts(it, to_decimal)),
    Function::new("toString", 0..=0, |it| convert(it, to_string)),
    Function::new("convertsToString", 0..=0, |it| converts(it, to_string)),
    Function::new("toDate", 0..=0, |it| convert(it, to_date)),
    Function::new("convertsToDate", 0..=0, |it| converts(it, to_date)),
    Function::new("toDateTime", 0..=0, |it| convert(it, to_date_time)),
    Function::new("convertsToDateTime", 0..=0, |it| converts(it, to_date_time)),
    Function::new("toTime", 0..=0, |it| convert(it, to_time)),
    Function::new("convertsToTime", 0..=0, |it| converts(it, to_time)),
    Function::new("toQuantity", 0..=1, |it| match it.call.args.is_empty() {
        true => convert(it, to_quantity),
        false => in_unit(it),
    }),
    Function::new("convertsToQuantity", 0..=1, |it| match it.call.args.is_empty() {
        true => converts(it, to_quantity),
        false if it.input.is_empty() => Ok(Items::new()),
        false => boolean(!in_unit(it)?.is_empty()),
    }),
];

type Conversion = for<'a> fn(&Item<'a>) -> Option<Item<'a>>;

fn convert<'a>(called: &Called<'a, '_, '_>, conversion: Conversion) -> Result<Items<'a>> {
    maybe(called.one()?.and_then(Item::to_system).and_then(|it| conversion(&it)))
}

fn converts<'a>(called: &Called<'a, '_, '_>, conversion: Conversion) -> Result<Items<'a>> {
    match called.one()? {
        None => Ok(Items::new()),
        Some(item) => boolean(item.to_system().is_some_and(|it| conversion(&it).is_some())),
    }
}

/// Only the branch that is chosen is evaluated; the criterion must be a boolean.
fn iif<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let this = single(&called.input, "iif")?;
    let frame = Frame { this, ..called.frame };
    let criterion = called.eval.collect(&called.call.args[0], &frame)?;
    let chosen = match single(&criterion, "iif")?.map(Item::as_bool) {
        Some(Some(true)) => 1,
        Some(Some(false)) | None => 2,
        Some(None) => return fail("the criterion of 'iif' must be a boolean"),
    };
    match called.call.args.get(chosen) {
        Some(branch) => called.eval.collect(branch, &frame),
        None => Ok(Items::new()),
    }
}

fn to_boolean<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    let meant = match item {
        Item::Boolean(it) => *it,
        Item::Integer(it @ (0 | 1)) => *it == 1,
        Item::Decimal(it) if it.is_zero() || *it == Decimal::ONE => !it.is_zero(),
        Item::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => true,
            "false" | "f" | "no" | "n" | "0" | "0.0" => false,
            _ => return None,
        },
        _ => return None,
    };
    Some(Item::Boolean(meant))
}

fn to_integer<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    match item {
        Item::Integer(it) => Some(Item::Integer(*it)),
        Item::Boolean(it) => Some(Item::Integer((*it).into())),
        Item::String(text) => text.parse().ok().map(Item::Integer),
        _ => None,
    }
}

fn to_decimal<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    match item {
        Item::Decimal(it) => Some(Item::Decimal(*it)),
        Item::Integer(it) => Some(Item::Decimal((*it).into())),
        Item::Boolean(it) => Some(Item::Decimal(u8::from(*it).into())),
        Item::String(text) => decimal_text(text).map(Item::Decimal),
        _ => None,
    }
}

fn to_string<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    item.to_text().map(Item::String)
}

fn to_date<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    match item {
        Item::Date(it) | Item::DateTime(it) => Some(Item::Date(it.to_date())),
        Item::String(text) => Stamp::date(text).or_else(|| Stamp::date_time(text).map(Stamp::to_date)).map(Item::Date),
        _ => None,
    }
}

fn to_date_time<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    match item {
        Item::Date(it) | Item::DateTime(it) => Some(Item::DateTime(*it)),
        Item::String(text) => Stamp::date_time(text).map(Item::DateTime),
        _ => None,
    }
}

fn to_time<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    match item {
        Item::Time(it) => Some(Item::Time(*it)),
        Item::DateTime(it) if it.precision >= Precision::Hour => Some(Item::Time(it.to_time())),
        Item::String(text) => Stamp::time(text).map(Item::Time),
        _ => None,
    }
}

fn to_quantity<'a>(item: &Item<'a>) -> Option<Item<'a>> {
    match item {
        Item::Quantity(it) => Some(Item::Quantity(it.clone())),
        Item::String(text) => Quantity::parse(text).map(Item::Quantity),
        other => match to_decimal(other)? {
            Item::Decimal(it) => Some(Item::Quantity(Quantity::ucum(it, "1"))),
            _ => None,
        },
    }
}

/// The input as a quantity in the unit of the argument.
fn in_unit<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let Some(Item::String(unit)) = called.text(0)? else { return Ok(Items::new()) };
    let wanted = Quantity::ucum(Decimal::ONE, unit);
    let found = called.one()?.and_then(Item::to_system).and_then(|it| to_quantity(&it));
    let Some(Item::Quantity(found)) = found else { return Ok(Items::new()) };
    let value = wanted.in_this_unit(&found, called.eval.context.services);
    maybe(value.map(|value| Item::Quantity(Quantity { value, ..wanted })))
}
