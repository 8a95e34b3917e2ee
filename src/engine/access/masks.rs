//! Elements that are hidden of resources which the caller may read: what is sent of these, and which searches would tell.
//!
//! An element is hidden unless some rule shows it by which the resource may be read. A search looks at resources before it
//! is known which rules these are read by, so it looks at no element that is hidden of some.

use super::{Grant, Level, Scopes};
use crate::content::type_of;
use crate::{Context, Engine};
use bytes::Bytes;
use fhir::json::{Doc, Value};
use fhir::mask::{Mask, Masking, looks_at, looks_at_identities, masked, nested};
use fhir::outcome::shown;
use fhir::search::{Clause, Codes, ParamId, Query, Test, numbers};
use fhir::spec::{ParamType, SearchParam, Spec, r4};
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use store::{Branch, Key, SortBy, Stored};

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
    fn hides_identities(&self) -> bool {
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
        if !ctx.caller.scopes.is_masked() || body.is_empty() {
            return Ok(body.clone());
        }
        let text = std::str::from_utf8(body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let without = self.without_hidden(ctx, doc.root(), updated, true)?;
        Ok(without.map_or_else(|| body.clone(), Bytes::from))
    }

    /// Resources as the caller sees them.
    pub(crate) fn all_seen(&self, ctx: &Context, mut all: Vec<Stored>) -> Result<Vec<Stored>> {
        if ctx.caller.scopes.is_masked() {
            for stored in &mut all {
                stored.body = self.seen(ctx, stored)?;
            }
        }
        Ok(all)
    }

    /// The same, of what is needed as it is beside.
    pub(crate) fn as_seen<'s>(&self, ctx: &Context, all: &'s [Stored]) -> Result<Cow<'s, [Stored]>> {
        match ctx.caller.scopes.is_masked() {
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
        let scopes = &ctx.caller.scopes;
        if !scopes.is_masked() {
            return Ok(None);
        }
        let mut masks = FxHashMap::default();
        for part in resource.descendants().filter(|it| it.str("resourceType").is_some()) {
            masks.insert(part.index(), self.mask(ctx, part, updated)?);
        }
        let masking = Masking { masks: &masks, hides_identities: scopes.hides_identities(), is_marked };
        Ok(masked(resource, &masking))
    }

    /// What is hidden of a resource: what every rule hides by which it may be read; by none of them, what any hides.
    /// Fails with 403 if a patch would have its caller see what of the resource is hidden from them.
    pub(crate) fn demand_still_hidden(&self, ctx: &Context, current: &Stored, patched: Value<'_>) -> Result<()> {
        if !ctx.caller.scopes.is_masked() {
            return Ok(());
        }
        let text = std::str::from_utf8(&current.body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let before = self.mask(ctx, doc.root(), current.updated)?;
        if before.meet(&self.mask(ctx, patched, self.now_micros() / 1000)?) == before {
            return Ok(());
        }
        let told = "The change would show you what of this resource is hidden from you.";
        Err(Failure::new(IssueType::Forbidden, told))
    }

    fn mask(&self, ctx: &Context, resource: Value<'_>, updated: i64) -> Result<Mask> {
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
        let query = Query { spec: params.spec(), of, base: ctx.base(), now: self.now_micros(), codes: &codes };
        let key = Key::new(&*r4().of(of).name, resource.str("id").unwrap_or_default());
        match ctx.caller.scopes.filter(&query, grant) {
            None => Ok(false),
            Some(filter) => Ok(filter.is_empty() || self.holds(ctx, &key, resource, updated, &filter)?),
        }
    }

    /// Fails with 403 if a search would tell of elements that are hidden from the caller.
    pub(crate) fn demand_shown(&self, ctx: &Context, branch: &Branch) -> Result<()> {
        if !ctx.caller.scopes.is_masked() {
            return Ok(());
        }
        let params = ctx.params();
        let mut looks = Looks { spec: params.spec(), scopes: &ctx.caller.scopes, known: FxHashMap::default() };
        looks.filter(&branch.of, &branch.filter)?;
        branch.sort.iter().try_for_each(|it| match it.by {
            SortBy::Id => Ok(()),
            SortBy::String(param) | SortBy::Date(param) | SortBy::Number(param) | SortBy::Target(param) => {
                looks.at(&branch.of, param)
            }
        })
    }

    /// Fails with 403 if a search parameter of a type would tell of elements that are hidden from the caller.
    pub(crate) fn demand_param_shown(&self, ctx: &Context, of: &str, code: &str) -> Result<()> {
        match self.is_param_shown(ctx, of, code) {
            true => Ok(()),
            false => Err(looks_at_hidden(of, code)),
        }
    }

    /// Whether a search parameter of a type tells nothing that is hidden from the caller.
    pub(crate) fn is_param_shown(&self, ctx: &Context, of: &str, code: &str) -> bool {
        let (params, scopes) = (ctx.params(), &ctx.caller.scopes);
        let param = params.spec().resource(of).and_then(|it| params.spec().param(it, code));
        !scopes.is_masked() || param.is_none_or(|it| Shown::of(params.spec(), scopes, of).tells_nothing(it))
    }
}

/// What a caller sees of a type.
struct Shown<'s> {
    spec: &'s Spec,
    of: &'s str,
    /// What no search may look at; what lies in others as a resource is masked by rules of its own.
    closed: Mask,
    hides_identities: bool,
}

impl<'s> Shown<'s> {
    fn of(spec: &'s Spec, scopes: &Scopes, of: &'s str) -> Shown<'s> {
        let inner = spec.resource(of).map(|it| nested(spec, it)).unwrap_or_default();
        Shown { spec, of, closed: scopes.hidden(of).join(inner), hides_identities: scopes.hides_identities() }
    }

    /// Whether a search by a parameter tells nothing that is hidden.
    fn tells_nothing(&self, param: &SearchParam) -> bool {
        let Some(of) = self.spec.resource(self.of) else { return false };
        // Of R4's parameters none asks for them but by a modifier.
        let is_asked = || param.own.is_some() && looks_at_identities(self.spec, of, param);
        !(looks_at(self.spec, of, param, &self.closed) || self.hides_identities && is_asked())
    }

    /// The numbers of the parameters by which a search tells something that is hidden, with their codes.
    fn closed_params(&self) -> FxHashMap<ParamId, String> {
        let mut closed = FxHashMap::default();
        for param in self.spec.resource(self.of).map(|it| self.spec.params_of(it)).unwrap_or_default() {
            let is_closed = !self.tells_nothing(param);
            // Beside a reference stand the identifiers by which it names what it leads to.
            let is_aside_closed = self.hides_identities && param.kind == ParamType::Reference;
            for (at, id) in numbers(self.of, param).enumerate() {
                if is_closed || (at > 0 && is_aside_closed) {
                    closed.insert(id, param.code.to_string());
                }
            }
        }
        closed
    }
}

/// Looks through what a search asks for.
struct Looks<'s> {
    spec: &'s Spec,
    scopes: &'s Scopes,
    /// The parameters of types that were met that tell of what is hidden.
    known: FxHashMap<String, FxHashMap<ParamId, String>>,
}

impl Looks<'_> {
    fn filter(&mut self, of: &str, filter: &[Clause]) -> Result<()> {
        let mut tests = filter.iter().flat_map(|it| match it {
            Clause::Any(tests) | Clause::None(tests) => tests,
        });
        tests.try_for_each(|it| self.test(of, it))
    }

    fn test(&mut self, of: &str, test: &Test) -> Result<()> {
        match test {
            Test::Id(_) => Ok(()),
            Test::Present(param, _)
            | Test::Token(param, _)
            | Test::String(param, _)
            | Test::Date(param, _)
            | Test::Number(param, _)
            | Test::Quantity(param, ..)
            | Test::Local { param, .. }
            | Test::Url(param, _)
            | Test::Uri(param, _)
            | Test::Near(param, _)
            | Test::Text(param, _)
            | Test::Numbers(param, ..)
            | Test::Composite { param, .. } => self.at(of, *param),
            Test::Kin { param, of: other, parent, .. } => {
                self.at(of, *param)?;
                self.at(other, *parent)
            }
            Test::Chain { param, of: other, filter, .. } => {
                self.at(of, *param)?;
                self.filter(other, filter)
            }
            Test::Has { of: other, param, filter } => {
                self.at(other, *param)?;
                self.filter(other, filter)
            }
            Test::Owned { params, .. } | Test::Unowned { params, .. } => {
                params.iter().try_for_each(|it| self.at(of, *it))
            }
            Test::All(filter) => self.filter(of, filter),
        }
    }

    /// Fails if a parameter of a type tells of what is hidden.
    fn at(&mut self, of: &str, param: ParamId) -> Result<()> {
        let closed = match self.known.entry(of.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Shown::of(self.spec, self.scopes, of).closed_params()),
        };
        closed.get(&param).map_or(Ok(()), |code| Err(looks_at_hidden(of, code)))
    }
}

fn looks_at_hidden(of: &str, code: &str) -> Failure {
    let told = format!(
        "The search parameter {} looks at elements of {of} that are hidden from you, so nothing can be asked for by it.",
        shown(code)
    );
    Failure::new(IssueType::Forbidden, told)
}
