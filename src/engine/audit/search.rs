//! AuditEvents are read and searched like other resources (http.html#read, #search), and never changed: the log has one
//! version of each. They are made when they are asked for, and matched one by one, newest first.

use super::event::Event;
use super::render::Shown;
use super::sight::Sight;
use super::{AUDIT_EVENT, find};
use crate::access::{Bounds, Reach};
use crate::page;
use crate::read::existing;
use crate::search::links;
use crate::search::params::{Search, Total};
use crate::{Access, Answer, Context, Engine, Interaction, Request};
use fhir::json::Doc;
use fhir::search::{Clause, RangeTest, Test, is_told_alone};
use fhir::{Failure, Issue, IssueType, Result};
use store::{AuditPlace, AuditQuery, Audited, Key, Method, Page, Position, Scope, SortBy, Stored};

/// The most events that are looked at for one page, and the most sealed blocks that are opened; a page may then be short,
/// even empty, and goes on by its link `next`. So it does where it takes as long as a query may.
const LOOKED: usize = 20_000;
const OPENED: usize = 256;
/// Events that are read at a time.
const BATCH: usize = 500;

/// Whether an interaction is about the log alone.
pub(crate) fn is_of_log(interaction: &Interaction) -> bool {
    let of = match interaction {
        Interaction::Read { key }
        | Interaction::Vread { key, .. }
        | Interaction::Update { key }
        | Interaction::Patch { key }
        | Interaction::Delete { key }
        | Interaction::History { scope: Scope::Instance(key) } => &key.of,
        Interaction::Create { of }
        | Interaction::UpdateWhere { of }
        | Interaction::PatchWhere { of }
        | Interaction::DeleteWhere { of }
        | Interaction::History { scope: Scope::Type(of) }
        | Interaction::Search { of: Some(of), .. } => of,
        _ => return false,
    };
    of == AUDIT_EVENT
}

/// The refusal to change what was logged.
pub(crate) fn unchangeable() -> Failure {
    let told = "AuditEvents are kept in a log that is only ever added to: POST a new one by itself, read and search them; \
                they are not changed, deleted, or part of a transaction.";
    Failure::new(IssueType::NotSupported, told).with_status(405)
}

impl Engine {
    /// An interaction that is about the log.
    pub(crate) async fn of_log(&self, ctx: &Context, interaction: &Interaction, request: &Request) -> Result<Answer> {
        self.log_latest_events().await;
        match interaction {
            Interaction::Read { key } => self.read_event(ctx, interaction, key, request).await,
            Interaction::Vread { key, version: 1 } => self.read_event(ctx, interaction, key, request).await,
            Interaction::Vread { .. } => Err(Failure::new(IssueType::NotFound, "There is no such version.")),
            Interaction::Search { compartment, .. } => {
                self.search_events(ctx, interaction, compartment.as_ref(), request).await
            }
            Interaction::Create { .. } => self.create_event(ctx, interaction, request).await,
            _ => Err(unchangeable()),
        }
    }

    async fn read_event(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        key: &Key,
        request: &Request,
    ) -> Result<Answer> {
        let sight = self.sight(ctx, Access::Read)?;
        let entry = ctx.session().audit_entry(&key.id).await?;
        let shown = match entry {
            Some(entry) => self.shown(ctx, &entry, &sight)?,
            None => None,
        };
        self.show(ctx, interaction, existing(shown)?, request).await
    }

    fn sight<'c>(&self, ctx: &'c Context, access: Access) -> Result<Sight<'c>> {
        Ok(match self.reach(ctx, access, AUDIT_EVENT)? {
            Reach::Whole => Sight::default(),
            Reach::Narrow(bounds) => Sight {
                bounds,
                only: ctx.caller.scopes.patient(),
                left: ctx.left(access, AUDIT_EVENT)?,
                ..Sight::default()
            },
        })
    }

    /// An event as the caller may see it; `None` where that is nothing.
    fn shown(&self, ctx: &Context, entry: &Audited, sight: &Sight<'_>) -> Result<Option<Stored>> {
        let key = Key::new(AUDIT_EVENT, &entry.id);
        let body = match super::post::is_whole(&entry.body) {
            true if !self.tells_of_all(ctx, sight, &entry.body)? => return Ok(None),
            true => super::post::marked(&entry.body)?,
            false => {
                let event = Event::read(&entry.body)?;
                let (id, at, site) = (entry.id.as_str(), entry.at, ctx.tenant().name());
                let Some(told) = self.told(ctx, sight, &event)? else { return Ok(None) };
                let shown = Shown { id, at, site, event: &event, only: told.as_ref() };
                shown.resource().to_string().into()
            }
        };
        let stored = Stored { key, version: 1, updated: entry.at, method: Method::Post, body };
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let is_shown =
            sight.bounds.is_empty() || self.holds(ctx, &stored.key, doc.root(), stored.updated, &sight.bounds)?;
        Ok(is_shown.then_some(stored))
    }

    async fn search_events(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        compartment: Option<&Key>,
        request: &Request,
    ) -> Result<Answer> {
        let of = Some(AUDIT_EVENT);
        let mut search = self.with_codes(ctx, |codes| self.search_params(ctx, of, compartment, request, codes)).await?;
        demand_served(&search)?;
        let sight = self.sight(ctx, Access::Search)?;
        let before = match &search.token {
            Some(token) => page::open(ctx, &search.address, token)?.position().map(|it| AuditPlace(it.row)),
            None => None,
        };
        let filter = search.branches.iter_mut().flat_map(|it| std::mem::take(&mut it.filter)).collect();
        let wanted = Wanted { sight: sight.joined(filter), before };
        let Found { page: found, is_damaged } = match search.is_count_only() {
            true => Found::default(),
            false => self.events(ctx, &wanted, search.count).await?,
        };
        let is_whole = wanted.before.is_none() && found.next.is_none() && !search.is_count_only();
        let total = match search.total {
            _ if is_whole => Some(found.found.len() as i64),
            Total::None if !search.is_count_only() => None,
            _ => Some(self.count_events(ctx, &wanted).await?),
        };
        let mut included = self.included(ctx, &search, &found.found).await?;
        included.issues.extend(is_damaged.then(damaged_log));
        let mut links = links(ctx, &search, &found);
        // A log is read from its newest end only.
        links.retain(|(relation, _)| *relation != "last");
        let body = self.searchset(ctx, &search, (&found.found, &links), &included.resources, total, included.issues)?;
        ctx.note(interaction, 200, |noted| {
            noted.asked(request);
            included.resources.iter().for_each(|it| noted.touched(it));
        });
        Ok(Answer::new(200, body))
    }

    /// A page of all events between two times, in microseconds since the epoch, for whoever may see all of them; and whether
    /// some could not be read.
    pub async fn logged(
        &self,
        ctx: &Context,
        (from, until): (Option<i64>, Option<i64>),
        position: Option<Position>,
        limit: usize,
    ) -> Result<(Page, bool)> {
        self.log_latest_events().await;
        let from = from.map(|it| RangeTest::AtOrAbove(it, it));
        let ranges = from.into_iter().chain(until.map(|it| RangeTest::AtOrBelow(it, it)));
        let bounds = ranges.map(|it| Clause::Any(vec![Test::Date(find::date(), vec![it])])).collect();
        let before = position.map(|it| AuditPlace(it.row));
        let found = self.events(ctx, &Wanted { sight: Sight { bounds, ..Sight::default() }, before }, limit).await?;
        Ok((found.page, found.is_damaged))
    }

    /// The newest events that are wanted.
    pub(super) async fn events(&self, ctx: &Context, wanted: &Wanted<'_>, limit: usize) -> Result<Found> {
        let Found { mut page, mut is_damaged } = Found::default();
        let filter = &wanted.sight.bounds;
        if let Some(ids) = find::ids(filter) {
            for id in ids {
                if let Some(entry) = ctx.session().audit_entry(id).await? {
                    page.found.extend(self.shown(ctx, &entry, &wanted.sight)?);
                }
            }
            page.found.sort_by_key(|it| std::cmp::Reverse(it.updated));
            page.found.truncate(limit);
            return Ok(Found { page, is_damaged });
        }
        let (from, until) = find::times(filter);
        let keys = self.keys_of(ctx, filter).await?;
        let mut query = AuditQuery { keys, from, until, before: wanted.before, limit: (limit + 1).clamp(20, BATCH) };
        let (mut looked, mut opened, began) = (0, 0, (self.ambient.now_ms)());
        loop {
            let found = ctx.session().audited(&query).await?;
            looked += found.entries.len();
            opened += found.opened;
            is_damaged |= found.is_damaged;
            for (at, entry) in found.entries.iter().enumerate() {
                page.found.extend(self.shown(ctx, entry, &wanted.sight)?);
                // The next page begins before this place: an event more than asked for, where two share it, rather than one lost.
                let ends = found.entries.get(at + 1).map_or(found.next.is_some(), |it| it.place != entry.place);
                if page.found.len() >= limit && ends {
                    page.next = Some(behind(entry.place));
                    return Ok(Found { page, is_damaged });
                }
            }
            query.before = found.next;
            let took = u128::from((self.ambient.now_ms)().saturating_sub(began).unsigned_abs());
            let is_enough = looked >= LOOKED || opened >= OPENED || took >= self.settings.query_time.as_millis();
            if found.next.is_none() || is_enough {
                page.next = found.next.map(behind);
                return Ok(Found { page, is_damaged });
            }
        }
    }

    /// How many events are wanted; fails where that takes too long to tell.
    async fn count_events(&self, ctx: &Context, wanted: &Wanted<'_>) -> Result<i64> {
        let all = Wanted { sight: wanted.sight.joined(Bounds::new()), before: None };
        let Found { page, .. } = self.events(ctx, &all, LOOKED).await?;
        if page.next.is_some() {
            let told = "There are more events than can be counted; narrow the search, by date or patient, or ask for _total=none.";
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        Ok(page.found.len() as i64)
    }
}

/// Which events are wanted, and from where on.
pub(super) struct Wanted<'c> {
    pub(super) sight: Sight<'c>,
    pub(super) before: Option<AuditPlace>,
}

/// A page of events.
#[derive(Default)]
pub(super) struct Found {
    page: Page,
    /// Some that may belong to it could not be read.
    is_damaged: bool,
}

/// What is told where something of the log could not be read.
pub fn damaged_log() -> Issue {
    let told = "Part of the audit log is not what was written and could not be read: something may be missing here. \
                `medisync audit verify` tells where.";
    Issue::warning(IssueType::Incomplete, told)
}

/// Where what comes behind a place begins.
fn behind(place: AuditPlace) -> Position {
    Position { row: place.0, ..Position::default() }
}

/// Fails for what the log does not do.
fn demand_served(search: &Search) -> Result<()> {
    let refused = |told: &str| Err(Failure::new(IssueType::NotSupported, told));
    if !search.branches.iter().all(|it| is_told_alone(&it.filter)) {
        return refused("AuditEvents are found by what they say themselves: not by chains, hierarchies or full text.");
    }
    let sorts = search.branches.iter().flat_map(|it| &it.sort);
    let is_newest = |it: &store::Sort| it.descending && matches!(it.by, SortBy::Date(param) if find::is_time(param));
    if search.gathered.is_some() || !sorts.into_iter().all(is_newest) {
        return refused("AuditEvents come newest first: _sort is -date or left out.");
    }
    if search.includes.iter().any(|it| it.is_reverse) {
        return refused("AuditEvents take no _revinclude.");
    }
    Ok(())
}
