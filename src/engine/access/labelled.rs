//! Elements with security labels of their own ([`fhir::mask::labelled`]), for callers who have no clearance for these.
//!
//! Which of them a resource has is known once it is looked into. A search that looks at elements leaves out what has one that the
//! caller may not see: whether it matches would tell of it. By its id, what stands in `meta`, whose it is and the compartment it
//! is in it is found as ever.

use crate::content::type_of;
use crate::{Context, Engine};
use fhir::json::Value;
use fhir::mask::{Labelled, labelled};
use fhir::search::{Clause, Codes, Filter, ParamId, Query, Test};
use fhir::spec::{ParamType, TypeId, r4};
use fhir::{Failure, Result};
use store::{Branch, Key, SortBy};

/// Parameters on what no label hides but with the whole resource: on `meta`.
const OF_META: [&str; 5] = ["_lastUpdated", "_security", "_tag", "_profile", "_source"];
/// And by whom a resource is about.
const SUBJECTS: [&str; 2] = ["patient", "subject"];

impl Context {
    /// Whether something is hidden of anything that the caller may see: by masks of rules, or by labels of elements.
    pub(crate) fn is_masked(&self) -> bool {
        self.caller.scopes.is_masked() || self.lacks_clearance()
    }

    fn lacks_clearance(&self) -> bool {
        self.limits.as_ref().is_some_and(|it| it.lacks_clearance())
    }
}

impl Engine {
    /// The labels of elements of a resource that the caller has no clearance for.
    pub(super) fn lacked<'v>(&self, ctx: &Context, resource: Value<'v>, updated: i64) -> Result<Vec<Labelled<'v>>> {
        let Some(limits) = ctx.limits.as_ref().filter(|it| it.lacks_clearance()) else { return Ok(Vec::new()) };
        let mut lacked = labelled(resource);
        lacked.retain(|it| limits.lacks((it.system, it.code)));
        if lacked.is_empty() {
            return Ok(lacked);
        }
        let (of, params, codes) = (type_of(resource)?, ctx.params(), Codes::none());
        let query = self.query(ctx, of, (params.spec(), &codes));
        let open: Filter = limits.open(&query).map(|it| Clause::Any(vec![it])).into_iter().collect();
        let key = Key::new(&*r4().of(of).name, resource.str("id").unwrap_or_default());
        if !open.is_empty() && self.holds(ctx, &key, resource, updated, &open)? {
            lacked.clear();
        }
        Ok(lacked)
    }

    /// Narrows a search to what it may look at, if it looks at elements.
    pub(super) fn narrow_to_unlabelled(&self, ctx: &Context, branch: &mut Branch) -> Result<()> {
        let is_by_element = branch.sort.iter().any(|it| match it.by {
            SortBy::Id => false,
            SortBy::String(param) | SortBy::Date(param) | SortBy::Number(param) | SortBy::Target(param) => {
                is_of_element(&branch.of, param)
            }
        });
        if is_by_element {
            return self.leave_unlabelled(ctx, &branch.of, &mut branch.filter);
        }
        self.narrow_filter_to_unlabelled(ctx, &branch.of, &mut branch.filter)
    }

    /// The same of criteria on resources of a type.
    pub(crate) fn narrow_filter_to_unlabelled(&self, ctx: &Context, of: &str, filter: &mut Filter) -> Result<()> {
        if !ctx.lacks_clearance() {
            return Ok(());
        }
        let (params, codes) = (ctx.params(), Codes::none());
        let query = self.query(ctx, known(of)?, (params.spec(), &codes));
        match looks_at_elements(&query, filter) {
            true => self.leave_unlabelled(ctx, of, filter),
            false => Ok(()),
        }
    }

    /// Leaves of what criteria find what has no element that the caller may not see.
    pub(crate) fn leave_unlabelled(&self, ctx: &Context, of: &str, filter: &mut Filter) -> Result<()> {
        let Some(limits) = ctx.limits.as_ref().filter(|it| it.lacks_clearance()) else { return Ok(()) };
        let (params, codes) = (ctx.params(), Codes::none());
        filter.extend(limits.by_inline_labels(&self.query(ctx, known(of)?, (params.spec(), &codes))));
        Ok(())
    }
}

fn known(of: &str) -> Result<TypeId> {
    r4().resource(of).ok_or_else(|| Failure::internal("a search of an unknown type"))
}

/// Whether criteria look at elements of the resources, but for those that say whose they are and in which compartment.
fn looks_at_elements(query: &Query<'_>, filter: &[Clause]) -> bool {
    let of = &*r4().of(query.of).name;
    filter.iter().filter(|it| !is_compartment(query, it)).any(|clause| {
        let (Clause::Any(tests) | Clause::None(tests)) = clause;
        tests.iter().any(|test| match test {
            Test::All(inner) => looks_at_elements(query, inner),
            test => test.params().iter().any(|it| is_of_element(of, *it)),
        })
    })
}

/// Whether a clause asks for a compartment.
fn is_compartment(query: &Query<'_>, clause: &Clause) -> bool {
    let Clause::Any(tests) = clause else { return false };
    let owner = tests.iter().find_map(|it| match it {
        Test::Local { of, id, .. } => Some((r4().resource(of)?, id)),
        _ => None,
    });
    owner.and_then(|(of, id)| query.in_compartment(of, id)).is_some_and(|it| it == *clause)
}

/// Whether a parameter of a type looks at elements that may be hidden by a label.
pub(super) fn is_of_element(of: &str, param: ParamId) -> bool {
    let is_subject = |code: &&str| {
        let found = r4().resource(of).and_then(|it| r4().param(it, code));
        found.is_some_and(|it| it.kind == ParamType::Reference)
    };
    let mut others = OF_META.into_iter().chain(SUBJECTS.into_iter().filter(is_subject));
    !others.any(|it| ParamId::of(of, it) == param)
}
