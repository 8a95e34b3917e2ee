//! What R4 adds (fhirpath.html#functions).

use super::super::error::{PathError, Result, fail};
use super::super::item::{Item, Items};
use super::super::navigate::Member;
use super::super::quantity::{Quantity, Unit};
use super::super::resolve::resolve;
use super::string::argument;
use super::{Called, Function, boolean, maybe};
use rust_decimal::Decimal;
use std::sync::LazyLock;

pub(super) const TABLE: &[Function] = &[
    Function::new("extension", 1..=1, |it| match argument(it, 0)? {
        Some(url) => extensions(it, &url),
        None => Ok(Items::new()),
    }),
    Function::new("hasExtension", 1..=1, |it| match argument(it, 0)? {
        Some(url) => boolean(!extensions(it, &url)?.is_empty()),
        None => Ok(Items::new()),
    }),
    Function::new("hasValue", 0..=0, |it| boolean(it.input.len() == 1 && it.input.iter().any(has_value))),
    Function::new("getValue", 0..=0, |it| match &*it.input {
        [item] if has_value(item) => maybe(item.to_system()),
        _ => Ok(Items::new()),
    }),
    Function::new("resolve", 0..=0, |it| {
        Ok(it.input.iter().filter_map(|item| resolve(item, it.eval.context)).collect())
    }),
    Function::new("memberOf", 1..=1, |it| asked(it, |item, set| it.eval.context.services.member_of(item, set))),
    Function::new("conformsTo", 1..=1, |it| asked(it, |item, url| it.eval.context.services.conforms_to(item, url))),
    Function::new("subsumes", 1..=1, |it| subsumes(it, false)),
    Function::new("subsumedBy", 1..=1, |it| subsumes(it, true)),
    Function::new("checkModifiers", 1..=16, check_modifiers),
    Function::new("htmlChecks", 0..=0, |it| match it.one()? {
        Some(item) => boolean(item.as_str().is_some_and(crate::path::html::is_narrative)),
        None => Ok(Items::new()),
    }),
    Function::new("comparable", 1..=1, comparable),
    Function::new("elementDefinition", 0..=0, |_| Err(PathError::Unsupported("elementDefinition()"))),
    Function::new("slice", 2..=2, |_| Err(PathError::Unsupported("slice()"))),
];

/// The extensions of this URL on each item of the input.
fn extensions<'a>(called: &Called<'a, '_, '_>, url: &str) -> Result<Items<'a>> {
    static EXTENSION: LazyLock<Member> = LazyLock::new(|| Member::named("extension"));
    let mut found = Items::new();
    for node in called.input.iter().filter_map(Item::node) {
        EXTENSION.each(node, &mut |it| {
            if it.value().and_then(|it| it.str("url")) == Some(url) {
                found.push(Item::Node(it));
            }
            called.eval.spend(1)
        })?;
    }
    Ok(found)
}

/// Whether it is a primitive with a value, not with extensions only.
fn has_value(item: &Item<'_>) -> bool {
    match item {
        Item::Node(node) => node.text().is_some(),
        Item::Type { .. } => false,
        _ => true,
    }
}

/// What the services say about one item and a canonical URL.
fn asked<'a>(
    called: &Called<'a, '_, '_>,
    ask: impl FnOnce(&Item<'a>, &str) -> Result<Option<bool>>,
) -> Result<Items<'a>> {
    match (called.one()?, argument(called, 0)?) {
        (Some(item), Some(url)) => maybe(ask(item, &url)?.map(Item::Boolean)),
        _ => Ok(Items::new()),
    }
}

fn subsumes<'a>(called: &Called<'a, '_, '_>, turned: bool) -> Result<Items<'a>> {
    let other = called.collect(0)?;
    let (Some(own), Some(other)) = (called.one()?, super::single(&other, called.name())?) else {
        return Ok(Items::new());
    };
    let (general, special) = if turned { (other, own) } else { (own, other) };
    maybe(called.eval.context.services.subsumes(general, special)?.map(Item::Boolean))
}

/// Fails on a modifier extension whose URL is not among the arguments.
fn check_modifiers<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let mut known = Vec::with_capacity(called.call.args.len());
    for at in 0..called.call.args.len() {
        known.extend(argument(called, at)?);
    }
    static MODIFIER: LazyLock<Member> = LazyLock::new(|| Member::named("modifierExtension"));
    for node in called.input.iter().filter_map(Item::node) {
        MODIFIER.each(node, &mut |it| {
            let url = it.value().and_then(|it| it.str("url")).unwrap_or_default();
            match known.iter().any(|known| known == url) {
                true => called.eval.spend(1),
                false => fail("there is a modifier extension that is not known here"),
            }
        })?;
    }
    Ok(called.input.clone())
}

/// Whether two quantities measure the same thing.
fn comparable<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let (Some(Item::Quantity(own)), Some(Item::Quantity(other))) = (called.system()?, called.value(0)?) else {
        return Ok(Items::new());
    };
    let one = |unit: Unit<'a>| Quantity { value: Decimal::ONE, unit };
    boolean(one(own.unit).in_this_unit(&one(other.unit), called.eval.context.services).is_some())
}
