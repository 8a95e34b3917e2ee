//! `search` (search.html): parameters read, resources found, a searchset Bundle that says what it did.

mod gather;
mod include;
pub(crate) mod params;
mod unindexed;

use crate::access::too_many;
use crate::bundle::BundleWriter;
use crate::page::{self, Turn};
use crate::summary::View;
use crate::{Answer, Context, Engine, Interaction, Request};
use fhir::outcome::outcome;
use fhir::{Failure, Issue, IssueType, Result};
use params::{Search, Total};
use store::{Page, Plan, Stored};

impl Engine {
    /// A page of what a search finds.
    pub(crate) async fn search(&self, ctx: &Context, interaction: &Interaction, request: &Request) -> Result<Answer> {
        let (of, compartment) = match interaction {
            Interaction::Search { of, compartment } => (of.as_deref(), compartment.as_ref()),
            _ => (None, None),
        };
        let mut search = self.with_codes(ctx, |codes| self.search_params(ctx, of, compartment, request, codes)).await?;
        self.demand_frame_shown(ctx, &search)?;
        self.narrow(ctx, &mut search.branches)?;
        if search.gathered.is_some() {
            for branch in &mut search.branches {
                self.leave_unlabelled(ctx, &branch.of, &mut branch.filter)?;
            }
        }
        let is_narrow = self.narrow_inside(ctx, &mut search.branches).await?;
        let turn = match &search.token {
            Some(token) => Some(page::open(ctx, &search.address, token)?),
            None => None,
        };
        if !is_narrow && search.looks_at_all(turn.as_ref()) {
            return Err(too_many());
        }
        let is_first = turn.is_none();
        let after = turn.clone().and_then(Turn::position);
        let plan = Plan { branches: search.branches.clone(), after, limit: search.count };
        let found = match (&search.gathered, &turn) {
            _ if search.is_count_only() => Page::default(),
            _ if !is_narrow => self.walked(ctx, &plan).await?,
            (Some(keys), turn) => self.gathered(ctx, &search, keys, turn.as_ref()).await?,
            (None, Some(Turn::Before(_) | Turn::Last(_))) => ctx.session.search_back(&plan).await?,
            (None, _) => ctx.session.search(&plan).await?,
        };
        let included = self.included(ctx, &search, &found.found).await?;
        let total = match search.total {
            _ if search.is_count_only() => Some(ctx.session.count(&plan).await?),
            // The whole result is on this page: its size is known for nothing.
            _ if is_first && found.next.is_none() => Some(found.found.len() as i64),
            Total::Accurate | Total::Estimate if is_narrow => Some(ctx.session.count(&plan).await?),
            _ => None,
        };
        let mut links = links(ctx, &search, &found);
        links.retain(|(relation, _)| is_narrow || *relation != "last");
        let body = self.searchset(ctx, &search, (&found.found, &links), &included.resources, total, included.issues)?;
        ctx.note(interaction, 200, |noted| {
            noted.asked_of(request);
            found.found.iter().chain(&included.resources).for_each(|it| noted.touched(it));
        });
        Ok(Answer { unindexed: search.unindexed, ..Answer::new(200, body) })
    }

    /// Fails with 403 if an order or an include would tell of elements that are hidden from the caller. What a wildcard
    /// includes leaves these out.
    fn demand_frame_shown(&self, ctx: &Context, search: &Search) -> Result<()> {
        for (branch, key) in
            search.branches.iter().flat_map(|it| search.gathered.iter().flatten().map(move |key| (it, key)))
        {
            self.demand_param_shown(ctx, &branch.of, &key.code)?;
        }
        search
            .includes
            .iter()
            .filter_map(|it| it.named())
            .try_for_each(|(of, code)| self.demand_param_shown(ctx, of, code))
    }

    /// The Bundle of a page: what was found, with the page's links, and what was included.
    pub(crate) fn searchset(
        &self,
        ctx: &Context,
        search: &Search,
        (found, links): (&[Stored], &[(&str, String)]),
        included: &[Stored],
        total: Option<i64>,
        more_issues: Vec<Issue>,
    ) -> Result<String> {
        let mut bundle = BundleWriter::new("searchset", &(self.ambient.new_id)(), (self.ambient.now_ms)());
        if let Some(total) = total {
            bundle.total(total);
        }
        bundle.links(links);
        for (stored, mode) in found.iter().map(|it| (it, "match")).chain(included.iter().map(|it| (it, "include"))) {
            let body = search.view.apply(self.seen(ctx, stored)?)?;
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

/// The links of a page (http.html#paging), with the relations of RFC 5005; `last` where there are several pages.
pub(crate) fn links(ctx: &Context, search: &Search, found: &Page) -> Vec<(&'static str, String)> {
    let address = format!("{}/{}", ctx.base(), search.address.trim_end_matches('?'));
    let sign = if address.contains('?') { '&' } else { '?' };
    let page = |token: &str| format!("{address}{sign}_page={token}");
    let turn = |turn: Turn| page(&page::seal(ctx, &search.address, &turn));
    let own = search.token.as_ref().map_or(address.clone(), |it| page(it));
    let mut links = vec![("self", own), ("first", address.clone())];
    links.extend(found.previous.clone().map(|it| ("previous", turn(Turn::Before(it)))));
    links.extend(found.next.clone().map(|it| ("next", turn(Turn::After(it)))));
    if let Some(place) = found.next.as_ref().or(found.previous.as_ref()) {
        links.push(("last", turn(Turn::Last(place.end()))));
    }
    links
}

impl Search {
    pub(crate) fn is_count_only(&self) -> bool {
        self.count == 0 || self.view == View::Count
    }

    /// Whether all that is found has to be looked at for a page.
    fn looks_at_all(&self, turn: Option<&Turn>) -> bool {
        let is_back = matches!(turn, Some(Turn::Before(_) | Turn::Last(_)));
        self.is_count_only() || matches!(self.total, Total::Accurate) || self.gathered.is_some() || is_back
    }
}

/// What this server does not know it says: as an error, or beside the result (search.html#errors).
pub(crate) fn unknown_parameter(told: &str) -> Issue {
    Issue::warning(IssueType::NotSupported, format!("{told} The search went on without it."))
}
