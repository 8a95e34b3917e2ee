//! A group of changes on its way to disk: checked one by one against what is there and against each other,
//! written together, one statement per table and chunk of rows.

use super::index::{Entries, chunks, insert, push_groups, take_back, write_index};
use super::runner::Writing;
use super::writer::State;
use super::{builds, ledger};
use crate::query::{self, Bind};
use crate::rows::unpacked_keys;
use crate::{Changes, CommitError, Expect, Put, Result};
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

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
    entries: Entries<'a>,
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
            .bind(super::runner::json_array(&wanted))
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
                let mut runner = Writing { connection: &mut state.connection, hash: &state.hash };
                if !query::still_holds(&mut runner, guard).await? {
                    return Err(CommitError::Conflict);
                }
            }
        }
        if !change.ledger.is_empty() {
            // Not the time of the commit, which may be ahead of the clock.
            let now = (state.clock)();
            ledger::write(&mut state.connection, &change.ledger, now).await?;
        }
        // A second version of a resource within the group needs the first one on its row.
        if rkeys.iter().any(|it| self.pending_rkeys.contains(it)) {
            self.flush(state).await?;
        }
        for (put, rkey) in change.puts.iter().zip(rkeys) {
            self.accept(state, put, rkey);
        }
        self.contents.extend(change.content);
        if !change.reindexed.is_empty() || change.build.is_some() {
            self.flush(state).await?;
            builds::write(state, change).await?;
        }
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
        // A deletion has no time to be found by.
        let updated = put.stamp.map(|_| self.now);
        let entries = Entries { rid, of: &put.key.of, rows: &put.rows, before, updated };
        self.pending.push(Pending { put, rkey, entries });
    }

    /// Writes what was accepted.
    pub(super) async fn flush(&mut self, state: &mut State) -> Result<(), CommitError> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_rkeys.clear();
        let connection = &mut state.connection;
        if !pending.is_empty() {
            supersede(connection, &pending).await?;
            self.write_resources(connection, &pending).await?;
            let entries: Vec<&Entries<'_>> = pending.iter().map(|it| &it.entries).collect();
            take_back(connection, &entries).await?;
            write_index(connection, &entries).await?;
            let changes = pending.iter().map(|it| {
                state.last_seq = (state.last_seq + 1).max(self.now * 1000);
                [
                    Bind::Int(state.last_seq),
                    Bind::Int(it.entries.rid),
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
                    .bind(it.entries.rid)
                    .bind(it.rkey)
                    .bind(it.put.key.of.as_str())
                    .bind(it.put.key.id.as_str())
                    .bind(it.put.version)
                    .bind(self.now)
                    .bind(it.put.method as i64)
                    .bind(it.put.rows.packed_keys())
                    .bind(it.put.kept());
            }
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// What happens to versions that get a successor; `?` is a JSON array of their `rid`s.
pub(super) const SUPERSEDE: &str = "INSERT INTO history (rid, version, updated, method, body) \
     SELECT rid, version, updated, method, body FROM resource WHERE rid IN (SELECT value FROM json_each(?))";

/// Moves versions that get a successor into the history.
async fn supersede(connection: &mut SqliteConnection, pending: &[Pending<'_>]) -> Result<(), CommitError> {
    let entries = pending.iter().map(|it| &it.entries);
    let rids: Vec<i64> = entries.filter(|it| it.before.is_some()).map(|it| it.rid).collect();
    if !rids.is_empty() {
        sqlx::query(SUPERSEDE).bind(super::runner::json_array(&rids)).execute(connection).await?;
    }
    Ok(())
}

async fn is_loaded(connection: &mut SqliteConnection, content: &[u8; 16]) -> Result<bool, CommitError> {
    let row =
        sqlx::query("SELECT 1 FROM loaded WHERE content = ?").bind(content.to_vec()).fetch_optional(connection).await?;
    Ok(row.is_some())
}
