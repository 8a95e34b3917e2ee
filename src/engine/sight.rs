//! Which versions a caller may see: those within the bounds of reading, of resources that are within them still, or were
//! when they were deleted.

use crate::access::Bounds;
use crate::{Access, Context, Engine};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use store::{History, Key, Scope, Stored};

/// How often the store is asked for one page, where versions are left out of it; a page may then be short.
const LOOKS: usize = 8;

/// What a caller may see of histories.
pub(crate) struct Sight<'c> {
    engine: &'c Engine,
    ctx: &'c Context,
    /// The bounds for each type of which something may be seen.
    bounds: FxHashMap<String, Bounds>,
    /// Of which resources something may be seen.
    seen: FxHashMap<Key, bool>,
}

/// A page of versions.
pub(crate) struct Versions {
    pub(crate) shown: Vec<Stored>,
    /// How many there are in all; not told where some are left out.
    pub(crate) total: Option<i64>,
    /// Where to go on.
    pub(crate) next: Option<i64>,
}

impl<'c> Sight<'c> {
    /// What may be seen of this history; fails with 403 where that is nothing.
    pub(crate) fn of(engine: &'c Engine, ctx: &'c Context, scope: &Scope) -> Result<Sight<'c>> {
        let (types, access) = match scope {
            Scope::Instance(key) => (vec![key.of.as_str()], Access::Read),
            Scope::Type(of) => (vec![of.as_str()], Access::Search),
            Scope::System => (r4().resources().map(|it| &*r4().of(it).name).collect(), Access::Search),
        };
        let mut bounds = FxHashMap::default();
        let mut refusal = Failure::new(IssueType::Forbidden, "The access token's scopes reach no resource type.");
        for of in types {
            match engine.bounds(ctx, access, of) {
                Ok(found) => {
                    bounds.insert(of.to_owned(), found);
                }
                Err(failure) if failure.status == 403 => refusal = failure,
                Err(failure) => return Err(failure),
            }
        }
        if bounds.is_empty() {
            return Err(refusal);
        }
        Ok(Sight { engine, ctx, bounds, seen: FxHashMap::default() })
    }

    /// Whether a resource has a history that may be seen: who may not see it as it is, or last was, sees nothing of what it
    /// was before.
    pub(crate) async fn has_history(&mut self, key: &Key) -> Result<bool> {
        if let Some(known) = self.seen.get(key) {
            return Ok(*known);
        }
        let mut last = self.ctx.session.read(key).await?;
        let is_there = last.is_some();
        let is_seen = match self.bounds.get(&key.of) {
            None => false,
            Some(bounds) if bounds.is_empty() && !self.engine.is_decided_inside(self.ctx, &key.of) => is_there,
            Some(bounds) => {
                if let Some(deleted) = last.as_ref().filter(|it| it.is_deleted()) {
                    last = self.ctx.session.read_version(key, deleted.version - 1).await?;
                }
                match self.engine.within(self.ctx, last, bounds)? {
                    Some(last) => self.engine.is_seen_inside(self.ctx, &last).await?,
                    None => false,
                }
            }
        };
        self.seen.insert(key.clone(), is_seen);
        Ok(is_seen)
    }

    /// A page of the versions that may be seen, deletions among them.
    pub(crate) async fn versions(&mut self, mut history: History) -> Result<Versions> {
        let mut shown = Vec::new();
        let limit = history.limit;
        for _ in 0..LOOKS {
            let page = self.ctx.session.history(&history).await?;
            if self.is_whole(&history.scope) {
                return Ok(Versions { shown: page.versions, total: Some(page.total), next: page.next });
            }
            for version in page.versions {
                let is_shown = self.has_history(&version.key).await? && self.shows(&version)?;
                if is_shown && self.engine.is_seen_inside(self.ctx, &version).await? {
                    shown.push(version);
                }
            }
            history.before = page.next;
            history.limit = limit.saturating_sub(shown.len());
            if page.next.is_none() || history.limit == 0 {
                break;
            }
        }
        Ok(Versions { shown, total: None, next: history.before })
    }

    /// Whether nothing is left out of a history.
    fn is_whole(&self, scope: &Scope) -> bool {
        let types = if *scope == Scope::System { r4().resources().count() } else { 1 };
        let is_decided = |of: &String| self.engine.is_decided_inside(self.ctx, of);
        self.bounds.len() == types && self.bounds.values().all(Vec::is_empty) && !self.bounds.keys().any(is_decided)
    }

    fn shows(&self, version: &Stored) -> Result<bool> {
        match self.bounds.get(&version.key.of) {
            Some(bounds) => Ok(version.is_deleted() || self.engine.is_within(self.ctx, version, bounds)?),
            None => Ok(false),
        }
    }
}
