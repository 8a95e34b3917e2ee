//! The clock, tracing and types (FHIRPath N1, section "Utility functions").

use super::super::error::{Result, fail};
use super::super::item::{Item, Items};
use super::super::temporal::Stamp;
use super::{Called, Function, one};

pub(super) const TABLE: &[Function] = &[
    Function::new("now", 0..=0, |it| one(Item::DateTime(now(it)?))),
    Function::new("today", 0..=0, |it| one(Item::Date(now(it)?.to_date()))),
    Function::new("timeOfDay", 0..=0, |it| one(Item::Time(now(it)?.to_time()))),
    Function::new("trace", 1..=2, trace),
    Function::new("type", 0..=0, |it| {
        let types = it.input.iter().map(Item::type_name);
        Ok(types.map(|(namespace, name)| Item::Type { namespace, name }).collect())
    }),
];

fn now(called: &Called<'_, '_, '_>) -> Result<Stamp> {
    match called.eval.context.now {
        Some(now) => Ok(now),
        None => fail("the time of day is not known here"),
    }
}

fn trace<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let mut passed = called.input.len();
    if called.call.args.len() > 1 {
        passed = 0;
        called.each(1, |_, answer| {
            passed += answer.len();
            Ok(true)
        })?;
    }
    if let Some(Item::String(name)) = called.text(0)? {
        called.eval.context.services.trace(&name, passed);
    }
    Ok(called.input.clone())
}
