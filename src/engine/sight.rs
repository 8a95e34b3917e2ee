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
    /// The bounds for each type of which something may be seen; none where a patient sees of it what is theirs by what it has.
    bounds: FxHashMap<String, Option<Bounds>>,
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
            let found = match scope {
                Scope::Instance(_) => engine.bounds_or_own(ctx, of),
                _ => engine.bounds(ctx, access, of).map(Some),
            };
            match found {
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
        let is_seen = match self.engine.last_content(self.ctx, key).await? {
            Some(last) => self.shows(&last).await?,
            None => false,
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
                if self.has_history(&version.key).await? && (version.is_deleted() || self.shows(&version).await?) {
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
        let is_free = |it: &Option<Bounds>| it.as_ref().is_some_and(Vec::is_empty);
        self.bounds.len() == types && self.bounds.values().all(is_free) && !self.bounds.keys().any(is_decided)
    }

    /// Whether a version may be seen by what it says.
    async fn shows(&self, version: &Stored) -> Result<bool> {
        match self.bounds.get(&version.key.of) {
            Some(bounds) => self.engine.is_open(self.ctx, bounds.as_ref(), version).await,
            None => Ok(false),
        }
    }
}

impl Engine {
    /// What a resource is, or was when it was deleted: by that, too, it is decided who sees its older versions, and what of them.
    pub(crate) async fn last_content(&self, ctx: &Context, key: &Key) -> Result<Option<Stored>> {
        let last = ctx.session.read(key).await?;
        match last {
            Some(deleted) if deleted.is_deleted() => {
                Ok(ctx.session.read_version(key, deleted.version - 1).await?.or(Some(deleted)))
            }
            last => Ok(last),
        }
    }

    /// One version of a resource, unless the caller may not read it. Who may not see the resource as it is, or last was, sees
    /// nothing of what it was before.
    pub(crate) async fn version_within(&self, ctx: &Context, key: &Key, version: i64) -> Result<Option<Stored>> {
        let bounds = self.bounds_or_own(ctx, &key.of)?;
        let is_bound = bounds.as_ref().is_none_or(|it| !it.is_empty()) || self.is_decided_inside(ctx, &key.of);
        let is_open = async |it: Option<&Stored>| match it {
            Some(it) => self.is_open(ctx, bounds.as_ref(), it).await,
            None => Ok(false),
        };
        if is_bound && !is_open(self.last_content(ctx, key).await?.as_ref()).await? {
            return Ok(None);
        }
        let found = ctx.session.read_version(key, version).await?;
        let is_shown = !is_bound || found.as_ref().is_some_and(Stored::is_deleted) || is_open(found.as_ref()).await?;
        Ok(found.filter(|_| is_shown))
    }

    /// The bounds of reading a type; none where no rule lets the caller read it by its type, but rules of a patient's records
    /// what is theirs by what it has. Fails with 403 where nothing of it may be read.
    fn bounds_or_own(&self, ctx: &Context, of: &str) -> Result<Option<Bounds>> {
        match self.bounds(ctx, Access::Read, of) {
            Err(failure) if failure.status == 403 && self.may_own_inside(ctx, of) => Ok(None),
            bounds => bounds.map(Some),
        }
    }

    /// Whether a version may be seen by what it says, within these bounds.
    async fn is_open(&self, ctx: &Context, bounds: Option<&Bounds>, version: &Stored) -> Result<bool> {
        match bounds {
            Some(bounds) => Ok(self.is_within(ctx, version, bounds).await? && self.is_seen_inside(ctx, version).await?),
            None => self.is_own_inside(ctx, version).await,
        }
    }
}
