//! Elements that are hidden of resources which the caller may read: what is sent of these.
//!
//! An element is hidden unless some rule shows it by which the resource may be read; and if it has a label that the caller has no
//! clearance for.

use super::{Grant, Level, Scopes};
use crate::content::type_of;
use crate::{Context, Engine};
use bytes::Bytes;
use fhir::json::{Doc, Value};
use fhir::mask::{Labelled, Mask, Masking, masked, may_be_labelled};
use fhir::search::Codes;
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use store::{Key, Stored};

impl Scopes {
    /// Whether anything is hidden of anything that is granted.
    pub(crate) fn is_masked(&self) -> bool {
        self.is_masked
    }

    fn showing<'s>(&'s self, of: &'s str) -> impl Iterator<Item = &'s Grant> {
        self.grants.iter().filter(move |it| it.shows(of))
    }

    /// What is hidden of at least some resources of a type, as elements of it.
    pub fn hidden(&self, of: &str) -> Mask {
        if !self.is_masked {
            return Mask::default();
        }
        let whole = self.showing(of).filter(|it| it.level != Level::Patient && it.criteria.is_none());
        let shown_anyway = whole.map(|it| it.mask(of)).reduce(|one, two| one.meet(&two));
        shown_anyway.unwrap_or_else(|| self.hidden_by_any(of))
    }

    /// What some rule hides of a type, whatever others show.
    pub(crate) fn hidden_by_any(&self, of: &str) -> Mask {
        self.grants.iter().map(|it| it.mask(of)).fold(Mask::default(), Mask::join)
    }

    /// Whether identifiers are hidden by which references name what they lead to.
    pub(super) fn hides_identities(&self) -> bool {
        let masked = self.grants.iter().flat_map(|it| &it.masked).filter_map(|it| it.split_once('.'));
        let mut types: Vec<&str> = masked.filter(|(_, path)| path.starts_with("identifier")).map(|it| it.0).collect();
        types.dedup();
        types.into_iter().any(|it| self.hidden(it).touches("identifier"))
    }
}

impl Engine {
    /// What is sent of a stored version: its body, without what is hidden from the caller.
    pub(crate) fn seen(&self, ctx: &Context, stored: &Stored) -> Result<Bytes> {
        self.seen_of(ctx, &stored.body, stored.updated)
    }

    /// The same of a body that was changed at this time.
    pub(crate) fn seen_of(&self, ctx: &Context, body: &Bytes, updated: i64) -> Result<Bytes> {
        if !ctx.is_masked() || body.is_empty() {
            return Ok(body.clone());
        }
        let text = std::str::from_utf8(body).map_err(Failure::internal)?;
        if !ctx.caller.scopes.is_masked() && !may_be_labelled(text) {
            return Ok(body.clone());
        }
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let without = self.without_hidden(ctx, doc.root(), updated, true)?;
        Ok(without.map_or_else(|| body.clone(), Bytes::from))
    }

    /// Resources as the caller sees them.
    pub(crate) fn all_seen(&self, ctx: &Context, mut all: Vec<Stored>) -> Result<Vec<Stored>> {
        if ctx.is_masked() {
            for stored in &mut all {
                stored.body = self.seen(ctx, stored)?;
            }
        }
        Ok(all)
    }

    /// The same, of what is needed as it is beside.
    pub(crate) fn as_seen<'s>(&self, ctx: &Context, all: &'s [Stored]) -> Result<Cow<'s, [Stored]>> {
        match ctx.is_masked() {
            true => Ok(Cow::Owned(self.all_seen(ctx, all.to_vec())?)),
            false => Ok(Cow::Borrowed(all)),
        }
    }

    /// A resource without what is hidden from the caller, perhaps with the tag that says so; `None` where that is nothing.
    pub(crate) fn without_hidden(
        &self,
        ctx: &Context,
        resource: Value<'_>,
        updated: i64,
        is_marked: bool,
    ) -> Result<Option<String>> {
        if !ctx.is_masked() {
            return Ok(None);
        }
        Ok(self.hidden(ctx, resource, updated)?.taken_from(ctx, resource, is_marked))
    }

    /// What is hidden of a resource and of those that lie in it.
    pub(super) fn hidden(&self, ctx: &Context, resource: Value<'_>, updated: i64) -> Result<Hidden> {
        let masks = match ctx.caller.scopes.is_masked() {
            true => parts(resource).map(|it| Ok((it.index(), self.mask(ctx, it, updated)?))).collect::<Result<_>>()?,
            false => FxHashMap::default(),
        };
        let values = self.lacked(ctx, resource, updated)?.into_iter().flat_map(|it| it.values).collect();
        Ok(Hidden { masks, values })
    }

    /// Fails with 403 if a patch would have its caller see what of the resource is hidden from them.
    pub(crate) fn demand_still_hidden(&self, ctx: &Context, current: &Stored, patched: Value<'_>) -> Result<()> {
        if !ctx.is_masked() {
            return Ok(());
        }
        let (former, now) = (parsed(current)?, self.now_micros() / 1000);
        let before = self.mask(ctx, former.root(), current.updated)?;
        let is_masked = before.meet(&self.mask(ctx, patched, now)?) == before;
        let lacked = self.lacked(ctx, former.root(), current.updated)?;
        if is_masked && are_among(&lacked, &self.lacked(ctx, patched, now)?) {
            return Ok(());
        }
        let told = "The change would show you what of this resource is hidden from you.";
        Err(Failure::new(IssueType::Forbidden, told))
    }

    /// What is hidden of a resource: what every rule hides by which it may be read; by none of them, what any hides.
    pub(super) fn mask(&self, ctx: &Context, resource: Value<'_>, updated: i64) -> Result<Mask> {
        let scopes = &ctx.caller.scopes;
        let of = &*r4().of(type_of(resource)?).name;
        if scopes.hidden_by_any(of).is_empty() {
            return Ok(Mask::default());
        }
        let mut hidden: Option<Mask> = None;
        for grant in scopes.showing(of) {
            if self.is_granted_by(ctx, grant, resource, updated)? {
                let own = grant.mask(of);
                hidden = Some(hidden.map_or_else(|| own.clone(), |it| it.meet(&own)));
            }
        }
        Ok(hidden.unwrap_or_else(|| scopes.hidden_by_any(of)))
    }

    fn is_granted_by(&self, ctx: &Context, grant: &Grant, resource: Value<'_>, updated: i64) -> Result<bool> {
        let (of, params, codes) = (type_of(resource)?, ctx.params(), Codes::none());
        let query = self.query(ctx, of, (params.spec(), &codes));
        let key = Key::new(&*r4().of(of).name, resource.str("id").unwrap_or_default());
        match ctx.caller.scopes.filter(&query, grant) {
            None => Ok(false),
            Some(filter) => Ok(filter.is_empty() || self.holds(ctx, &key, resource, updated, &filter)?),
        }
    }
}

/// Whether labels are among others, each on an element of the same definition and as often.
fn are_among(some: &[Labelled<'_>], all: &[Labelled<'_>]) -> bool {
    let mut left: FxHashMap<_, usize> = FxHashMap::default();
    for it in all {
        *left.entry((&it.at, it.system, it.code)).or_default() += 1;
    }
    some.iter().all(|it| {
        let left = left.get_mut(&(&it.at, it.system, it.code)).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    })
}

pub(super) fn parsed(stored: &Stored) -> Result<Doc> {
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    Doc::parse(text).map_err(Failure::internal)
}

/// A resource, and those that lie in it.
pub(super) fn parts(resource: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    resource.descendants().filter(|it| it.str("resourceType").is_some())
}

/// What is hidden of a resource and of those that lie in it.
pub(super) struct Hidden {
    /// By [`Value::index`] of each of them.
    pub(super) masks: FxHashMap<u32, Mask>,
    /// Single elements, by theirs.
    values: FxHashSet<u32>,
}

impl Hidden {
    /// The resource without it; `None` where that is nothing.
    pub(super) fn taken_from(&self, ctx: &Context, resource: Value<'_>, is_marked: bool) -> Option<String> {
        let hides_identities = ctx.caller.scopes.hides_identities();
        masked(resource, &Masking { masks: &self.masks, values: &self.values, hides_identities, is_marked })
    }
}
