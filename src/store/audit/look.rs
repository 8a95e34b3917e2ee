//! Finding events.

use super::block::NO_EVENTS;
use super::coding::{self, Event};
use super::tables::{self, Log};
use super::{AuditPage, AuditPlace, AuditQuery, Audited};
use crate::Result;
use std::collections::BTreeMap;

/// So many blocks are opened for a page at the most.
const BLOCKS: usize = 32;

/// What a query asks for, its keys as hashes.
struct Wanted<'a> {
    query: &'a AuditQuery,
    keys: Vec<Vec<i64>>,
}

impl Wanted<'_> {
    fn takes(&self, event: &Event) -> bool {
        let query = self.query;
        query.before.is_none_or(|it| event.place < it.0)
            && query.from.is_none_or(|it| it <= event.at)
            && query.until.is_none_or(|it| event.at <= it)
            && self.keys.iter().all(|any| any.iter().any(|key| event.keys.binary_search(key).is_ok()))
    }

    /// Adds what is wanted of some events. One that is sealed while we look is met twice.
    fn take(&self, events: Option<Vec<Event>>, found: &mut BTreeMap<i64, Event>) -> Result<()> {
        let events = events.ok_or(NO_EVENTS)?;
        found.extend(events.into_iter().filter(|it| self.takes(it)).map(|it| (it.place, it)));
        Ok(())
    }
}

/// A page of the events that a query finds, the newest first. What is in no block is looked at before the blocks are: it
/// may get into one meanwhile, and never out of one.
pub(crate) async fn page(log: &dyn Log, query: &AuditQuery) -> Result<AuditPage> {
    let hashes = |any: &Vec<String>| any.iter().map(|it| log.hash().audited(it)).collect();
    matching(log, Wanted { query, keys: query.keys.iter().map(hashes).collect() }).await
}

/// The event with this id.
pub(crate) async fn by_id(log: &dyn Log, id: &str) -> Result<Option<Audited>> {
    let mut query = AuditQuery { limit: 1, ..AuditQuery::default() };
    loop {
        let page = matching(log, Wanted { query: &query, keys: vec![vec![log.hash().audited_id(id)]] }).await?;
        if let Some(found) = page.entries.into_iter().find(|it| it.id == id) {
            return Ok(Some(found));
        }
        match page.next {
            Some(next) => query.before = Some(next),
            None => return Ok(None),
        }
    }
}

async fn matching(log: &dyn Log, wanted: Wanted<'_>) -> Result<AuditPage> {
    let query = wanted.query;
    let mut found = BTreeMap::new();
    for waiting in log.unchained().await? {
        wanted.take(coding::events(waiting.body), &mut found)?;
    }
    for row in log.rows(tables::tail(query)).await? {
        wanted.take(coding::events(row.body), &mut found)?;
    }
    // Nothing that stands at this place or behind it is to come any more.
    let mut end = i64::MAX;
    for _ in 0..BLOCKS {
        let next = log.blocks(tables::last_block(log.dialect(), query, &wanted.keys, end)).await?.pop();
        let Some(block) = next else { return Ok(cut(found, query.limit, None)) };
        if found.range(block.newest + 1..).count() > query.limit {
            end = block.newest + 1;
            break;
        }
        end = block.newest;
        wanted.take(block.events(log.key()), &mut found)?;
    }
    Ok(cut(found.split_off(&end), query.limit, Some(end)))
}

/// The newest of what was found; where what stands before a place is still to be looked at, that is where to go on.
fn cut(found: BTreeMap<i64, Event>, limit: usize, end: Option<i64>) -> AuditPage {
    let is_cut = found.len() > limit;
    let entries: Vec<Audited> = found
        .into_iter()
        .rev()
        .take(limit)
        .map(|(place, it)| Audited { place: AuditPlace(place), id: it.id, at: it.at, body: it.body })
        .collect();
    let next = match is_cut {
        true => entries.last().map(|it| it.place),
        false => end.map(AuditPlace),
    };
    AuditPage { entries, next }
}
