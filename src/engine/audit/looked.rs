//! What a write looked at before it was carried out: which resources it found, and by which criteria. Where it then fails, that it
//! failed so, and not otherwise, tells of these: a patch that tests for a value, a reference by criteria.

use super::event::named;
use super::handed::patients_asked;
use crate::{Context, Interaction};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Key, Stored};

/// What one interaction looked at.
#[derive(Default)]
pub(crate) struct Looked(Mutex<Glances>);

#[derive(Default)]
struct Glances {
    found: BTreeMap<Key, Stored>,
    /// Criteria with the type that they are of: `Patient?identifier=…`.
    asked: BTreeSet<String>,
}

impl Looked {
    fn glances(&self) -> MutexGuard<'_, Glances> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the resource at the interaction's address was looked at.
    pub(super) fn has(&self, interaction: &Interaction) -> bool {
        named(interaction).is_some_and(|it| self.glances().found.contains_key(it))
    }

    /// Calls `tell` with each resource that was found.
    pub(super) fn each(&self, tell: impl FnMut(&Stored)) {
        self.glances().found.values().for_each(tell);
    }

    /// The criteria, each on a line.
    pub(super) fn asked(&self) -> Option<String> {
        let all: Vec<String> = self.glances().asked.iter().cloned().collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }

    /// The patients whom the criteria name.
    pub(super) fn named_patients(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for asked in &self.glances().asked {
            patients_asked(asked.split_once('?').map_or("", |(_, query)| query), &mut ids);
        }
        ids
    }
}

impl Context {
    /// The same for an interaction that has looked at nothing yet.
    pub(crate) fn looking_anew(&self) -> Context {
        Context { looked: Arc::default(), ..self.clone() }
    }

    /// Something is there that is to be changed, or that criteria found.
    pub(crate) fn look(&self, found: &Stored) {
        if self.trail.is_some() {
            self.looked.glances().found.insert(found.key.clone(), found.clone());
        }
    }

    /// Resources of a type are looked for by criteria.
    pub(crate) fn look_for(&self, of: &str, criteria: &str) {
        if self.trail.is_some() {
            self.looked.glances().asked.insert(format!("{of}?{criteria}"));
        }
    }
}
