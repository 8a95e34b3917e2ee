//! Former versions as somebody sees them who does not see all elements: without what is hidden of them, and without what is
//! hidden of the resource as it is now, or was when it was deleted.

use super::masks::{parsed, parts};
use crate::content::type_of;
use crate::{Context, Engine};
use bytes::Bytes;
use fhir::Result;
use fhir::mask::Mask;
use fhir::spec::r4;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use store::{Key, Stored};

/// What is hidden of resources by what they are now, of each as it was first looked up.
#[derive(Default)]
pub(crate) struct Latest(FxHashMap<Key, Option<Veil>>);

/// What is hidden of one.
struct Veil {
    /// The version that says so.
    version: i64,
    mask: Mask,
    /// What has labels, by the resource type that has it.
    labelled: FxHashMap<&'static str, Mask>,
}

impl Engine {
    /// What is sent of a version that may be a former one.
    pub(crate) async fn version_seen(&self, ctx: &Context, version: &Stored, latest: &mut Latest) -> Result<Bytes> {
        if !ctx.is_masked() || version.body.is_empty() {
            return Ok(version.body.clone());
        }
        let veil = match latest.0.entry(version.key.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.veil(ctx, &version.key).await?),
        };
        let Some(veil) = veil.as_ref().filter(|it| it.version != version.version) else {
            return self.seen(ctx, version);
        };
        let doc = parsed(version)?;
        let whole = doc.root();
        let mut hidden = self.hidden(ctx, whole, version.updated)?;
        for part in parts(whole) {
            let of = &*r4().of(type_of(part)?).name;
            // What lies in it may be another one now: of that is hidden what is hidden of some.
            let mut more = match part.index() == whole.index() {
                true => veil.mask.clone(),
                false => ctx.caller.scopes.hidden(of),
            };
            if let Some(labelled) = veil.labelled.get(of) {
                more = more.join(labelled.clone());
            }
            let mask = hidden.masks.entry(part.index()).or_default();
            *mask = std::mem::take(mask).join(more);
        }
        let without = hidden.taken_from(ctx, whole, true);
        Ok(without.map_or_else(|| version.body.clone(), Bytes::from))
    }

    async fn veil(&self, ctx: &Context, key: &Key) -> Result<Option<Veil>> {
        let Some(last) = self.last_content(ctx, key).await?.filter(|it| !it.is_deleted()) else { return Ok(None) };
        let doc = parsed(&last)?;
        let mask = self.mask(ctx, doc.root(), last.updated)?;
        let mut labelled: FxHashMap<&'static str, Mask> = FxHashMap::default();
        for it in self.lacked(ctx, doc.root(), last.updated)? {
            if let Some(path) = it.path {
                labelled.entry(it.of).or_default().hide(path);
            }
        }
        Ok(Some(Veil { version: last.version, mask, labelled }))
    }
}
