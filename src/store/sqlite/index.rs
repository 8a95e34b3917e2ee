//! Index rows on their way to disk: those that a resource had are taken back, those that it has now are written, one
//! statement per table and chunk of rows.

use super::runner::query;
use crate::query::{Bind, Sql};
use crate::rows::date_slot;
use crate::{CommitError, Rows};
use fhir::search::ParamId;
use rustc_hash::FxHashSet;
use sqlx::SqliteConnection;

/// What a resource is to be found by.
pub(super) struct Entries<'a> {
    pub(super) rid: i64,
    /// Its type.
    pub(super) of: &'a str,
    pub(super) rows: &'a Rows,
    /// The keys it had before; `None` of a new resource.
    pub(super) before: Option<FxHashSet<i64>>,
    /// The time it is found by, in milliseconds; `None` if it is deleted.
    pub(super) updated: Option<i64>,
}

/// What takes the rows of resources back; `?` is a JSON array of their `rid`s. Those in `key` are told apart.
pub(super) const TAKE_BACK: [&str; 4] = [
    "DELETE FROM string WHERE rid IN (SELECT value FROM json_each(?))",
    "DELETE FROM date WHERE rid IN (SELECT value FROM json_each(?))",
    "DELETE FROM number WHERE rid IN (SELECT value FROM json_each(?))",
    "DELETE FROM reference WHERE (param, target, rid) IN (SELECT param, target, rid FROM reference \
     INDEXED BY reference_rid WHERE rid IN (SELECT value FROM json_each(?)))",
];

/// Takes the index rows back of resources that had some before.
pub(super) async fn take_back(connection: &mut SqliteConnection, entries: &[&Entries<'_>]) -> Result<(), CommitError> {
    let rids: Vec<i64> = entries.iter().filter(|it| it.before.is_some()).map(|it| it.rid).collect();
    if rids.is_empty() {
        return Ok(());
    }
    let list = super::runner::json_array(&rids);
    for statement in TAKE_BACK {
        sqlx::query(statement).bind(list.as_str()).execute(&mut *connection).await?;
    }
    let mut gone = Vec::new();
    for it in entries {
        let now: FxHashSet<i64> = it.rows.keys.iter().copied().collect();
        let before = it.before.iter().flatten().filter(|key| !now.contains(key));
        gone.extend(before.map(|key| [Bind::Int(*key), Bind::Int(it.rid)]));
    }
    each_statement(connection, "DELETE FROM key WHERE (key, rid) IN (VALUES ", ")", gone).await
}

/// Writes the index rows of resources whose former ones were taken back.
pub(super) async fn write_index(
    connection: &mut SqliteConnection,
    entries: &[&Entries<'_>],
) -> Result<(), CommitError> {
    use Bind::{Int, Real, Text};
    let (mut references, mut strings, mut dates, mut numbers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut new_keys: Vec<(i64, i64)> = Vec::with_capacity(entries.len() * 32);
    for it in entries {
        let (rid, rows) = (it.rid, it.rows);
        let is_new = |key: &i64| it.before.as_ref().is_none_or(|before| !before.contains(key));
        new_keys.extend(rows.keys.iter().filter(|key| is_new(key)).map(|key| (*key, rid)));
        references.extend(rows.references.iter().map(|(param, target)| [Int(*param), Int(*target), Int(rid)]));
        strings.extend(rows.strings.iter().map(|it| [Int(rid), Int(it.0), Text(it.1.clone()), Int(it.2)]));
        dates.extend(rows.dates.iter().map(|it| [Int(rid), Int(it.0), Int(it.1), Int(it.2)]));
        if let Some(updated) = it.updated {
            let slot = date_slot(ParamId::of(it.of, "_lastUpdated"), 0);
            dates.push([Int(rid), Int(slot), Int(updated * 1000), Int(updated * 1000 + 999)]);
        }
        numbers.extend(rows.numbers.iter().map(|it| [Int(rid), Int(it.0), Real(it.1), Real(it.2)]));
    }
    // In the order of the tree, neighbours share a page.
    new_keys.sort_unstable();
    let keys = new_keys.into_iter().map(|(key, rid)| [Int(key), Int(rid)]).collect();
    insert(connection, "key (key, rid)", keys).await?;
    insert(connection, "reference (param, target, rid)", references).await?;
    insert(connection, "string (rid, param, norm, exact)", strings).await?;
    insert(connection, "date (rid, slot, low, high)", dates).await?;
    insert(connection, "number (rid, slot, low, high)", numbers).await
}

/// Sizes of statements, so that few texts are prepared: the last rows of a table are filled up to one of them.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];
/// From how many rows on statements are filled exactly: what is left after them is little.
const FULL: usize = 64;

/// Writes rows into an index table. A statement costs two changes of thread, more than a row does: the last one is
/// filled up by its own last row, which is passed over as it is there already.
pub(super) async fn insert<const N: usize>(
    connection: &mut SqliteConnection,
    table: &str,
    rows: Vec<[Bind; N]>,
) -> Result<(), CommitError> {
    each_statement(connection, &format!("INSERT INTO {table} VALUES "), " ON CONFLICT DO NOTHING", rows).await
}

/// Runs `lead (?, …), (?, …) … tail` over all rows, the last of them as often as fills a statement.
async fn each_statement<const N: usize>(
    connection: &mut SqliteConnection,
    lead: &str,
    tail: &str,
    mut rows: Vec<[Bind; N]>,
) -> Result<(), CommitError> {
    let odd = rows.len() % FULL;
    if let (Some(last), true) = (rows.last().cloned(), odd > 0) {
        rows.resize(rows.len() - odd + odd.next_power_of_two(), last);
    }
    for chunk in chunks(&rows, &SIZES) {
        let mut text = String::from(lead);
        push_groups(&mut text, chunk.len(), N);
        text.push_str(tail);
        run(connection, Sql { text, binds: chunk.iter().flatten().cloned().collect() }).await?;
    }
    Ok(())
}

async fn run(connection: &mut SqliteConnection, statement: Sql) -> Result<(), CommitError> {
    query(statement)?.execute(connection).await?;
    Ok(())
}

/// `count` groups of `width` question marks.
pub(super) fn push_groups(text: &mut String, count: usize, width: usize) {
    for i in 0..count {
        text.push_str(if i > 0 { ", (" } else { "(" });
        for j in 0..width {
            text.push_str(if j > 0 { ", ?" } else { "?" });
        }
        text.push(')');
    }
}

/// Cuts a slice into chunks of the given sizes, the greatest first; the sizes must end with 1.
pub(super) fn chunks<'a, T>(mut all: &'a [T], sizes: &'a [usize]) -> impl Iterator<Item = &'a [T]> {
    std::iter::from_fn(move || {
        let size = sizes.iter().find(|it| **it <= all.len())?;
        let (chunk, rest) = all.split_at(*size);
        all = rest;
        Some(chunk)
    })
}
