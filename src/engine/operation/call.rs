//! A call of an operation that was let in: what it was given, and what it may use to answer.

use super::arguments::Given;
use super::{Arguments, Place};
use crate::bundle::BundleWriter;
use crate::page::{self, Turn};
use crate::{Access, Context, Engine};
use fhir::search::{Clause, Filter, NO_CODES, Query, Test};
use fhir::spec::TypeId;
use fhir::{Failure, IssueType, Result};
use store::{Branch, Key, Page, Plan, Position, Stored};

/// A call: its parameters are as the definition has them, and the caller has the accesses that the operation demands.
pub struct Call<'c> {
    /// The engine that was called.
    pub engine: &'c Engine,
    /// Who calls, in which tenant.
    pub ctx: &'c Context,
    /// Where it is called.
    pub at: Place,
    /// The resource it is called on, if it is called on one.
    pub instance: Option<Stored>,
    /// The parameters of the definition.
    pub arguments: Arguments,
    /// The search parameters, where the operation takes them: names and values.
    pub criteria: Vec<(String, String)>,
    /// Whether the body was the parameter itself, and no Parameters resource.
    pub is_bare: bool,
    page: Option<String>,
    /// Path and parameters relative to the base.
    address: String,
}

impl<'c> Call<'c> {
    pub(super) fn new(
        engine: &'c Engine,
        ctx: &'c Context,
        (path, at): (&str, &Place),
        instance: Option<Stored>,
        given: Given,
    ) -> Call<'c> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&given.simple);
        let query = query.finish();
        let address = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let Given { arguments, criteria, page, is_bare, .. } = given;
        Call { engine, ctx, at: at.clone(), instance, arguments, criteria, is_bare, page, address }
    }

    /// The operation's code.
    pub fn code(&self) -> &str {
        let path = self.address.split('?').next().unwrap_or_default();
        path.rsplit('$').next().unwrap_or_default()
    }

    /// The criteria as a filter on a resource type, to be narrowed to what the caller may find ([`Call::findable`]). None of them may be unknown, nor ask how the result looks.
    pub async fn filter(&self, of: &str) -> Result<Filter> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.criteria).finish();
        self.engine.criteria(self.ctx, of, &query).await
    }

    /// A search of one type, narrowed to what the caller may find and read; fails with 403 where that is nothing.
    pub fn findable(&self, branch: Branch) -> Result<Branch> {
        let mut branches = [branch];
        self.engine.narrow(self.ctx, &mut branches)?;
        let [mut branch] = branches;
        branch.filter.extend(self.engine.bounds(self.ctx, Access::Read, &branch.of)?);
        Ok(branch)
    }

    /// What a search of one type must look for besides, so that it finds what the caller may read; `None` where that is
    /// nothing.
    pub fn bounds(&self, of: &str) -> Result<Option<Filter>> {
        match self.engine.bounds(self.ctx, Access::Read, of) {
            Ok(bounds) => Ok(Some(bounds)),
            Err(failure) if failure.status == 403 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Those of these resources that are there and that the caller may read.
    pub async fn readable(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        let found = self.ctx.session.read_many(keys).await?;
        self.engine.all_seen(self.ctx, self.engine.readable(self.ctx, found).await?.0)
    }

    /// A page of what a plan finds, as the caller sees it. The plan is within what the caller may find and read
    /// ([`Call::findable`], [`Call::bounds`]).
    pub async fn search(&self, plan: &Plan) -> Result<Page> {
        let page = self.ctx.session.search(plan).await?;
        Ok(Page { found: self.engine.all_seen(self.ctx, page.found)?, ..page })
    }

    /// Those of the tests by which resources of a type are found that tell nothing hidden from the caller.
    pub fn telling_nothing(&self, of: &str, clause: Clause) -> Clause {
        let is_shown = |it: &Test| {
            let filter = vec![Clause::Any(vec![it.clone()])];
            self.engine.demand_shown(self.ctx, &Branch { of: of.to_owned(), filter, sort: Vec::new() }).is_ok()
        };
        match clause {
            Clause::Any(tests) => Clause::Any(tests.into_iter().filter(is_shown).collect()),
            none => none,
        }
    }

    /// Leaves of what criteria find what tells of no label that the caller has no clearance for: by its elements nothing is
    /// found that has one.
    pub fn telling_no_label(&self, of: &str, mut filter: Filter) -> Result<Filter> {
        self.engine.narrow_filter_to_unlabelled(self.ctx, of, &mut filter)?;
        self.engine.follow_seen(self.ctx, of, &mut filter)?;
        Ok(filter)
    }

    /// Fails with 403 if one of these elements of a type, or something of it, is hidden from the caller in some resources.
    pub fn demand_shown(&self, of: &str, elements: &[&str]) -> Result<()> {
        let hidden = self.ctx.caller.scopes.hidden(of);
        let Some(element) = elements.iter().find(|it| hidden.touches(it)) else { return Ok(()) };
        let told = format!("This looks at {of}.{element}, which is hidden from you.");
        Err(Failure::new(IssueType::Forbidden, told))
    }

    /// What reads search parameters of a resource type, the tenant's own among them.
    pub fn query(&self, of: TypeId) -> Query<'_> {
        Query { spec: self.ctx.spec(), of, base: self.ctx.base(), now: self.engine.now_micros(), codes: &NO_CODES }
    }

    /// Where the answer goes on, for an operation that has pages; `None` on the first page. Fails for a token that
    /// was not made for this caller and these parameters.
    pub fn position(&self) -> Result<Option<Position>> {
        let turn = self.page.as_ref().map(|it| page::open(self.ctx, &self.address, it)).transpose()?;
        Ok(turn.and_then(Turn::position))
    }

    /// Begins a Bundle of type searchset, with its links; `next` is where the answer goes on.
    pub fn searchset(&self, total: Option<i64>, next: Option<&Position>) -> BundleWriter {
        let mut bundle =
            BundleWriter::new("searchset", &(self.engine.ambient.new_id)(), (self.engine.ambient.now_ms)());
        if let Some(total) = total {
            bundle.total(total);
        }
        let first = self.first();
        let own = self.page.as_ref().map_or(first.clone(), |it| self.turned(it));
        let mut links = vec![("self", own)];
        if self.page.is_some() || next.is_some() {
            links.push(("first", first.clone()));
        }
        links.extend(next.map(|it| ("next", self.next_page(it))));
        bundle.links(&links);
        bundle
    }

    /// The address at which the answer goes on.
    pub fn next_page(&self, next: &Position) -> String {
        self.turned(&page::seal(self.ctx, &self.address, &Turn::After(next.clone())))
    }

    fn first(&self) -> String {
        format!("{}/{}", self.ctx.base(), self.address)
    }

    fn turned(&self, token: &str) -> String {
        let first = self.first();
        let sign = if first.contains('?') { '&' } else { '?' };
        format!("{first}{sign}_page={token}")
    }
}
