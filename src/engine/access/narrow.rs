//! Access that is granted to some resources of a type only, those of a patient's compartment or those that match
//! criteria: a search gets more criteria, and what is read must pass them.

use super::grant::{Grant, Level, clauses};
use super::labelled::is_of_element;
use super::{Access, Scopes};
use crate::audit::AUDIT_EVENT;
use crate::{Context, Engine};
use fhir::search::{Clause, Codes, Filter, Query, Test};
use fhir::spec::{Spec, TypeId, r4};
use fhir::{Failure, IssueType, Result};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Branch, Key, Plan, Stored};

/// Resources looked up in one query.
const BATCH: usize = 200;

/// How far access to a type goes.
pub(crate) enum Reach {
    /// To all resources of the type.
    Whole,
    /// To those that match.
    Narrow(Filter),
}

impl Reach {
    /// The same, as far as this lets it.
    fn within(self, filter: &Filter) -> Reach {
        match self {
            reach if filter.is_empty() => reach,
            Reach::Whole => Reach::Narrow(filter.clone()),
            Reach::Narrow(mut own) => {
                own.extend(filter.iter().cloned());
                Reach::Narrow(own)
            }
        }
    }
}

impl Scopes {
    /// How far this access to a type goes; `None` if it is not granted at all.
    fn reach(&self, query: &Query<'_>, access: Access) -> Option<Reach> {
        let name = &*query.spec.of(query.of).name;
        if self.allow(access, name) {
            return Some(Reach::Whole);
        }
        let granted = self.grants.iter().filter(|it| it.has(access) && (it.of == "*" || it.of == name));
        let alternatives: Vec<Test> = granted.filter_map(|it| Some(Test::All(self.filter(query, it)?))).collect();
        (!alternatives.is_empty()).then(|| Reach::Narrow(vec![Clause::Any(alternatives)]))
    }

    /// What a grant leaves of a type; `None` where that is nothing.
    pub(super) fn filter(&self, query: &Query<'_>, grant: &Grant) -> Option<Filter> {
        let mut filter = match &grant.criteria {
            Some(criteria) => clauses(query, criteria)?,
            None => Vec::new(),
        };
        if grant.level == Level::Patient {
            filter.push(query.in_compartment(r4().resource("Patient")?, self.patient.as_ref()?)?);
        }
        Some(filter)
    }
}

impl Engine {
    /// How far access to a type goes, by what is granted and by what rules leave of it; fails with 403 if it is not granted.
    pub(crate) fn reach(&self, ctx: &Context, access: Access, of: &str) -> Result<Reach> {
        Ok(self.granted(ctx, access, of)?.within(&*ctx.left(access, of)?))
    }

    /// Fails with 403 unless access to all resources of a type (`*`: of all types, as far as rules leave them) is granted.
    pub(crate) fn demand_whole(&self, ctx: &Context, access: Access, of: &str) -> Result<()> {
        ctx.caller.scopes.demand(access, of)?;
        match ctx.left(access, of)?.is_empty() {
            true => Ok(()),
            false => Err(super::narrowed()),
        }
    }

    fn granted(&self, ctx: &Context, access: Access, of: &str) -> Result<Reach> {
        if ctx.caller.scopes.allow(access, of) {
            return Ok(Reach::Whole);
        }
        let of_type =
            r4().resource(of).ok_or_else(|| Failure::new(IssueType::NotSupported, "Unknown resource type."))?;
        let params = ctx.params();
        // A scope's criteria name no value sets, so none are looked up.
        let codes = Codes::none();
        let query = self.query(ctx, of_type, (params.spec(), &codes));
        ctx.caller.scopes.reach(&query, access).ok_or_else(|| super::not_granted(access, of))
    }

    /// What reads criteria of rules on a type.
    pub(super) fn query<'q>(&self, ctx: &'q Context, of: TypeId, (spec, codes): (&'q Spec, &'q Codes)) -> Query<'q> {
        Query { spec, of, base: ctx.base(), now: self.now_micros(), codes }
    }

    /// Narrows a search to what the caller may find; fails with 403 where that is nothing.
    pub(crate) fn narrow(&self, ctx: &Context, branches: &mut [Branch]) -> Result<()> {
        for branch in branches {
            self.demand_shown(ctx, branch)?;
            self.narrow_filter(ctx, &mut branch.filter)?;
            self.narrow_to_unlabelled(ctx, branch)?;
            self.follow_seen(ctx, &branch.of, &mut branch.filter)?;
            if let Reach::Narrow(filter) = self.reach(ctx, Access::Search, &branch.of)? {
                branch.filter.extend(filter);
            }
        }
        Ok(())
    }

    /// Whether a chain matches tells of the resource at its end, so it looks at those only that may be found.
    fn narrow_filter(&self, ctx: &Context, filter: &mut [Clause]) -> Result<()> {
        let tests = filter.iter_mut().flat_map(|it| match it {
            Clause::Any(tests) | Clause::None(tests) => tests,
        });
        for test in tests {
            // What points here has an element that does.
            let pointing = if let Test::Has { param, .. } = test { Some(*param) } else { None };
            match test {
                Test::Chain { of, .. } | Test::Has { of, .. } if of == AUDIT_EVENT => {
                    let told = "No search looks at AuditEvents along the way: search them by themselves.";
                    return Err(Failure::new(IssueType::NotSupported, told));
                }
                // What it has decides, and is not looked at along the way: no chain leads through it.
                Test::Chain { of, filter, .. } | Test::Has { of, filter, .. } if self.is_decided_inside(ctx, of) => {
                    filter.push(Clause::Any(Vec::new()));
                }
                Test::Chain { of, filter, .. } | Test::Has { of, filter, .. } => {
                    self.narrow_filter(ctx, filter)?;
                    match pointing {
                        Some(param) if is_of_element(of, param) => self.leave_unlabelled(ctx, of, filter)?,
                        _ => self.narrow_filter_to_unlabelled(ctx, of, filter)?,
                    }
                    if let Reach::Narrow(more) = self.reach(ctx, Access::Search, of)? {
                        filter.extend(more);
                    }
                }
                // A hierarchy is walked through all of its members.
                Test::Kin { of, .. } => self.demand_whole(ctx, Access::Search, of)?,
                Test::All(filter) => self.narrow_filter(ctx, filter)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The current version of a resource, unless the caller may not read it: then it is as if it were not there. Fails
    /// with 403 where nothing of the type may be read.
    pub(crate) async fn read_within(&self, ctx: &Context, key: &Key) -> Result<Option<Stored>> {
        let found = match self.within_reach(ctx, key).await {
            Err(failure) if failure.status == 403 => {
                let found = ctx.session.read(key).await?.into_iter().collect();
                let own = self.own_inside_of(ctx, found).await?;
                return if own.is_empty() { Err(failure) } else { Ok(own.into_iter().next()) };
            }
            found => found?,
        };
        self.open_inside(ctx, found).await
    }

    /// The same by what is granted of its type alone.
    pub(super) async fn within_reach(&self, ctx: &Context, key: &Key) -> Result<Option<Stored>> {
        match self.reach(ctx, Access::Read, &key.of)? {
            Reach::Whole => Ok(ctx.session.read(key).await?),
            Reach::Narrow(filter) => Ok(within(ctx, &key.of, &[&key.id], filter).await?.pop()),
        }
    }

    /// Those of the resources that the caller may read, and the types that may not be read at all.
    pub(crate) async fn readable(&self, ctx: &Context, all: Vec<Stored>) -> Result<(Vec<Stored>, FxHashSet<String>)> {
        let mut ids: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
        for stored in &all {
            ids.entry(&stored.key.of).or_default().push(&stored.key.id);
        }
        let mut hidden = FxHashSet::default();
        let mut unseen: FxHashSet<Key> = FxHashSet::default();
        for (of, ids) in &ids {
            match self.reach(ctx, Access::Read, of) {
                Ok(Reach::Whole) => {}
                Ok(Reach::Narrow(filter)) => {
                    unseen.extend(ids.iter().map(|id| Key::new(*of, *id)));
                    for seen in within(ctx, of, ids, filter).await? {
                        unseen.remove(&seen.key);
                    }
                }
                Err(failure) if failure.status == 403 => {
                    hidden.insert((*of).to_owned());
                }
                Err(failure) => return Err(failure),
            }
        }
        drop(ids);
        let (granted, others): (Vec<Stored>, Vec<Stored>) =
            all.into_iter().filter(|it| !unseen.contains(&it.key)).partition(|it| !hidden.contains(&it.key.of));
        let mut readable = self.seen_inside_of(ctx, granted).await?;
        readable.extend(self.own_inside_of(ctx, others).await?);
        Ok((readable, hidden))
    }
}

/// Those of the resources with these ids that match.
async fn within(ctx: &Context, of: &str, ids: &[&str], filter: Filter) -> Result<Vec<Stored>> {
    let mut found = Vec::new();
    for batch in ids.chunks(BATCH) {
        let these = Clause::Any(batch.iter().map(|id| Test::Id((*id).to_owned())).collect());
        let filter = [these].into_iter().chain(filter.iter().cloned()).collect();
        let branch = Branch { of: of.to_owned(), filter, sort: Vec::new() };
        let plan = Plan { branches: vec![branch], after: None, limit: batch.len() };
        found.extend(ctx.session.search(&plan).await?.found);
    }
    Ok(found)
}
