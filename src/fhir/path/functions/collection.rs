//! Filtering, parts and combinations of collections (FHIRPath N1, sections "Filtering and projection",
//! "Subsetting" and "Combining").

use super::super::ast::{Expr, Sign};
use super::super::compare::{Seen, distinct, order};
use super::super::error::{Result, fail};
use super::super::eval::{Frame, single};
use super::super::item::{Item, Items};
use super::{Called, Function};
use std::cmp::Ordering;

pub(super) const TABLE: &[Function] = &[
    Function::new("where", 1..=1, filter),
    Function::new("select", 1..=1, select),
    Function::new("repeat", 1..=1, repeat),
    Function::new("aggregate", 1..=2, aggregate),
    Function::new("sort", 0..=8, sort),
    Function::new("single", 0..=0, |it| Ok(single(&it.input, "single")?.cloned().into_iter().collect())),
    Function::new("first", 0..=0, |it| part(it, 0, 1)),
    Function::new("last", 0..=0, |it| part(it, it.input.len().saturating_sub(1), 1)),
    Function::new("tail", 0..=0, |it| part(it, 1, usize::MAX)),
    Function::new("skip", 1..=1, |it| part(it, length(it)?, usize::MAX)),
    Function::new("take", 1..=1, |it| part(it, 0, length(it)?)),
    Function::new("intersect", 1..=1, intersect),
    Function::new("exclude", 1..=1, exclude),
    Function::new("combine", 1..=1, combine),
    Function::new("union", 1..=1, |it| {
        let mut out = Items::new();
        distinct(it.eval, combine(it)?, &mut out)?;
        Ok(out)
    }),
];

fn part<'a>(called: &Called<'a, '_, '_>, from: usize, len: usize) -> Result<Items<'a>> {
    Ok(called.input.iter().skip(from).take(len).cloned().collect())
}

fn length(called: &Called<'_, '_, '_>) -> Result<usize> {
    match called.integer(0)? {
        Some(it) => Ok(usize::try_from(it).unwrap_or(0)),
        None => fail(format!("'{}' needs a number", called.name())),
    }
}

fn filter<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let mut kept = Items::new();
    called.each_truth(|item, truth| {
        if truth == Some(true) {
            kept.push(item.clone());
        }
        true
    })?;
    Ok(kept)
}

fn select<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let mut all = Items::new();
    called.each(0, |_, mut answer| {
        all.append(&mut answer);
        Ok(true)
    })?;
    Ok(all)
}

/// Items found are searched again, until nothing new is found.
fn repeat<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let Some(expr) = called.call.args.first() else { return Ok(Items::new()) };
    let mut seen = Seen::new();
    let mut waiting: std::collections::VecDeque<Item<'a>> = called.input.iter().cloned().collect();
    while let Some(item) = waiting.pop_front() {
        for found in called.eval.collect(expr, &called.frame_of(&item, 0))? {
            if seen.add(called.eval, found.clone())? {
                waiting.push_back(found);
            }
        }
    }
    Ok(seen.into_items())
}

fn aggregate<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let Some(expr) = called.call.args.first() else { return Ok(Items::new()) };
    let mut total = called.collect(1)?;
    for (index, item) in called.input.iter().enumerate() {
        let frame = Frame { this: Some(item), index, total: Some(&total) };
        total = called.eval.collect(expr, &frame)?;
        called.eval.spend(total.len())?;
    }
    Ok(total)
}

/// By each argument in turn, or by the items themselves; a minus sign before an argument turns its order round. What
/// is empty comes last, or first where the order is turned.
fn sort<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let mut rows = Vec::with_capacity(called.input.len());
    for (index, item) in called.input.iter().enumerate() {
        let mut keys = Vec::with_capacity(called.call.args.len());
        for arg in &called.call.args {
            let inner = match arg {
                Expr::Sign(Sign::Minus, inner) => inner,
                other => other,
            };
            let key = called.eval.collect(inner, &called.frame_of(item, index))?;
            keys.push(single(&key, "sort")?.cloned());
        }
        rows.push((keys, item.clone()));
    }
    called.eval.spend(rows.len() * rows.len() / 64)?;
    let descending: Vec<_> = called.call.args.iter().map(|it| matches!(it, Expr::Sign(Sign::Minus, _))).collect();
    let services = called.eval.context.services;
    let mut problem = None;
    let mut compare = |a: &Item<'a>, b: &Item<'a>| match order(a, b, services) {
        Ok(it) => it.unwrap_or(Ordering::Equal),
        Err(error) => {
            problem = Some(error);
            Ordering::Equal
        }
    };
    let mut by_keys = |(keys, item): &(Vec<Option<Item<'a>>>, Item<'a>), (others, other): &(Vec<_>, Item<'a>)| {
        if descending.is_empty() {
            return compare(item, other);
        }
        let each = keys.iter().zip(others).zip(&descending).map(|((a, b), down)| {
            let order = match (a, b) {
                (Some(a), Some(b)) => compare(a, b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            };
            if *down { order.reverse() } else { order }
        });
        each.fold(Ordering::Equal, Ordering::then)
    };
    // By insertion: dates of different precision have no total order, which the standard library insists on.
    let mut sorted: Vec<(Vec<Option<Item<'a>>>, Item<'a>)> = Vec::with_capacity(rows.len());
    for row in rows {
        let at = sorted.partition_point(|it| by_keys(it, &row) != Ordering::Greater);
        sorted.insert(at, row);
    }
    match problem {
        Some(error) => Err(error),
        None => Ok(sorted.into_iter().map(|(_, item)| item).collect()),
    }
}

fn intersect<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let other = Seen::of(called.eval, &called.collect(0)?)?;
    let mut both = Seen::new();
    for item in &called.input {
        if other.has(called.eval, item)? {
            both.add(called.eval, item.clone())?;
        }
    }
    Ok(both.into_items())
}

fn exclude<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let other = Seen::of(called.eval, &called.collect(0)?)?;
    let mut kept = Items::new();
    for item in &called.input {
        if !other.has(called.eval, item)? {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

fn combine<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let mut all = called.input.clone();
    all.append(&mut called.collect(0)?);
    Ok(all)
}
