//! What no grant decides by its type alone: a Binary is seen by who sees the resource that it names as its security context
//! (binary.html#security), a stored Bundle by who sees each of its entries.

use super::{Access, Reach, Scopes};
use crate::content::type_of;
use crate::{Context, Engine};
use fhir::json::Value;
use fhir::search::{Clause, Target, Test};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use store::{Branch, Key, Page, Plan, Stored};

const BINARY: &str = "Binary";
const BUNDLE: &str = "Bundle";

/// How deep Bundles in Bundles are looked into, and how many security contexts are followed: what lies further is not seen.
const DEPTH: usize = 4;
const CONTEXTS: usize = 100;
/// Resources looked at in one go, and the most of which all are looked at for one search.
const BATCH: usize = 50;
const MOST: usize = 1000;
/// How often the store is asked for one page of a search that finds more of them.
const LOOKS: usize = 20;

/// What was found inside of a resource.
#[derive(Default)]
struct Inside {
    /// Security contexts that are to be seen yet.
    contexts: Vec<Key>,
    /// Whether there is something that decides at all.
    is_any: bool,
}

impl Scopes {
    /// Whether an access to a type is granted by some rule, be it of a patient's records only.
    fn name(&self, access: Access, of: &str) -> bool {
        self.grants.iter().any(|it| it.has(access) && (it.of == "*" || it.of == of))
    }
}

impl Engine {
    /// Whether what the caller sees of a type is decided by what each of its resources has.
    pub(crate) fn is_decided_inside(&self, ctx: &Context, of: &str) -> bool {
        let sees_all =
            || ctx.caller.scopes.allow(Access::Read, "*") && ctx.limits.as_ref().is_none_or(|it| it.is_none());
        matches!(of, BINARY | BUNDLE) && !sees_all()
    }

    /// Whether one that is within the bounds of its type may be seen by what it has.
    pub(crate) async fn is_seen_inside(&self, ctx: &Context, stored: &Stored) -> Result<bool> {
        if stored.is_deleted() || !self.is_decided_inside(ctx, &stored.key.of) {
            return Ok(true);
        }
        Ok(self.seen_inside(ctx, stored).await?.is_some())
    }

    /// What was found, unless it may not be seen by what it has.
    pub(crate) async fn open_inside(&self, ctx: &Context, found: Option<Stored>) -> Result<Option<Stored>> {
        match found {
            Some(found) if !self.is_seen_inside(ctx, &found).await? => Ok(None),
            found => Ok(found),
        }
    }

    /// The same of one that no rule lets the caller see by its type, but rules of a patient's records may: what it has must
    /// say that it is theirs.
    pub(crate) async fn is_own_inside(&self, ctx: &Context, stored: &Stored) -> Result<bool> {
        let is_open = !stored.is_deleted() && self.may_own_inside(ctx, &stored.key.of);
        Ok(is_open && self.seen_inside(ctx, stored).await?.is_some_and(|it| it.is_any))
    }

    /// Whether resources of a type may be the caller's by what they have.
    pub(crate) fn may_own_inside(&self, ctx: &Context, of: &str) -> bool {
        ctx.caller.scopes.name(Access::Read, of) && self.is_decided_inside(ctx, of)
    }

    /// Those that are seen by what they have.
    pub(crate) async fn seen_inside_of(&self, ctx: &Context, all: Vec<Stored>) -> Result<Vec<Stored>> {
        let mut seen = Vec::with_capacity(all.len());
        for stored in all {
            if self.is_seen_inside(ctx, &stored).await? {
                seen.push(stored);
            }
        }
        Ok(seen)
    }

    /// Of resources of types that no rule lets the caller read, those that are theirs by what they have.
    pub(crate) async fn own_inside_of(&self, ctx: &Context, all: Vec<Stored>) -> Result<Vec<Stored>> {
        let mut own = Vec::new();
        for stored in all {
            if self.is_own_inside(ctx, &stored).await? {
                own.push(stored);
            }
        }
        Ok(own)
    }

    /// What was found inside of one that may be seen.
    async fn seen_inside(&self, ctx: &Context, stored: &Stored) -> Result<Option<Inside>> {
        let mut inside = Inside::default();
        if !self.look_inside(ctx, stored, &mut inside).await? {
            return Ok(None);
        }
        let mut followed = 0;
        while let Some(key) = inside.contexts.pop() {
            followed += 1;
            let found = match self.within_reach(ctx, &key).await {
                Err(failure) if failure.status == 403 => None,
                found => found?,
            };
            let found = found.filter(|it| !it.is_deleted() && followed <= CONTEXTS);
            match found {
                Some(found) if self.look_inside(ctx, &found, &mut inside).await? => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(inside))
    }

    async fn look_inside(&self, ctx: &Context, stored: &Stored, inside: &mut Inside) -> Result<bool> {
        if !matches!(stored.key.of.as_str(), BINARY | BUNDLE) {
            return Ok(true);
        }
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        for reading in self.readings(ctx, text)? {
            let mut rest = vec![(reading.root(), DEPTH)];
            while let Some((resource, depth)) = rest.pop() {
                if !look_at(ctx, (resource, depth), &mut rest, inside) {
                    return Ok(false);
                }
                if depth < DEPTH && !self.is_entry_seen(ctx, resource, stored.updated).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether a resource that stands in another one would be seen if it were stored by itself.
    async fn is_entry_seen(&self, ctx: &Context, entry: Value<'_>, updated: i64) -> Result<bool> {
        let of = &*r4().of(type_of(entry)?).name;
        match self.reach(ctx, Access::Read, of) {
            Ok(Reach::Whole) => Ok(true),
            Ok(Reach::Narrow(filter)) => {
                let key = Key::new(of, entry.str("id").unwrap_or_default());
                self.holds_here(ctx, &key, entry, updated, &filter).await
            }
            Err(failure) if failure.status == 403 => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Narrows searches of types that are decided by what each resource has to those that may be seen, before anything is
    /// counted. Not where there are too many to look at all of them: then [`Engine::walked`] answers.
    pub(crate) async fn narrow_inside(&self, ctx: &Context, branches: &mut [Branch]) -> Result<bool> {
        for branch in branches.iter_mut().filter(|it| self.is_decided_inside(ctx, &it.of)) {
            let bare = Branch { sort: Vec::new(), ..branch.clone() };
            let mut plan = Plan { branches: vec![bare], after: None, limit: BATCH };
            let (mut seen, mut looked) = (Vec::new(), 0);
            if ctx.session.count(&plan).await? > MOST as i64 {
                return Ok(false);
            }
            loop {
                let page = ctx.session.search(&plan).await?;
                looked += page.found.len();
                if looked > MOST {
                    return Ok(false);
                }
                let found = self.seen_inside_of(ctx, page.found).await?;
                seen.extend(found.into_iter().map(|it| Test::Id(it.key.id)));
                plan.after = page.next;
                if plan.after.is_none() {
                    break;
                }
            }
            branch.filter.push(Clause::Any(seen));
        }
        Ok(true)
    }

    /// A page of a search that finds more than can all be looked at: of those that may be seen, from where the plan goes on. It
    /// leads on only where one of them follows, as far as was looked. Where many in a row may not be seen, a page is short.
    pub(crate) async fn walked(&self, ctx: &Context, plan: &Plan) -> Result<Page> {
        let count = plan.limit;
        let mut plan = plan.clone();
        let mut found: Vec<Stored> = Vec::new();
        let mut end = None;
        let mut is_near = true;
        for _ in 0..LOOKS {
            let missing = count - found.len();
            plan.limit = if is_near && missing > 0 { missing } else { missing.max(BATCH) };
            let page = ctx.session.search(&plan).await?;
            let seen = self.seen_inside_of(ctx, page.found).await?;
            if missing == 0 && !seen.is_empty() {
                return Ok(Page { found, next: end, previous: None });
            }
            // Where a page ends is known of the last one that was looked at.
            is_near = seen.len() > missing;
            if is_near {
                continue;
            }
            found.extend(seen);
            end.clone_from(&page.next);
            plan.after = page.next;
            if end.is_none() {
                break;
            }
        }
        Ok(Page { found, next: end, previous: None })
    }
}

/// Whether nothing tells yet that a resource may not be seen; what lies in it is to be looked at next. Of a security context
/// elsewhere, or one that is named otherwise than by its address, nobody knows who sees it.
fn look_at<'v>(
    ctx: &Context,
    (resource, depth): (Value<'v>, usize),
    rest: &mut Vec<(Value<'v>, usize)>,
    inside: &mut Inside,
) -> bool {
    match resource.str("resourceType") {
        Some(BINARY) => {
            let Some(context) = resource.get("securityContext") else { return true };
            inside.is_any = true;
            match Target::parse(context.str("reference").unwrap_or_default(), ctx.base()) {
                Target::Local { of, id } if r4().resource(of).is_some() => inside.contexts.push(Key::new(of, id)),
                _ => return false,
            }
        }
        Some(BUNDLE) if depth > 0 => {
            let entries = resource.get("entry").into_iter().flat_map(Value::each);
            let entries = entries.filter_map(|it| it.get("resource"));
            let before = rest.len();
            rest.extend(entries.map(|it| (it, depth - 1)));
            inside.is_any |= rest.len() > before;
        }
        Some(BUNDLE) => return false,
        _ => {}
    }
    true
}

/// The refusal of what has to look at all that a search finds, where it finds too many of what is decided by what it has.
pub(crate) fn too_many() -> Failure {
    let told = format!(
        "Who may see a Binary or a stored Bundle is told by what it has, and the search finds more than {MOST} of them. It is \
         answered page after page; an exact count, the way back, an order that no index keeps, and criteria of conditional \
         requests would look at all of them: narrow it for these."
    );
    Failure::new(IssueType::TooCostly, told)
}
