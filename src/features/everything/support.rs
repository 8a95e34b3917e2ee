//! What a record's members need to be understood: the resources they refer to, and what these refer to in turn, as far
//! as that is about no patient: practitioners, organizations, locations, medications.

use engine::{Call, Context};
use fhir::json::Doc;
use fhir::search::Target;
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use store::{Key, Stored};

/// Resources read at once.
const BATCH: usize = 500;

/// Collects references of members.
pub(super) struct Support<'c> {
    call: &'c Call<'c>,
    members: FxHashSet<Key>,
    wanted: BTreeSet<Key>,
}

impl<'c> Support<'c> {
    pub(super) fn new(call: &'c Call<'c>) -> Support<'c> {
        Support { call, members: FxHashSet::default(), wanted: BTreeSet::new() }
    }

    /// Takes a member's references, to whatever type.
    pub(super) fn member(&mut self, stored: &Stored) -> Result<()> {
        self.wanted.extend(references(self.call.ctx, stored)?);
        self.members.insert(stored.key.clone());
        Ok(())
    }

    /// The resources that are no members themselves, by type and id; more than `most` are refused, not cut.
    pub(super) async fn resources(self, most: usize) -> Result<Vec<Stored>> {
        let Support { call, members, wanted } = self;
        let mut asked = members;
        let mut round: Vec<Key> = wanted.into_iter().filter(|it| asked.insert(it.clone())).collect();
        let mut all = Vec::new();
        while !round.is_empty() {
            let mut fresh = Vec::new();
            for batch in round.chunks(BATCH) {
                fresh.extend(call.readable(batch).await?);
            }
            round.clear();
            for stored in fresh.iter().filter(|it| is_shared(&it.key.of)) {
                let more = references(call.ctx, stored)?.into_iter().filter(|it| is_shared(&it.of));
                round.extend(more.filter(|it| asked.insert(it.clone())));
            }
            all.append(&mut fresh);
            if all.len() > most {
                let told = "The record refers to more resources than this server gives at once; ask for less by _type.";
                return Err(Failure::new(IssueType::TooCostly, told));
            }
        }
        all.sort_by_cached_key(|it| it.key.to_string());
        Ok(all)
    }
}

/// Whether resources of this type belong to no patient's record.
fn is_shared(of: &str) -> bool {
    let patients = r4().resource("Patient").and_then(|it| r4().compartment(it));
    let of = r4().resource(of);
    !patients.is_some_and(|it| it.members.iter().any(|(member, _)| Some(*member) == of))
}

/// The resources of this server that a resource refers to, attachments kept as Binary included.
fn references(ctx: &Context, stored: &Stored) -> Result<Vec<Key>> {
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    let doc = Doc::parse(text).map_err(Failure::internal)?;
    let links = doc.root().descendants().filter(|it| matches!(it.key(), "reference" | "url"));
    let keys = links.filter_map(|link| match Target::parse(link.as_str()?, ctx.base()) {
        Target::Local { of, id } if r4().resource(of).is_some() && (link.key() == "reference" || of == "Binary") => {
            Some(Key::new(of, id))
        }
        _ => None,
    });
    Ok(keys.collect())
}
