//! Which searches would tell of elements that are hidden.
//!
//! A search looks at resources before it is known which rules these are read by, so it looks at no element that is hidden of
//! some.

use super::Scopes;
use crate::{Context, Engine};
use fhir::mask::{Mask, looks_at, looks_at_identities, nested};
use fhir::outcome::shown;
use fhir::search::{Clause, ParamId, Test, numbers};
use fhir::spec::{ParamType, SearchParam, Spec};
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use store::{Branch, SortBy};

impl Engine {
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
        test.params().iter().try_for_each(|it| self.at(of, *it))?;
        match test {
            Test::Kin { of: other, parent, .. } => self.at(other, *parent),
            Test::Chain { of: other, filter, .. } => self.filter(other, filter),
            Test::Has { of: other, param, filter } => {
                self.at(other, *param)?;
                self.filter(other, filter)
            }
            Test::All(filter) => self.filter(of, filter),
            _ => Ok(()),
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
