//! `search` (search.html): parameters read, resources found, a searchset Bundle that says what it did.

mod gather;
mod include;
pub(crate) mod params;

use crate::bundle::BundleWriter;
use crate::summary::View;
use crate::{Access, Answer, Context, Engine, Request, page};
use fhir::outcome::outcome;
use fhir::{Failure, Issue, IssueType, Result};
use params::{Search, Total};
use store::{Key, Page, Plan, Stored};

impl Engine {
    /// A page of what a search finds.
    pub(crate) async fn search(
        &self,
        ctx: &Context,
        of: Option<&str>,
        compartment: Option<&Key>,
        request: &Request,
    ) -> Result<Answer> {
        let search = self.search_params(ctx, of, compartment, request)?;
        for branch in &search.branches {
            ctx.caller.scopes.demand(Access::Search, &branch.of)?;
        }
        let after = match &search.token {
            Some(token) => Some(page::open(ctx, &search.address, token)?),
            None => None,
        };
        let is_first = after.is_none();
        let plan = Plan { branches: search.branches.clone(), after, limit: search.count };
        let found = match &search.gathered {
            _ if search.is_count_only() => Page::default(),
            Some(keys) => self.gathered(ctx, &search, keys, plan.after.as_ref()).await?,
            None => ctx.session.search(&plan).await?,
        };
        let included = self.included(ctx, &search, &found.found).await?;
        let total = match search.total {
            _ if search.is_count_only() => Some(ctx.session.count(&plan).await?),
            // The whole result is on this page: its size is known for nothing.
            _ if is_first && found.next.is_none() => Some(found.found.len() as i64),
            Total::Accurate | Total::Estimate => Some(ctx.session.count(&plan).await?),
            Total::None => None,
        };
        let next = found.next.as_ref().map(|it| page::seal(ctx, &search.address, it));
        let body = self.searchset(ctx, &search, &found.found, &included.resources, total, next, included.issues)?;
        Ok(Answer::new(200, body))
    }

    #[allow(clippy::too_many_arguments)]
    fn searchset(
        &self,
        ctx: &Context,
        search: &Search,
        found: &[Stored],
        included: &[Stored],
        total: Option<i64>,
        next: Option<String>,
        more_issues: Vec<Issue>,
    ) -> Result<String> {
        let mut bundle = BundleWriter::new("searchset", &(self.ambient.new_id)(), (self.ambient.now_ms)());
        if let Some(total) = total {
            bundle.total(total);
        }
        let address = format!("{}/{}", ctx.base(), search.address.trim_end_matches('?'));
        let page = |token: &str| format!("{address}{}_page={token}", if address.contains('?') { '&' } else { '?' });
        let own = search.token.as_ref().map_or(address.clone(), |it| page(it));
        let mut links = vec![("self", own), ("first", address.clone())];
        links.extend(next.map(|it| ("next", page(&it))));
        bundle.links(&links);
        for (stored, mode) in found.iter().map(|it| (it, "match")).chain(included.iter().map(|it| (it, "include"))) {
            let body = search.view.apply(stored.body.clone())?;
            let body = std::str::from_utf8(&body).map_err(Failure::internal)?;
            bundle.begin(Some(&format!("{}/{}", ctx.base(), stored.key))).resource(body).mode(mode).end();
        }
        let issues: Vec<Issue> = search.ignored.iter().cloned().chain(more_issues).collect();
        if !issues.is_empty() {
            bundle.begin(None).resource(&outcome(&issues)).mode("outcome").end();
        }
        Ok(bundle.finish())
    }
}

impl Search {
    fn is_count_only(&self) -> bool {
        self.count == 0 || self.view == View::Count
    }
}

/// What this server does not know it says: as an error, or beside the result (search.html#errors).
pub(crate) fn unknown_parameter(told: &str) -> Issue {
    Issue::warning(IssueType::NotSupported, format!("{told} The search went on without it."))
}
