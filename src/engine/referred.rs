//! What the references of a resource lead to on this server, for its validation (references.html#literal).

use crate::access::Reach;
use crate::{Access, Context, Engine};
use fhir::json::Doc;
use fhir::path::{Context as PathContext, Item, Node, Services, unread};
use fhir::{Failure, Result};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use store::Key;

/// The most references of one resource that are looked up.
const MOST: usize = 200;

/// What is known of references' targets, and which are to be looked up yet.
pub(crate) struct Referred {
    base: String,
    known: FxHashMap<Key, Target>,
    missing: Mutex<Vec<Key>>,
}

/// What became of looking something up.
enum Target {
    There(Doc),
    Absent,
    /// The caller may not know.
    Hidden,
}

impl Referred {
    pub(crate) fn new(ctx: &Context) -> Referred {
        Referred { base: ctx.base().to_owned(), known: FxHashMap::default(), missing: Mutex::default() }
    }

    /// Whether there is something to be looked up.
    pub(crate) fn is_waiting(&mut self) -> bool {
        !self.waiting().is_empty()
    }

    fn waiting(&mut self) -> &mut Vec<Key> {
        self.missing.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn target(&self, reference: &str) -> Option<&Target> {
        let own = reference.strip_prefix(&self.base).and_then(|it| it.strip_prefix('/')).unwrap_or(reference);
        let unversioned = own.split("/_history/").next()?;
        let (of, id) = unversioned.split_once('/').filter(|(of, id)| !of.contains(':') && !id.contains('/'))?;
        let key = Key::new(of, id);
        let known = self.known.get(&key);
        if known.is_none() {
            self.missing.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        }
        known
    }
}

impl Services for Referred {
    fn resolve<'a>(&'a self, reference: &str, _: &PathContext<'a>) -> Option<Item<'a>> {
        match self.target(reference) {
            Some(Target::There(doc)) => Node::resource(doc.root()).map(Item::Node),
            _ => unread(reference),
        }
    }

    fn is_stored(&self, reference: &str) -> Option<bool> {
        match self.target(reference)? {
            Target::There(_) => Some(true),
            Target::Absent => Some(false),
            Target::Hidden => None,
        }
    }
}

impl Engine {
    /// Looks up what references are waiting for, as far as the caller may read it; whether there was something.
    pub(crate) async fn refer(&self, ctx: &Context, referred: &mut Referred) -> Result<bool> {
        let waiting = std::mem::take(referred.waiting());
        let is_any = !waiting.is_empty() && referred.known.len() < MOST;
        for key in waiting.into_iter().take(MOST) {
            if let Entry::Vacant(unknown) = referred.known.entry(key) {
                let target = self.target(ctx, unknown.key()).await?;
                unknown.insert(target);
            }
        }
        Ok(is_any)
    }

    async fn target(&self, ctx: &Context, key: &Key) -> Result<Target> {
        let is_seen_whole = match self.reach(ctx, Access::Read, &key.of) {
            Ok(reach) => matches!(reach, Reach::Whole),
            Err(_) => return Ok(Target::Hidden),
        };
        match self.read_within(ctx, key).await? {
            Some(stored) if !stored.is_deleted() => {
                // A rule could ask for what is hidden.
                let text = String::from_utf8(self.seen(ctx, &stored)?.to_vec()).map_err(Failure::internal)?;
                Doc::parse(text).map(Target::There).map_err(Failure::internal)
            }
            _ if is_seen_whole => Ok(Target::Absent),
            _ => Ok(Target::Hidden),
        }
    }
}
