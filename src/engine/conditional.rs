//! Criteria of conditional interactions (http.html#cond-update, #ccreate, #cdelete): they find one resource, or none.

use crate::access::too_many;
use crate::search::params::parameters;
use crate::terminology::Unread;
use crate::{Context, Engine};
use fhir::search::text::asked;
use fhir::search::{Clause, Codes, Query, QueryError};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use store::{Branch, Guard, Plan, Stored};

/// What criteria found.
pub(crate) struct Match {
    /// The only resource that matches, if there is one.
    pub(crate) found: Option<Stored>,
    /// That this is still so when the change is written.
    pub(crate) guard: Guard,
}

impl Engine {
    /// Finds the resource of a type that criteria (a query string) match, among those that the caller may find; several are
    /// refused with 412.
    pub(crate) async fn only_match(&self, ctx: &Context, of: &str, criteria: &str) -> Result<Match> {
        let filter = self.criteria(ctx, of, criteria).await?;
        let mut branches = vec![Branch { of: of.to_owned(), filter, sort: Vec::new() }];
        self.narrow(ctx, &mut branches)?;
        if !self.narrow_inside(ctx, &mut branches).await? {
            return Err(too_many());
        }
        let filter = branches.iter().flat_map(|it| it.filter.clone()).collect();
        let plan = Plan { branches, after: None, limit: 2 };
        ctx.look_for(of, criteria);
        let mut found = ctx.session.search(&plan).await?.found;
        found.iter().for_each(|it| ctx.look(it));
        if found.len() > 1 {
            let told = format!("Several resources of type {of} match the criteria; they must match one at the most.");
            return Err(Failure::new(IssueType::MultipleMatches, told));
        }
        let guard =
            Guard::Matches { of: of.to_owned(), filter, ids: found.iter().map(|it| it.key.id.clone()).collect() };
        Ok(Match { found: found.pop(), guard })
    }

    /// Reads criteria (a query string) on a resource type, as yet of all resources. Nothing in them may be unknown: what was left out would match more than was meant.
    pub(crate) async fn criteria(&self, ctx: &Context, of: &str, criteria: &str) -> Result<Vec<Clause>> {
        self.with_codes(ctx, |codes| self.read_criteria(ctx, of, criteria, codes)).await
    }

    fn read_criteria(&self, ctx: &Context, of: &str, criteria: &str, codes: &Codes) -> Result<Vec<Clause>, Unread> {
        let of_type =
            r4().resource(of).ok_or_else(|| Failure::new(IssueType::NotSupported, "Unknown resource type."))?;
        let params = ctx.params();
        let query = Query { spec: params.spec(), of: of_type, base: ctx.base(), now: self.now_micros(), codes };
        let mut filter = Vec::new();
        for (name, value) in parameters(criteria)? {
            if matches!(name.as_str(), "_format" | "_pretty") {
                continue;
            }
            filter.push(query.clause(&name, &value).map_err(|it| match it {
                QueryError::Needs(asked) => Unread::Needs(asked),
                other => Failure::new(IssueType::Invalid, format!("In the criteria: {}", other.told())).into(),
            })?);
        }
        if !asked(&filter).is_empty() {
            let told = "In the criteria: full text (_text, _content, :text, :fuzzy, :phonetic) is indexed only after a \
                        change is written, so it cannot decide whether one is; use other parameters.";
            return Err(Failure::new(IssueType::NotSupported, told).into());
        }
        if filter.is_empty() {
            return Err(Failure::new(IssueType::Invalid, "The criteria name no search parameter.").into());
        }
        Ok(filter)
    }
}
