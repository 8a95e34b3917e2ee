//! The records of all patients together: one type after the other, each in the order of the store.
//!
//! A page goes over so many members, gives those that are asked for, and with them what they refer to, as a search
//! gives its includes: a practitioner comes once on each page that needs it. So a page costs what is on it, however
//! many records there are.

use super::record::Record;
use super::support::Support;
use fhir::Result;
use fhir::search::{Clause, Test};
use rustc_hash::FxHashSet;
use store::{Branch, Key, Plan, Position, SortValue, Stored};

/// A page.
#[derive(Default)]
pub(super) struct AllPage {
    /// The members.
    pub(super) members: Vec<Stored>,
    /// What they refer to.
    pub(super) support: Vec<Stored>,
    /// Where it goes on.
    pub(super) next: Option<Position>,
    /// How many members there are, where they are all on this page.
    pub(super) total: Option<i64>,
}

/// The page behind a position.
pub(super) async fn page(record: &Record<'_>, after: Option<Position>, limit: usize) -> Result<AllPage> {
    // What supports members is known by going over them all, those included that are not asked for themselves.
    let branches = if record.wants_support() { record.scope()? } else { record.narrowed()? };
    let is_first = after.is_none();
    let (mut members, next) = walked(record, branches, after, limit).await?;
    let mut support = Vec::new();
    if record.wants_support() {
        support = supporting(record, &members).await?;
        members.retain(|it| record.wants(it));
    }
    let total = (is_first && next.is_none()).then_some(members.len() as i64);
    Ok(AllPage { members, support, next, total })
}

/// So many members of these branches behind the position, and where it goes on.
async fn walked(
    record: &Record<'_>,
    branches: Vec<Branch>,
    after: Option<Position>,
    limit: usize,
) -> Result<(Vec<Stored>, Option<Position>)> {
    let (from, mut row) = after.as_ref().map_or((None, i64::MIN), |it| (type_of(it), it.row));
    let mut found: Vec<Stored> = Vec::new();
    for branch in branches.into_iter().skip_while(|it| from.is_some_and(|from| it.of != from)) {
        let of = branch.of.clone();
        let room = limit - found.len();
        if room == 0 {
            return Ok((found, Some(position(of, row))));
        }
        let after = Some(Position { row, ..Position::default() });
        let page = record.call.search(&Plan { branches: vec![branch], after, limit: room }).await?;
        found.extend(page.found);
        if let Some(next) = page.next {
            return Ok((found, Some(position(of, next.row))));
        }
        row = i64::MIN;
    }
    Ok((found, None))
}

fn type_of(position: &Position) -> Option<&str> {
    match position.values.as_slice() {
        [SortValue::Text(of)] => Some(of),
        _ => None,
    }
}

fn position(of: String, row: i64) -> Position {
    Position { values: vec![SortValue::Text(of)], row, along: None }
}

/// What these members refer to, but for other members: those come by themselves.
async fn supporting(record: &Record<'_>, members: &[Stored]) -> Result<Vec<Stored>> {
    let mut support = Support::new(record.call);
    members.iter().try_for_each(|it| support.member(it))?;
    let mut found = support.resources(record.call.engine.settings().max_includes).await?;
    found.retain(|it| record.wants(it));
    let others = members_among(record, &found).await?;
    found.retain(|it| !others.contains(&it.key));
    Ok(found)
}

/// Which of these are members.
async fn members_among(record: &Record<'_>, found: &[Stored]) -> Result<FxHashSet<Key>> {
    let mut members = FxHashSet::default();
    for mut branch in record.scope()? {
        let ids: Vec<Test> =
            found.iter().filter(|it| it.key.of == branch.of).map(|it| Test::Id(it.key.id.clone())).collect();
        if ids.is_empty() {
            continue;
        }
        let limit = ids.len();
        branch.filter.push(Clause::Any(ids));
        let page = record.call.search(&Plan { branches: vec![branch], after: None, limit }).await?;
        members.extend(page.found.into_iter().map(|it| it.key));
    }
    Ok(members)
}
