//! Finding events.

use super::block::Block;
use super::coding::{Event, Events, time_of};
use super::tables::{self, Log, Unchained};
use super::{AuditKey, AuditPage, AuditPlace, AuditQuery, Audited};
use crate::Result;
use bytes::Bytes;
use std::collections::BTreeMap;

/// So many blocks are opened for a page, unless they lie over each other.
const BLOCKS: usize = 32;
/// So many statements' events that are in no row yet are looked at for a page: where they cannot be chained they become many.
const WAITING: i64 = 4000;
/// The longest that the places of one statement's events reach, in milliseconds.
const SPAN: i64 = 1000;

/// What a query asks for, its keys as hashes.
struct Wanted<'a> {
    query: &'a AuditQuery,
    keys: Vec<Vec<i64>>,
}

/// What was found, in the order of places, each event once: one that is sealed while we look is met twice.
type Found = BTreeMap<(i64, String), Audited>;

/// Before all events that may stand at a place.
fn at(place: i64) -> (i64, String) {
    (place, String::new())
}

impl Wanted<'_> {
    fn takes(&self, event: &Event<'_>) -> bool {
        let query = self.query;
        query.before.is_none_or(|it| event.place < it.0)
            && query.from.is_none_or(|it| it <= event.at)
            && query.until.is_none_or(|it| event.at <= it)
            && self.keys.iter().all(|any| any.iter().any(|key| event.has(*key)))
    }

    /// Adds what is wanted of some events; `false` where they cannot be read.
    fn take(&self, events: &[u8], found: &mut Found) -> bool {
        for event in Events(events) {
            let Some(event) = event else { return false };
            if self.takes(&event) {
                found.insert((event.place, event.id.to_owned()), audited(&event));
            }
        }
        true
    }

    /// The same of a block's events.
    fn take_block(&self, key: &AuditKey, block: &Block, found: &mut Found) -> bool {
        let Some(rows) = block.rows(key) else { return false };
        let mut is_whole = true;
        for row in rows {
            is_whole &= self.take(&row.body, found);
        }
        is_whole
    }
}

fn audited(event: &Event<'_>) -> Audited {
    let (id, body) = (event.id.to_owned(), Bytes::copy_from_slice(event.body));
    Audited { place: AuditPlace(event.place), id, at: event.at, body }
}

/// A page of the events that a query finds, the newest first. What is in no block is looked at before the blocks are: it
/// may get into one meanwhile, and never out of one.
pub(crate) async fn page(log: &dyn Log, query: &AuditQuery) -> Result<AuditPage> {
    let hashes = |any: &Vec<String>| any.iter().map(|it| log.hash().audited(it)).collect();
    matching(log, Wanted { query, keys: query.keys.iter().map(hashes).collect() }).await
}

/// The event with this id.
pub(crate) async fn by_id(log: &dyn Log, id: &str) -> Result<Option<Audited>> {
    if let Some(at) = time_of(id)
        && let Some(found) = of_time(log, at, id).await?
    {
        return Ok(Some(found));
    }
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

/// The event with this id, of this time.
async fn of_time(log: &dyn Log, at: i64, id: &str) -> Result<Option<Audited>> {
    let query = AuditQuery { from: Some(at), until: Some(at), limit: usize::MAX, ..AuditQuery::default() };
    let wanted = Wanted { query: &query, keys: Vec::new() };
    let this_of = |found: Found| found.into_values().find(|it| it.id == id);
    let mut before = i64::MAX;
    loop {
        let waiting = log.unchained(before, WAITING).await?;
        let mut found = Found::new();
        waiting.iter().for_each(|it| _ = wanted.take(&it.body, &mut found));
        if let Some(this) = this_of(found) {
            return Ok(Some(this));
        }
        match waiting.last().filter(|_| waiting.len() as i64 == WAITING) {
            Some(last) => before = last.place,
            None => break,
        }
    }
    let mut found = Found::new();
    log.rows(tables::tail(&query)).await?.iter().for_each(|it| _ = wanted.take(&it.body, &mut found));
    let mut this = this_of(found);
    let mut after = (i64::MIN, i64::MIN);
    while this.is_none()
        && let Some(block) = log.blocks(tables::block_of_time(at, after)).await?.pop()
    {
        after = (block.high, block.number);
        let mut found = Found::new();
        wanted.take_block(log.key(), &block, &mut found);
        this = this_of(found);
    }
    Ok(this)
}

async fn matching(log: &dyn Log, wanted: Wanted<'_>) -> Result<AuditPage> {
    let query = wanted.query;
    let (mut found, mut is_damaged) = (Found::new(), false);
    let (waiting, mut least) = unchained(log, query).await?;
    let tail = log.rows(tables::tail(query)).await?.into_iter().map(|it| it.body);
    for body in waiting.into_iter().map(|it| it.body).chain(tail) {
        is_damaged |= !wanted.take(&body, &mut found);
    }
    // Nothing that stands at this place or behind it is to come any more.
    let mut end = i64::MAX;
    let mut opened = 0;
    // However blocks lie over each other, a page goes on from an earlier place than it began at.
    while opened < BLOCKS || query.before.is_some_and(|it| end >= it.0) {
        let next = log.blocks(tables::last_block(log.dialect(), query, &wanted.keys, end)).await?.pop();
        let Some(block) = next else {
            end = i64::MIN;
            break;
        };
        if found.range(at(block.newest.saturating_add(1))..).count() > query.limit {
            end = block.newest.saturating_add(1);
            break;
        }
        (end, opened) = (block.newest, opened + 1);
        is_damaged |= !wanted.take_block(log.key(), &block, &mut found);
    }
    least = least.max(end);
    let page = cut(found.split_off(&at(least)), query.limit, (least > i64::MIN).then_some(least));
    Ok(AuditPage { is_damaged, opened, ..page })
}

/// What is written and in no row yet, as far as a page takes it, and the place from which on it is all of it.
async fn unchained(log: &dyn Log, query: &AuditQuery) -> Result<(Vec<Unchained>, i64)> {
    let before = query.before.map_or(i64::MAX, |it| it.0);
    let mut most = WAITING;
    loop {
        let rows = log.unchained(before, most).await?;
        let Some(last) = rows.last().filter(|_| rows.len() as i64 == most) else { return Ok((rows, i64::MIN)) };
        // Events that one statement wrote lie between those of others, but never so far.
        let end = log.place_after(log.time_of(last.place).saturating_add(SPAN));
        if end < before {
            return Ok((rows, end));
        }
        most = most.saturating_mul(4);
    }
}

/// The newest of what was found; where what stands before a place is still to be looked at, that is where to go on.
fn cut(found: Found, limit: usize, end: Option<i64>) -> AuditPage {
    let mut all = found.into_values().rev().peekable();
    let mut entries: Vec<Audited> = all.by_ref().take(limit).collect();
    // The next page begins before this place.
    let last = entries.last().map(|it| it.place);
    entries.extend(std::iter::from_fn(|| all.next_if(|it| Some(it.place) == last)));
    let is_cut = all.peek().is_some();
    let next = match is_cut {
        true => entries.last().map(|it| it.place),
        false => end.map(AuditPlace),
    };
    AuditPage { entries, next, ..AuditPage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secrets;
    use crate::audit::{AuditEntry, Head, Row, encode};
    use crate::keys::tests::random;
    use crate::query::{Dialect, Sql};
    use crate::rows::IndexHash;
    use async_trait::async_trait;

    /// A log of which nothing is chained. An event's place is its time in milliseconds.
    struct Waiting {
        hash: IndexHash,
        key: AuditKey,
        rows: Vec<(i64, Vec<u8>)>,
    }

    impl Waiting {
        /// So many statements of two events each, whose places lie between each other's.
        fn of(statements: i64) -> Waiting {
            let (data_keys, sealing, marks) = <_>::default();
            let secrets = Secrets {
                index_key: [1; 16],
                page_key: [2; 32],
                token_key: Vec::new(),
                edition: 0,
                data_keys,
                sealing,
                marks,
            };
            let hash = IndexHash::new(&secrets.index_key);
            let row = |i: i64| {
                let mut body = Vec::new();
                for place in [10 * i, 10 * i + 15] {
                    let entry = AuditEntry { id: place.to_string(), at: place, keys: Vec::new(), body: Vec::new() };
                    encode(&mut body, &entry, place, &hash);
                }
                (10 * i, body)
            };
            let rows = (0..statements).rev().map(row).collect();
            Waiting { key: AuditKey::new(&secrets, random), rows, hash }
        }
    }

    #[async_trait]
    impl Log for Waiting {
        fn dialect(&self) -> Dialect {
            Dialect::Sqlite
        }
        fn hash(&self) -> &IndexHash {
            &self.hash
        }
        fn key(&self) -> &AuditKey {
            &self.key
        }
        async fn rows(&self, _: Sql) -> Result<Vec<Row>> {
            Ok(Vec::new())
        }
        async fn blocks(&self, _: Sql) -> Result<Vec<Block>> {
            Ok(Vec::new())
        }
        async fn count(&self, _: Sql) -> Result<i64> {
            Ok(0)
        }
        async fn unchained(&self, before: i64, most: i64) -> Result<Vec<Unchained>> {
            let rows = self.rows.iter().filter(|it| it.0 < before).take(most as usize);
            let row =
                |(place, body): &(i64, Vec<u8>)| Unchained { place: *place, mac: [0; 32], body: body.clone().into() };
            Ok(rows.map(row).collect())
        }
        fn time_of(&self, place: i64) -> i64 {
            place
        }
        fn place_after(&self, ms: i64) -> i64 {
            ms + 1
        }
        fn now(&self) -> i64 {
            0
        }
        async fn head(&self) -> Result<Option<Head>> {
            Ok(None)
        }
    }

    /// However much waits, a page looks at so much of it, and the pages have each event once.
    #[tokio::test]
    async fn what_waits_is_paged_through() {
        let statements = 3 * WAITING;
        let log = Waiting::of(statements);
        let mut query = AuditQuery { limit: 100_000, ..AuditQuery::default() };
        let (mut places, mut pages) = (Vec::new(), 0);
        loop {
            let found = page(&log, &query).await.unwrap();
            assert!(found.entries.len() as i64 <= 2 * WAITING);
            places.extend(found.entries.into_iter().map(|it| it.place.0));
            pages += 1;
            match found.next {
                Some(next) => query.before = Some(next),
                None => break,
            }
        }
        assert!(pages > 2, "{pages}");
        assert!(places.windows(2).all(|it| it[0] > it[1]), "the newest first, each once");
        assert_eq!(places.len() as i64, 2 * statements);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_said_and_stops_nothing() {
        let mut log = Waiting::of(3);
        log.rows[1].1.truncate(5);
        let found = page(&log, &AuditQuery { limit: 10, ..AuditQuery::default() }).await.unwrap();
        assert_eq!((found.entries.len(), found.is_damaged), (4, true));
    }
}
