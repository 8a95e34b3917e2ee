//! Single resources against access that is granted to some resources of a type only: before they are changed, as they
//! are to be afterwards, and as they once were.

use super::leads::has_questions;
use super::{Access, Reach, not_readable};
use crate::content::type_of;
use crate::{Context, Engine};
use fhir::json::Value;
use fhir::search::{Alone, Clause, IndexSink, ParamId};
use fhir::{Failure, IssueType, Result};
use store::{Key, Stored};

/// What the resources of a type must pass to be within the reach of an access; none where all of them are.
pub(crate) type Bounds = Vec<Clause>;

impl Engine {
    /// The bounds of an access to a type; fails with 403 if it is not granted at all.
    pub(crate) fn bounds(&self, ctx: &Context, access: Access, of: &str) -> Result<Bounds> {
        Ok(match self.reach(ctx, access, of)? {
            Reach::Whole => Bounds::new(),
            Reach::Narrow(filter) => filter,
        })
    }

    /// The bounds of a patch: what may be changed, and read as well: a patch is answered with the whole
    /// resource, and whether its tests and paths hold tells of what is there.
    pub(crate) fn patch_bounds(&self, ctx: &Context, of: &str) -> Result<Bounds> {
        let mut bounds = self.bounds(ctx, Access::Update, of)?;
        bounds.extend(self.bounds(ctx, Access::Read, of).map_err(|it| match it.status {
            403 => not_readable(of),
            _ => it,
        })?);
        Ok(bounds)
    }

    /// Whether a stored version is within bounds. What was deleted has nothing to tell that by.
    pub(crate) async fn is_within(&self, ctx: &Context, stored: &Stored, bounds: &Bounds) -> Result<bool> {
        if bounds.is_empty() {
            return Ok(true);
        }
        if stored.is_deleted() {
            return Ok(false);
        }
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        for reading in self.readings(ctx, text)? {
            if !self.holds_here(ctx, &stored.key, reading.root(), stored.updated, bounds).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A stored version, unless it is out of bounds: then it is as if it were not there.
    pub(crate) async fn within(
        &self,
        ctx: &Context,
        stored: Option<Stored>,
        bounds: &Bounds,
    ) -> Result<Option<Stored>> {
        match stored {
            Some(stored) if self.is_within(ctx, &stored, bounds).await? => Ok(Some(stored)),
            _ => Ok(None),
        }
    }

    /// Fails with 403 unless what was found by criteria is within bounds.
    pub(crate) async fn demand_reach(&self, ctx: &Context, found: &Stored, bounds: &Bounds) -> Result<()> {
        if self.is_within(ctx, found, bounds).await? {
            return Ok(());
        }
        let told = format!("The access token's scopes do not reach the {} that the criteria match.", found.key.of);
        Err(Failure::new(IssueType::Forbidden, told))
    }

    /// Fails with 403 unless a resource, as it is to be stored under a key, is within bounds.
    pub(crate) async fn demand_within(
        &self,
        ctx: &Context,
        key: &Key,
        resource: Value<'_>,
        bounds: &Bounds,
    ) -> Result<()> {
        if bounds.is_empty() {
            return Ok(());
        }
        let is_tied = ctx.limits.as_ref().is_none_or(|it| it.ties_only_own(&key.of, resource, ctx.base()));
        if is_tied && self.holds_here(ctx, key, resource, (self.ambient.now_ms)(), bounds).await? {
            return Ok(());
        }
        let told = format!(
            "The access token's scopes are narrowed to a patient or by criteria, and this {} would not be among what they \
             are about.",
            key.of
        );
        Err(Failure::new(IssueType::Forbidden, told))
    }

    /// Whether a resource passes bounds, told from it and from what it points at.
    pub(super) async fn holds_here(
        &self,
        ctx: &Context,
        key: &Key,
        resource: Value<'_>,
        updated: i64,
        bounds: &Bounds,
    ) -> Result<bool> {
        match has_questions(bounds) {
            true => self.holds(ctx, key, resource, updated, &self.settled(ctx, resource, bounds).await?),
            false => self.holds(ctx, key, resource, updated, bounds),
        }
    }

    /// Whether a resource passes bounds. What cannot be told from it alone does not.
    pub(crate) fn holds(
        &self,
        ctx: &Context,
        key: &Key,
        resource: Value<'_>,
        updated: i64,
        bounds: &Bounds,
    ) -> Result<bool> {
        Ok(self.alone(ctx, key, (resource, updated), bounds)?.passes(bounds) == Some(true))
    }

    /// What bounds ask for of a resource, as it was changed at a time.
    pub(super) fn alone(
        &self,
        ctx: &Context,
        key: &Key,
        (resource, updated): (Value<'_>, i64),
        bounds: &Bounds,
    ) -> Result<Alone> {
        let mut alone = Alone::new(&key.id, bounds);
        alone.date(ParamId::of(&key.of, "_lastUpdated"), updated * 1000, updated * 1000 + 999);
        ctx.params().index(&self.indexer, (type_of(resource)?, resource), ctx.base(), &mut alone, |_, _| true);
        Ok(alone)
    }
}
