//! Which resources a record has: the members of a compartment (compartmentdefinition.html), or of all compartments of a
//! type, as the parameters narrow them.

use engine::Call;
use fhir::primitive::datetime;
use fhir::spec::{TypeId, r4};
use fhir::{Failure, IssueType, Result};
use store::{Branch, Page, Plan, Position, Stored};

/// A record, and how much of it is asked for.
pub(super) struct Record<'c> {
    pub(super) call: &'c Call<'c>,
    /// The id of whom it is about; `None`: of all that there are.
    owner: Option<&'c str>,
    owner_type: TypeId,
    /// `_type`; empty means all.
    types: Vec<TypeId>,
    /// `_since`: as it was written, and in milliseconds.
    since: Option<(&'c str, i64)>,
    /// `start` and `end`, in microseconds.
    care: Option<(i64, i64)>,
}

impl<'c> Record<'c> {
    /// The record of the resource that the operation was called on, or of all of the type `of`.
    pub(super) fn of(call: &'c Call<'c>, of: &str) -> Result<Record<'c>> {
        let owner = call.instance.as_ref().map(|it| it.key.id.as_str());
        let owner_type = resource(of)?;
        let types = call.arguments.texts("_type").flat_map(|it| it.split(',')).map(resource).collect::<Result<_>>()?;
        let since = call.arguments.text("_since");
        let since = since.and_then(|it| Some((it, datetime::range(it)?.low.div_euclid(1000))));
        Ok(Record { owner, owner_type, types, since, care: care(call)?, call })
    }

    /// Whether it is of all, and not of one.
    pub(super) fn is_of_all(&self) -> bool {
        self.owner.is_none()
    }

    /// Whether all members are asked for that the caller may read.
    pub(super) fn is_unfiltered(&self) -> bool {
        self.types.is_empty() && self.since.is_none()
    }

    /// Whether a resource is of a type that is asked for, and was changed since.
    pub(super) fn wants(&self, stored: &Stored) -> bool {
        self.wants_type(r4().resource(&stored.key.of)) && self.since.is_none_or(|(_, since)| stored.updated >= since)
    }

    fn wants_type(&self, of: Option<TypeId>) -> bool {
        self.types.is_empty() || of.is_some_and(|it| self.types.contains(&it))
    }

    /// Whether types are asked for that members need to be understood, and that are in no such compartment themselves.
    pub(super) fn wants_support(&self) -> bool {
        let is_member = |it: &TypeId| self.member_types().any(|member| member == *it);
        self.types.is_empty() || !self.types.iter().all(is_member)
    }

    /// A page of the members that are asked for.
    pub(super) async fn members(&self, after: Option<Position>, limit: usize) -> Result<Page> {
        let branches = self.narrowed()?;
        if branches.is_empty() {
            return Ok(Page::default());
        }
        self.call.search(&Plan { branches, after, limit }).await
    }

    /// The members that are asked for.
    pub(super) fn narrowed(&self) -> Result<Vec<Branch>> {
        let mut branches = self.scope()?;
        branches.retain(|it| self.wants_type(r4().resource(&it.of)));
        if let Some((since, _)) = self.since {
            for branch in &mut branches {
                let clause = self.call.query(resource(&branch.of)?).clause("_lastUpdated", &format!("ge{since}"));
                branch.filter.push(clause.map_err(|it| Failure::new(IssueType::Value, it.told()))?);
            }
        }
        Ok(branches)
    }

    /// All members that the caller may read, within `start` and `end`.
    pub(super) fn scope(&self) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for of in self.member_types() {
            if let (Some(bounds), Some(mut branch)) = (self.call.bounds(&r4().of(of).name)?, self.branch(of)?) {
                branch.filter.extend(bounds);
                branches.push(branch);
            }
        }
        Ok(branches)
    }

    /// The types that are asked for and that the caller may not read.
    pub(super) fn hidden(&self) -> Result<Vec<&'static str>> {
        let mut hidden = Vec::new();
        for of in self.member_types().filter(|it| self.wants_type(Some(*it))) {
            let name = &*r4().of(of).name;
            if self.call.bounds(name)?.is_none() {
                hidden.push(name);
            }
        }
        Ok(hidden)
    }

    fn member_types(&self) -> impl Iterator<Item = TypeId> {
        r4().compartment(self.owner_type).into_iter().flat_map(|it| it.members.iter().map(|(of, _)| *of))
    }

    /// What of a type is in the record, as far as neither masks nor labels hide by what it is found.
    fn branch(&self, of: TypeId) -> Result<Option<Branch>> {
        let query = self.call.query(of);
        let members = match self.owner {
            Some(id) => query.in_compartment(self.owner_type, id).map(|it| vec![it]),
            None => query.in_some_compartment(self.owner_type),
        };
        let Some(mut filter) = members else { return Ok(None) };
        let name = &*r4().of(of).name;
        filter.extend(self.care.and_then(|period| query.care_overlaps(period)));
        let filter = filter.into_iter().map(|it| self.call.telling_nothing(name, it)).collect();
        let filter = self.call.telling_no_label(name, filter)?;
        Ok(Some(Branch { of: name.to_owned(), filter, sort: Vec::new() }))
    }
}

fn resource(name: &str) -> Result<TypeId> {
    let told = "_type names something that is not a resource type.";
    r4().resource(name).ok_or_else(|| Failure::new(IssueType::Value, told))
}

/// From the start of `start` to the end of `end`; a missing one is open.
fn care(call: &Call<'_>) -> Result<Option<(i64, i64)>> {
    let range = |name| call.arguments.text(name).and_then(datetime::range);
    match (range("start"), range("end")) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) if start.low > end.high => {
            Err(Failure::new(IssueType::Value, "start is a date that is not after end."))
        }
        (start, end) => Ok(Some((start.map_or(i64::MIN, |it| it.low), end.map_or(i64::MAX, |it| it.high)))),
    }
}
