//! A group of changes on its way to disk: checked one by one against what is there and against each other,
//! written together, one statement per table and chunk of rows.

use super::choose::{Aim, Counter, choose_by};
use super::filter::Filters;
use super::sql::{Bind, Sql};
use super::text::Answers;
use super::writer::State;
use crate::rows::{date_slot, unpacked_keys};
use crate::{Branch, Changes, CommitError, Expect, Guard, Put, Result};
use fhir::search::ParamId;
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::{AssertSqlSafe, Row, Sqlite, SqliteConnection, sqlite::SqliteArguments};

/// What is in the file, or about to be, under a `resource.rkey`.
struct Present {
    rid: i64,
    version: i64,
    keys: FxHashSet<i64>,
}

/// A version accepted but not yet written.
struct Pending<'a> {
    put: &'a Put,
    rkey: i64,
    rid: i64,
    /// The keys of the version it supersedes.
    before: Option<FxHashSet<i64>>,
}

pub(super) struct Batch<'a> {
    now: i64,
    present: FxHashMap<i64, Present>,
    pending: Vec<Pending<'a>>,
    /// `rkey` of each of them.
    pending_rkeys: FxHashSet<i64>,
    contents: Vec<[u8; 16]>,
}

impl<'a> Batch<'a> {
    /// Looks up, at once, what the puts of all changes will meet.
    pub(super) async fn begin(state: &mut State, changes: &[Changes], now: i64) -> Result<Batch<'a>, CommitError> {
        let known = changes.iter().flat_map(|it| &it.puts).filter(|it| it.expect != Expect::Fresh);
        let wanted: Vec<i64> = known.map(|it| state.hash.resource(&it.key.of, &it.key.id)).collect();
        let mut present = FxHashMap::default();
        if !wanted.is_empty() {
            let rows = sqlx::query(
                "SELECT rkey, rid, version, keys FROM json_each(?) wanted \
                 CROSS JOIN resource ON resource.rkey = wanted.value",
            )
            .bind(super::read::json_array(&wanted))
            .fetch_all(&mut state.connection)
            .await?;
            for row in rows {
                let keys = unpacked_keys(row.try_get::<&[u8], _>(3)?);
                present.insert(row.try_get(0)?, Present { rid: row.try_get(1)?, version: row.try_get(2)?, keys });
            }
        }
        Ok(Batch { now, present, pending: Vec::new(), pending_rkeys: FxHashSet::default(), contents: Vec::new() })
    }

    /// Accepts a change, or says that what it expects does not hold.
    pub(super) async fn take(&mut self, state: &mut State, change: &'a Changes) -> Result<(), CommitError> {
        if let Some(content) = change.content
            && (self.contents.contains(&content) || is_loaded(&mut state.connection, &content).await?)
        {
            return Err(CommitError::LoadedBefore);
        }
        let rkeys: Vec<i64> = change.puts.iter().map(|it| state.hash.resource(&it.key.of, &it.key.id)).collect();
        for (put, rkey) in change.puts.iter().zip(&rkeys) {
            let there = self.present.get(rkey).map(|it| it.version);
            let holds = match put.expect {
                Expect::Fresh => true,
                Expect::Absent => there.is_none(),
                Expect::Version(version) => there == Some(version),
            };
            if !holds {
                return Err(CommitError::Conflict);
            }
        }
        if !change.guards.is_empty() {
            self.flush(state).await?;
            for guard in &change.guards {
                check(state, guard).await?;
            }
        }
        // A second version of a resource within the group needs the first one on its row.
        if rkeys.iter().any(|it| self.pending_rkeys.contains(it)) {
            self.flush(state).await?;
        }
        for (put, rkey) in change.puts.iter().zip(rkeys) {
            self.accept(state, put, rkey);
        }
        self.contents.extend(change.content);
        Ok(())
    }

    fn accept(&mut self, state: &mut State, put: &'a Put, rkey: i64) {
        let keys = || put.rows.keys.iter().copied().collect();
        let (rid, before) = match put.expect {
            Expect::Fresh => {
                state.last_rid += 1;
                (state.last_rid, None)
            }
            _ => match self.present.get_mut(&rkey) {
                Some(present) => {
                    present.version = put.version;
                    (present.rid, Some(std::mem::replace(&mut present.keys, keys())))
                }
                None => {
                    state.last_rid += 1;
                    let rid = state.last_rid;
                    self.present.insert(rkey, Present { rid, version: put.version, keys: keys() });
                    (rid, None)
                }
            },
        };
        self.pending_rkeys.insert(rkey);
        self.pending.push(Pending { put, rkey, rid, before });
    }

    /// Writes what was accepted.
    pub(super) async fn flush(&mut self, state: &mut State) -> Result<(), CommitError> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_rkeys.clear();
        let connection = &mut state.connection;
        if !pending.is_empty() {
            supersede(connection, &pending).await?;
            self.write_resources(connection, &pending).await?;
            write_index(connection, &pending, self.now).await?;
            let changes = pending.iter().map(|it| {
                state.last_seq = (state.last_seq + 1).max(self.now * 1000);
                [
                    Bind::Int(state.last_seq),
                    Bind::Int(it.rid),
                    Bind::Int(it.put.version),
                    Bind::Int(self.now),
                    Bind::Text(it.put.key.of.clone()),
                ]
            });
            insert(connection, "change (seq, rid, version, updated, type)", changes.collect()).await?;
        }
        for content in self.contents.drain(..) {
            sqlx::query("INSERT INTO loaded (content) VALUES (?)")
                .bind(content.to_vec())
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    async fn write_resources(
        &self,
        connection: &mut SqliteConnection,
        pending: &[Pending<'_>],
    ) -> Result<(), CommitError> {
        for chunk in chunks(pending, &[8, 4, 2, 1]) {
            let mut text = String::from(
                "INSERT INTO resource (rid, rkey, type, id, version, updated, method, keys, body) VALUES ",
            );
            push_groups(&mut text, chunk.len(), 9);
            text.push_str(
                " ON CONFLICT (rid) DO UPDATE SET version = excluded.version, updated = excluded.updated, \
                 method = excluded.method, keys = excluded.keys, body = excluded.body",
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for it in chunk {
                query = query
                    .bind(it.rid)
                    .bind(it.rkey)
                    .bind(it.put.key.of.as_str())
                    .bind(it.put.key.id.as_str())
                    .bind(it.put.version)
                    .bind(self.now)
                    .bind(it.put.method as i64)
                    .bind(it.put.rows.packed_keys())
                    .bind(it.put.body.as_slice());
            }
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// What happens to the rows of versions that get a successor; `?` is a JSON array of their `rid`s.
pub(super) const TAKE_BACK: [&str; 5] = [
    "INSERT INTO history (rid, version, updated, method, body) SELECT rid, version, updated, method, body \
     FROM resource WHERE rid IN (SELECT value FROM json_each(?))",
    "DELETE FROM string WHERE rid IN (SELECT value FROM json_each(?))",
    "DELETE FROM date WHERE rid IN (SELECT value FROM json_each(?))",
    "DELETE FROM number WHERE rid IN (SELECT value FROM json_each(?))",
    "DELETE FROM reference WHERE (param, target, rid) IN (SELECT param, target, rid FROM reference \
     INDEXED BY reference_rid WHERE rid IN (SELECT value FROM json_each(?)))",
];

/// Moves versions that get a successor into the history, and takes back their index rows.
async fn supersede(connection: &mut SqliteConnection, pending: &[Pending<'_>]) -> Result<(), CommitError> {
    let rids: Vec<i64> = pending.iter().filter(|it| it.before.is_some()).map(|it| it.rid).collect();
    if rids.is_empty() {
        return Ok(());
    }
    let list = super::read::json_array(&rids);
    for statement in TAKE_BACK {
        sqlx::query(statement).bind(list.as_str()).execute(&mut *connection).await?;
    }
    let mut gone = Vec::new();
    for it in pending {
        let now: FxHashSet<i64> = it.put.rows.keys.iter().copied().collect();
        let before = it.before.iter().flatten().filter(|key| !now.contains(key));
        gone.extend(before.map(|key| [Bind::Int(*key), Bind::Int(it.rid)]));
    }
    each_statement(connection, "DELETE FROM key WHERE (key, rid) IN (VALUES ", ")", gone).await
}

async fn write_index(connection: &mut SqliteConnection, pending: &[Pending<'_>], now: i64) -> Result<(), CommitError> {
    use Bind::{Int, Real, Text};
    let (mut references, mut strings, mut dates, mut numbers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut new_keys: Vec<(i64, i64)> = Vec::with_capacity(pending.len() * 32);
    for it in pending {
        let rid = it.rid;
        let rows = &it.put.rows;
        let is_new = |key: &i64| it.before.as_ref().is_none_or(|before| !before.contains(key));
        new_keys.extend(rows.keys.iter().filter(|key| is_new(key)).map(|key| (*key, rid)));
        references.extend(rows.references.iter().map(|(param, target)| [Int(*param), Int(*target), Int(rid)]));
        strings.extend(rows.strings.iter().map(|it| [Int(rid), Int(it.0), Text(it.1.clone()), Int(it.2)]));
        dates.extend(rows.dates.iter().map(|it| [Int(rid), Int(it.0), Int(it.1), Int(it.2)]));
        if it.put.stamp.is_some() {
            let slot = date_slot(ParamId::of(&it.put.key.of, "_lastUpdated"), 0);
            dates.push([Int(rid), Int(slot), Int(now * 1000), Int(now * 1000 + 999)]);
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
async fn insert<const N: usize>(
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
    let query: sqlx::query::Query<'_, Sqlite, SqliteArguments> = statement.query()?;
    query.execute(connection).await?;
    Ok(())
}

/// `count` groups of `width` question marks.
fn push_groups(text: &mut String, count: usize, width: usize) {
    for i in 0..count {
        text.push_str(if i > 0 { ", (" } else { "(" });
        for j in 0..width {
            text.push_str(if j > 0 { ", ?" } else { "?" });
        }
        text.push(')');
    }
}

/// Cuts a slice into chunks of the given sizes, the greatest first; the sizes must end with 1.
fn chunks<'a, T>(mut all: &'a [T], sizes: &'a [usize]) -> impl Iterator<Item = &'a [T]> {
    std::iter::from_fn(move || {
        let size = sizes.iter().find(|it| **it <= all.len())?;
        let (chunk, rest) = all.split_at(*size);
        all = rest;
        Some(chunk)
    })
}

async fn is_loaded(connection: &mut SqliteConnection, content: &[u8; 16]) -> Result<bool, CommitError> {
    let row =
        sqlx::query("SELECT 1 FROM loaded WHERE content = ?").bind(content.to_vec()).fetch_optional(connection).await?;
    Ok(row.is_some())
}

/// Checks that criteria still match what they matched.
async fn check(state: &mut State, guard: &Guard) -> Result<(), CommitError> {
    let Guard::Matches { of, filter, ids } = guard;
    let filters = Filters { hash: &state.hash, texts: &Answers::default() };
    let branch = Branch { of: of.clone(), filter: filter.clone(), sort: Vec::new() };
    let choice =
        choose_by(&mut Counter::Writer(&mut state.connection), super::ENOUGH, &filters, &branch, Aim::All).await?;
    let mut sql = Sql::new("SELECT DISTINCT r.id FROM (");
    sql.append(filters.driven(of, filter, choice.clause, choice.driver(&filters, &branch)));
    sql.push(") m CROSS JOIN resource r ON r.rid = m.rid").limit(ids.len() as i64 + 1);
    let rows = sql.query()?.fetch_all(&mut state.connection).await?;
    let found: FxHashSet<String> = rows.iter().map(|it| it.try_get(0)).collect::<Result<_, _>>()?;
    let expected: FxHashSet<String> = ids.iter().cloned().collect();
    if found == expected { Ok(()) } else { Err(CommitError::Conflict) }
}
