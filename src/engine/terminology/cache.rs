//! What was read of a tenant's terminology. It holds as long as no CodeSystem and no ValueSet was written and no code system
//! loaded: how many versions there are of both, which every write makes more, and the numbers of the releases tell that for
//! all nodes on one database.

use super::loaded::Loaded;
use fhir::Result;
use fhir::json::Doc;
use fhir::search::{CodesAsked, Codings};
use fhir::terminology::{CodeSystem, ValueSet};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{History, Scope, Session, Tenant};

/// The most concepts, value sets and codes that are kept of a tenant.
const MOST: usize = 100_000;

/// Something resolved: itself, or `None` if nobody has it.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) it: Option<Arc<T>>,
    /// Whether it is stored in the tenant, and not R4's.
    pub(super) is_stored: bool,
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        Found { it: self.it.clone(), is_stored: self.is_stored }
    }
}

/// What stored resources an answer was made of; a caller must be let search them all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uses {
    pub(super) code_systems: bool,
    pub(super) value_sets: bool,
}

/// How many versions there are of CodeSystem and ValueSet, and which code systems are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(i64, i64, Vec<i64>);

impl Stamp {
    /// As it is now, with these releases.
    pub(super) async fn read(session: &dyn Session, loaded: &[Arc<Loaded>]) -> Result<Stamp> {
        let versions = async |of: &str| {
            let scope = Scope::Type(of.to_owned());
            session.history(&History { scope, since: None, at: None, before: None, limit: 0 }).await
        };
        let loaded = loaded.iter().map(|it| it.number).collect();
        Ok(Stamp(versions("CodeSystem").await?.total, versions("ValueSet").await?.total, loaded))
    }
}

/// What was read, at one stamp.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) code_systems: FxHashMap<String, Found<CodeSystem>>,
    pub(super) value_sets: FxHashMap<String, Found<ValueSet>>,
    /// By the URLs of the code systems that they are of.
    pub(super) supplements: FxHashMap<String, Arc<Vec<Doc>>>,
    pub(super) codes: FxHashMap<CodesAsked, (Codings, Uses)>,
    weight: usize,
    stamp: Stamp,
}

impl Kept {
    /// Makes room for something of this weight: all goes where it would be too much.
    pub(super) fn grow(&mut self, weight: usize) {
        self.weight += weight + 1;
        if self.weight > MOST {
            *self = Kept { stamp: std::mem::take(&mut self.stamp), weight: weight + 1, ..Kept::default() };
        }
    }
}

/// A tenant's.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Kept>);

impl Cache {
    /// What is kept of this stamp; anything else is let go. A reader that is behind another one keeps nothing for it.
    pub(super) fn at(&self, stamp: &Stamp) -> MutexGuard<'_, Kept> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.stamp != *stamp {
            *kept = Kept { stamp: stamp.clone(), ..Kept::default() };
        }
        kept
    }
}

/// Every tenant's, by name.
#[derive(Default)]
pub(crate) struct AllCaches(Mutex<FxHashMap<String, Arc<Cache>>>);

impl AllCaches {
    pub(crate) fn of(&self, tenant: &Tenant) -> Arc<Cache> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(tenant.name()) {
            Some(found) => found.clone(),
            None => all.entry(tenant.name().to_owned()).or_default().clone(),
        }
    }
}
