//! Elements with security labels of their own ([`fhir::mask::labelled`]), for callers who have no clearance for these or from whom
//! consents withhold them.
//!
//! Which of them a resource has is known once it is looked into. A search that looks at elements leaves out what has one that the
//! caller may not see: whether it matches would tell of it. By its id, what stands in `meta` and by whose it is it is found as
//! ever, in a patient's compartment as well; by another reference it is in no compartment.

use super::widening::labels_of;
use crate::content::type_of;
use crate::privacy::{Coding, Limits, element_labels, with_level};
use crate::{Context, Engine};
use fhir::json::Value;
use fhir::mask::{Labelled, labelled, looks_at_subject};
use fhir::search::{Clause, Codes, Filter, IndexSink, ParamId, Test};
use fhir::spec::{TypeId, r4};
use fhir::{Failure, Result};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};
use store::{Branch, Key, SortBy};

/// Parameters on what no label hides but with the whole resource: on `meta`.
const OF_META: [&str; 5] = ["_lastUpdated", "_security", "_tag", "_profile", "_source"];
/// The parameters of each type by which nothing is looked at that a label hides: those, and by whom a resource is about.
static TELLING_NOTHING: LazyLock<Vec<OnceLock<Vec<ParamId>>>> =
    LazyLock::new(|| r4().types().iter().map(|_| OnceLock::new()).collect());

impl Context {
    /// Whether something is hidden of anything that the caller may see: by masks of rules, or by labels of elements.
    pub(crate) fn is_masked(&self) -> bool {
        self.caller.scopes.is_masked() || self.lacks_clearance()
    }

    /// Whether there are labels that the caller has no clearance for, or by which consents withhold something.
    pub(crate) fn lacks_clearance(&self) -> bool {
        self.limits.as_ref().is_some_and(|it| it.lacks_clearance())
    }
}

impl Engine {
    /// The labels by which elements of a resource are hidden from the caller: those that they have no clearance for, and those by
    /// which consents withhold them.
    pub(super) fn lacked<'v>(&self, ctx: &Context, resource: Value<'v>, updated: i64) -> Result<Vec<Labelled<'v>>> {
        let Some(limits) = ctx.limits.as_ref().filter(|it| it.lacks_clearance()) else { return Ok(Vec::new()) };
        let mut lacked = labelled(resource);
        if lacked.is_empty() {
            return Ok(lacked);
        }
        let withheld = self.withheld(ctx, limits, resource, updated, &lacked)?;
        let is_lacked = |it: &Labelled<'_>| limits.lacks((it.system, it.code));
        let is_open = lacked.iter().any(is_lacked) && self.needs_no_clearance(ctx, limits, resource, updated)?;
        lacked.retain(|it| withheld.contains(&it.element) || !is_open && is_lacked(it));
        Ok(lacked)
    }

    /// Whether a resource is the caller's own, or one of an emergency.
    fn needs_no_clearance(&self, ctx: &Context, limits: &Limits, resource: Value<'_>, updated: i64) -> Result<bool> {
        let (of, params, codes) = (type_of(resource)?, ctx.params(), Codes::none());
        let query = self.query(ctx, of, (params.spec(), &codes));
        let open: Filter = limits.open(&query).map(|it| Clause::Any(vec![it])).into_iter().collect();
        let key = Key::new(&*r4().of(of).name, resource.str("id").unwrap_or_default());
        Ok(!open.is_empty() && self.holds(ctx, &key, resource, updated, &open)?)
    }

    /// The elements, by [`Value::index`], that consents withhold by their labels. What can only be hidden with the whole
    /// resource is decided with that.
    fn withheld(
        &self,
        ctx: &Context,
        limits: &Limits,
        resource: Value<'_>,
        updated: i64,
        all: &[Labelled<'_>],
    ) -> Result<FxHashSet<u32>> {
        let mut labels: BTreeMap<(u32, u32), Vec<Coding<'_>>> = BTreeMap::new();
        for it in all.iter().filter(|it| it.path.is_some()) {
            labels.entry((it.within, it.element)).or_default().push((it.system, it.code));
        }
        // Elements of the same labels are decided alike.
        let mut alike: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        for ((within, element), mut labels) in labels {
            labels.sort_unstable();
            alike.entry((within, labels)).or_default().push(element);
        }
        let mut withheld = FxHashSet::default();
        for ((within, labels), elements) in alike {
            let part = resource.doc().at(within);
            let filter = limits.of_element(type_of(part)?);
            if !filter.is_empty() && !self.shows_element(ctx, (part, updated), &labels, &filter)? {
                withheld.extend(elements);
            }
        }
        Ok(withheld)
    }

    /// Whether criteria on an element hold for one of a resource that has these labels.
    fn shows_element(
        &self,
        ctx: &Context,
        (resource, updated): (Value<'_>, i64),
        labels: &[Coding<'_>],
        filter: &Filter,
    ) -> Result<bool> {
        let of = &*r4().of(type_of(resource)?).name;
        let key = Key::new(of, resource.str("id").unwrap_or_default());
        let mut alone = self.alone(ctx, &key, (resource, updated), filter)?;
        let own = labels_of(resource).filter_map(|(system, code)| Some((system, code?)));
        for (system, code) in with_level(labels, own) {
            alone.token(element_labels(of), system, code);
        }
        Ok(alone.passes(filter) == Some(true))
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

    /// The same of criteria on resources of a type. Of alternatives, those that look at no element find all that they do.
    pub(crate) fn narrow_filter_to_unlabelled(&self, ctx: &Context, of: &str, filter: &mut Filter) -> Result<()> {
        let unlabelled = self.unlabelled(ctx, of)?;
        if unlabelled.is_empty() {
            return Ok(());
        }
        let mut is_by_element = false;
        for clause in filter.iter_mut() {
            match clause {
                Clause::Any(tests) if !tests.iter().all(|it| looks_at_element(of, it)) => {
                    let (some, others) = std::mem::take(tests).into_iter().partition(|it| looks_at_element(of, it));
                    *tests = others;
                    if !Vec::is_empty(&some) {
                        let some = [Clause::Any(some)].into_iter();
                        tests.push(Test::All(some.chain(unlabelled.iter().cloned()).collect()));
                    }
                }
                clause => is_by_element |= looks_at_elements(of, clause),
            }
        }
        if is_by_element {
            filter.extend(unlabelled);
        }
        Ok(())
    }

    /// Leaves of what criteria find what has no element that the caller may not see.
    pub(crate) fn leave_unlabelled(&self, ctx: &Context, of: &str, filter: &mut Filter) -> Result<()> {
        filter.extend(self.unlabelled(ctx, of)?);
        Ok(())
    }

    /// That a resource of a type has no element that the caller may not see; nothing where they may see all.
    pub(super) fn unlabelled(&self, ctx: &Context, of: &str) -> Result<Filter> {
        let Some(limits) = ctx.limits.as_ref().filter(|it| it.lacks_clearance()) else { return Ok(Filter::new()) };
        let (params, codes) = (ctx.params(), Codes::none());
        Ok(limits.by_inline_labels(&self.query(ctx, known(of)?, (params.spec(), &codes))))
    }
}

fn known(of: &str) -> Result<TypeId> {
    r4().resource(of).ok_or_else(|| Failure::internal("a search of an unknown type"))
}

/// Whether a clause on resources of a type looks at elements, but for those that say whose they are.
fn looks_at_elements(of: &str, clause: &Clause) -> bool {
    let (Clause::Any(tests) | Clause::None(tests)) = clause;
    tests.iter().any(|it| looks_at_element(of, it))
}

fn looks_at_element(of: &str, test: &Test) -> bool {
    match test {
        Test::All(inner) => inner.iter().any(|it| looks_at_elements(of, it)),
        // What a reference or a label is called may be hidden by itself.
        Test::Text(..) => true,
        test => test.params().iter().any(|it| is_of_element(of, *it)),
    }
}

/// Whether a parameter of a type looks at elements that may be hidden by a label.
pub(super) fn is_of_element(of: &str, param: ParamId) -> bool {
    let Some(of) = r4().resource(of) else { return true };
    let Some(slot) = TELLING_NOTHING.get(usize::from(of.0)) else { return true };
    !slot.get_or_init(|| telling_nothing(of)).contains(&param)
}

fn telling_nothing(of: TypeId) -> Vec<ParamId> {
    let name = &r4().of(of).name;
    let subjects = r4().params_of(of).into_iter().filter(|it| looks_at_subject(r4(), of, it));
    OF_META.iter().map(|it| ParamId::of(name, it)).chain(subjects.map(|it| ParamId::of_param(name, it))).collect()
}
