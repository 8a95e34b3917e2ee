//! Orders that no index keeps (search.html#sort): by tokens, references and uris. All that is found is looked at, up
//! to a limit; past it the search is refused, never half sorted.

use super::params::{Search, SortKey};
use crate::page::Turn;
use crate::{Context, Engine};
use fhir::json::Doc;
use fhir::search::fold::fold;
use fhir::search::{IndexSink, ParamId, Target, Unit};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use std::cmp::Ordering;
use std::ops::Range;
use store::{Key, Page, Plan, Position, SortValue, Stored};

/// The most resources that are sorted.
const MOST: usize = 10_000;
/// Resources looked at in one go.
const BATCH: usize = 200;
/// Characters of a text that count in an order, so that a page link stays short.
const TEXT: usize = 120;

/// A resource's place: its values, one for each key, and itself.
type Place = (Vec<SortValue>, Key);

impl Engine {
    /// A page in the order of `keys`; what is equal in all of them comes by type and id.
    pub(super) async fn gathered(
        &self,
        ctx: &Context,
        search: &Search,
        keys: &[SortKey],
        turn: Option<&Turn>,
    ) -> Result<Page> {
        let mut places = self.places(ctx, search, keys).await?;
        places.sort_by(|a, b| compare(keys, a, b));
        let range = range(&places, keys, turn, search.count);
        let (is_first, is_last) = (range.start == 0, range.end == places.len());
        let page = places.get(range).unwrap_or_default();
        let wanted: Vec<Key> = page.iter().map(|(_, key)| key.clone()).collect();
        let mut found = ctx.session.read_many(&wanted).await?;
        let order = |it: &Stored| wanted.iter().position(|key| *key == it.key);
        found.sort_by_cached_key(order);
        let next = page.last().filter(|_| !is_last).map(write);
        let previous = page.first().filter(|_| !is_first).map(write);
        Ok(Page { found, next, previous })
    }

    /// All that the search finds, with the values it is sorted by.
    async fn places(&self, ctx: &Context, search: &Search, keys: &[SortKey]) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        let mut plan = Plan { branches: search.branches.clone(), after: None, limit: BATCH };
        loop {
            let page = ctx.session.search(&plan).await?;
            for stored in &page.found {
                places.push((self.values(ctx, keys, stored)?, stored.key.clone()));
            }
            if places.len() > MOST {
                let told = format!(
                    "To be sorted by a token, reference or uri, a search may find {MOST} resources at the most; narrow it."
                );
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            match page.next {
                Some(next) => plan.after = Some(next),
                None => return Ok(places),
            }
        }
    }

    fn values(&self, ctx: &Context, keys: &[SortKey], stored: &Stored) -> Result<Vec<SortValue>> {
        let name = &stored.key.of;
        let params = ctx.params();
        let id = |code: &str| {
            let param = r4().resource(name).and_then(|of| params.spec().param(of, code));
            param.map_or_else(|| ParamId::of(name, code), |it| ParamId::of_param(name, it))
        };
        let wanted = keys.iter().map(|it| (id(&it.code), it.descending, SortValue::Missing));
        let mut firsts = Firsts(wanted.collect());
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        if let Some(of) = r4().resource(name) {
            let is_key = |code: &str, _| keys.iter().any(|it| it.code == code);
            params.index(&self.indexer, (of, doc.root()), ctx.base(), &mut firsts, is_key);
        }
        // What the index does not hold is the store's own.
        firsts.offer(ParamId::of(name, "_id"), &SortValue::Text(stored.key.id.clone()));
        firsts.offer(ParamId::of(name, "_lastUpdated"), &SortValue::Int(stored.updated));
        Ok(firsts.0.into_iter().map(|(_, _, value)| value).collect())
    }
}

/// Which of the places are on the page.
fn range(places: &[Place], keys: &[SortKey], turn: Option<&Turn>, count: usize) -> Range<usize> {
    let rank = |position: &Position, is_before: fn(Ordering) -> bool| {
        read(position).map_or(0, |it| places.partition_point(|place| is_before(compare(keys, place, &it))))
    };
    let from = |start: usize| start..(start + count).min(places.len());
    let up_to = |end: usize| end.saturating_sub(count)..end;
    match turn {
        None => from(0),
        Some(Turn::After(position)) => from(rank(position, Ordering::is_le)),
        Some(Turn::Before(position)) => up_to(rank(position, Ordering::is_lt)),
        Some(Turn::Last(_)) => up_to(places.len()),
    }
}

/// The values that stand for a resource: of several the least, or the greatest if descending.
struct Firsts(Vec<(ParamId, bool, SortValue)>);

impl Firsts {
    fn offer(&mut self, param: ParamId, value: &SortValue) {
        for (wanted, descending, first) in &mut self.0 {
            if *wanted == param && by_value(*descending, value, first).is_lt() {
                *first = value.clone();
            }
        }
    }

    fn offer_text(&mut self, param: ParamId, text: &str) {
        self.offer(param, &SortValue::Text(text.chars().take(TEXT).collect()));
    }
}

impl IndexSink for Firsts {
    /// By code, then by system: a code ends before any other character.
    fn token(&mut self, param: ParamId, system: Option<&str>, code: &str) {
        self.offer_text(param, &format!("{code}\0{}", system.unwrap_or("")));
    }
    fn string(&mut self, param: ParamId, text: &str) {
        self.offer_text(param, &fold(text));
    }
    fn date(&mut self, param: ParamId, low: i64, _high: i64) {
        self.offer(param, &SortValue::Int(low));
    }
    fn number(&mut self, param: ParamId, low: f64, _high: f64) {
        self.offer(param, &SortValue::Real(low));
    }
    fn quantity(&mut self, param: ParamId, _unit: Unit<'_>, low: f64, _high: f64) {
        self.offer(param, &SortValue::Real(low));
    }
    fn reference(&mut self, param: ParamId, target: &Target<'_>) {
        match target {
            Target::Local { of, id } => self.offer_text(param, &format!("{of}/{id}")),
            // A reference without an address has nothing to be sorted by.
            Target::Url("#") => {}
            Target::Url(url) => self.offer_text(param, url),
        }
    }
    fn uri(&mut self, param: ParamId, uri: &str) {
        self.offer_text(param, uri);
    }
}

fn compare(keys: &[SortKey], a: &Place, b: &Place) -> Ordering {
    let pairs = keys.iter().zip(a.0.iter().zip(&b.0));
    let by_keys = pairs.map(|(key, (a, b))| by_value(key.descending, a, b)).find(|it| it.is_ne());
    by_keys.unwrap_or_else(|| a.1.cmp(&b.1))
}

/// What is missing comes last either way.
fn by_value(descending: bool, a: &SortValue, b: &SortValue) -> Ordering {
    let order = match (a, b) {
        (SortValue::Missing, SortValue::Missing) => return Ordering::Equal,
        (SortValue::Missing, _) => return Ordering::Greater,
        (_, SortValue::Missing) => return Ordering::Less,
        (SortValue::Int(a), SortValue::Int(b)) => a.cmp(b),
        (SortValue::Real(a), SortValue::Real(b)) => a.total_cmp(b),
        (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
        // One parameter has values of one kind, unless its types differ among the types searched.
        _ => rank(a).cmp(&rank(b)),
    };
    if descending { order.reverse() } else { order }
}

fn rank(value: &SortValue) -> u8 {
    match value {
        SortValue::Int(_) => 0,
        SortValue::Real(_) => 1,
        SortValue::Text(_) => 2,
        SortValue::Missing => 3,
    }
}

/// A place as a position: the resource stands behind the keys' values.
fn write((values, key): &Place) -> Position {
    let itself = [&key.of, &key.id].map(|it| SortValue::Text(it.clone()));
    Position { values: values.iter().cloned().chain(itself).collect(), ..Position::default() }
}

fn read(position: &Position) -> Option<Place> {
    match position.values.as_slice() {
        [values @ .., SortValue::Text(of), SortValue::Text(id)] => {
            Some((values.to_vec(), Key::new(of.clone(), id.clone())))
        }
        _ => None,
    }
}
