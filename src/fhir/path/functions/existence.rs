//! Whether there is something, and how much (FHIRPath N1, section "Existence").

use super::super::compare::Seen;
use super::super::error::{Result, fail};
use super::super::eval::truth_of;
use super::super::item::{Item, Items};
use super::{Called, Function, boolean, count, maybe, one};

pub(super) const TABLE: &[Function] = &[
    Function::new("empty", 0..=0, |it| boolean(it.input.is_empty())),
    Function::new("exists", 0..=1, exists),
    Function::new("all", 1..=1, all),
    Function::new("allTrue", 0..=0, |it| booleans(it, |all| all.iter().all(|it| *it))),
    Function::new("anyTrue", 0..=0, |it| booleans(it, |all| all.iter().any(|it| *it))),
    Function::new("allFalse", 0..=0, |it| booleans(it, |all| all.iter().all(|it| !*it))),
    Function::new("anyFalse", 0..=0, |it| booleans(it, |all| all.iter().any(|it| !*it))),
    Function::new("not", 0..=0, |it| maybe(truth_of(&it.input)?.map(|it| Item::Boolean(!it)))),
    Function::new("subsetOf", 1..=1, |it| subset(it, &it.input, &it.collect(0)?)),
    Function::new("supersetOf", 1..=1, |it| subset(it, &it.collect(0)?, &it.input)),
    Function::new("count", 0..=0, |it| one(count(it.input.len()))),
    Function::new("distinct", 0..=0, |it| Ok(Seen::of(it.eval, &it.input)?.into_items())),
    Function::new("isDistinct", 0..=0, |it| {
        let different = Seen::of(it.eval, &it.input)?.into_items().len();
        boolean(different == it.input.len())
    }),
];

fn exists<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    if called.call.args.is_empty() {
        return boolean(!called.input.is_empty());
    }
    let mut found = false;
    called.each_truth(|_, truth| {
        found = truth == Some(true);
        !found
    })?;
    boolean(found)
}

fn all<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let mut all = true;
    called.each_truth(|_, truth| {
        all = truth == Some(true);
        all
    })?;
    boolean(all)
}

fn booleans<'a>(called: &Called<'a, '_, '_>, answer: impl Fn(&[bool]) -> bool) -> Result<Items<'a>> {
    let all: Option<Vec<bool>> = called.input.iter().map(Item::as_bool).collect();
    match all {
        Some(all) => boolean(answer(&all)),
        None => fail(format!("'{}' takes booleans only", called.name())),
    }
}

fn subset<'a>(called: &Called<'a, '_, '_>, part: &[Item<'a>], whole: &[Item<'a>]) -> Result<Items<'a>> {
    let whole = Seen::of(called.eval, whole)?;
    for item in part {
        if !whole.has(called.eval, item)? {
            return boolean(false);
        }
    }
    boolean(true)
}
