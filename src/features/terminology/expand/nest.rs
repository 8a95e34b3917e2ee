//! An expansion in the hierarchy of its code systems: each code stands once, beneath a code above it that is also in the
//! value set.

use super::view::View;
use fhir::Result;
use fhir::terminology::Member;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value as Json;
use std::collections::VecDeque;

/// How deep entries lie within one another at the most; what is deeper begins anew at the top.
const DEPTH: usize = 32;

/// `ValueSet.expansion.contains`.
pub(super) fn nested(members: &[Member], view: &View) -> Result<Vec<Json>> {
    let above = owners(members);
    let mut entries = members.iter().map(|it| view.entry(it).map(Some)).collect::<Result<Vec<_>>>()?;
    let mut beneath: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    for (at, owner) in above.iter().enumerate() {
        if let Some(owner) = owner {
            beneath[*owner].push(at);
        }
    }
    // From the deepest up, an entry is whole before it goes into its owner.
    let mut order: Vec<usize> = Vec::with_capacity(members.len());
    let mut left: VecDeque<usize> = (0..members.len()).filter(|it| above[*it].is_none()).collect();
    while let Some(at) = left.pop_front() {
        order.push(at);
        left.extend(&beneath[at]);
    }
    for at in order.into_iter().rev() {
        let inner: Vec<Json> = beneath[at].iter().filter_map(|it| entries[*it].take()).collect();
        if let (Some(entry), false) = (&mut entries[at], inner.is_empty()) {
            entry["contains"] = inner.into();
        }
    }
    Ok(entries.into_iter().flatten().collect())
}

/// For each member the position of the one that it stands beneath: a code directly above it that is a member, and comes
/// not from beneath it.
fn owners(members: &[Member]) -> Vec<Option<usize>> {
    let keys = members.iter().enumerate().map(|(at, it)| ((&*it.system, it.code()), at));
    let positions: FxHashMap<(&str, &str), usize> = keys.collect();
    let mut owners: Vec<Option<usize>> = vec![None; members.len()];
    for (at, member) in members.iter().enumerate() {
        let mut candidates = member.parents().filter_map(|it| positions.get(&(&*member.system, it)).copied());
        owners[at] = candidates.find(|it| way_up(&owners, *it).is_some_and(|way| !way.contains(&at)));
    }
    owners
}

/// The positions from one up to its root; `None` if there are too many.
fn way_up(owners: &[Option<usize>], from: usize) -> Option<FxHashSet<usize>> {
    let mut way = FxHashSet::from_iter([from]);
    let mut here = from;
    while let Some(owner) = owners[here] {
        if way.len() >= DEPTH || !way.insert(owner) {
            return None;
        }
        here = owner;
    }
    Some(way)
}
