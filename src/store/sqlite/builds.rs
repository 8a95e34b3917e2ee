//! Index rows made anew: what is kept of how far a walk got, and the exchange of a resource's rows for others.

use super::index::{Entries, take_back, write_index};
use super::place::Place;
use super::runner::json_array;
use super::writer::State;
use crate::rows::{IndexHash, unpacked_keys};
use crate::{Build, BuildChange, Changes, CommitError, Reindexed, Result};
use rustc_hash::FxHashMap;
use sqlx::{Row, SqliteConnection};

/// The separator of resource types in a column.
const SEPARATOR: &str = ",";

/// The builds that were begun and not dropped.
pub(super) async fn all(place: &Place) -> Result<Vec<Build>> {
    let query = sqlx::query("SELECT name, types, position, done, total, finished, damaged FROM build ORDER BY name");
    let rows = place.readers.fetch_all(query).await?;
    let build = |row: &sqlx::sqlite::SqliteRow| {
        let types: String = row.try_get(1)?;
        Ok(Build {
            name: row.try_get(0)?,
            types: types.split(SEPARATOR).map(str::to_owned).collect(),
            position: row.try_get(2)?,
            done: row.try_get(3)?,
            total: row.try_get(4)?,
            is_finished: row.try_get(5)?,
            damaged: row.try_get(6)?,
        })
    };
    rows.iter().map(build).collect()
}

/// Writes what a change has of index rows made anew and of builds.
pub(super) async fn write(state: &mut State, change: &Changes) -> Result<(), CommitError> {
    if !change.reindexed.is_empty() {
        exchange(&mut state.connection, &state.hash, &change.reindexed).await?;
    }
    if let Some(build) = &change.build {
        write_build(&mut state.connection, build).await?;
    }
    for param in &change.hidden {
        sqlx::query("DELETE FROM string WHERE param = ?").bind(param.0 as i64).execute(&mut state.connection).await?;
    }
    Ok(())
}

/// What is known of a resource whose rows are to be exchanged.
struct Current {
    rid: i64,
    updated: i64,
    keys: Vec<u8>,
}

async fn exchange(
    connection: &mut SqliteConnection,
    hash: &IndexHash,
    reindexed: &[Reindexed],
) -> Result<(), CommitError> {
    let rkeys: Vec<i64> = reindexed.iter().map(|it| hash.resource(&it.key.of, &it.key.id)).collect();
    let rows = sqlx::query(
        "SELECT r.rkey, r.version, r.rid, r.updated, r.keys FROM json_each(?) wanted \
         CROSS JOIN resource r ON r.rkey = wanted.value WHERE r.method < 4",
    )
    .bind(json_array(&rkeys))
    .fetch_all(&mut *connection)
    .await?;
    let mut current: FxHashMap<(i64, i64), Current> = FxHashMap::default();
    for row in rows {
        let found = Current { rid: row.try_get(2)?, updated: row.try_get(3)?, keys: row.try_get(4)? };
        current.insert((row.try_get(0)?, row.try_get(1)?), found);
    }
    let mut all = Vec::with_capacity(reindexed.len());
    for (it, rkey) in reindexed.iter().zip(rkeys) {
        // A version that has a successor has no rows to exchange.
        let Some(there) = current.get(&(rkey, it.version)) else { continue };
        let before = Some(unpacked_keys(&there.keys));
        let (rid, updated) = (there.rid, Some(there.updated));
        all.push(Entries { rid, of: &it.key.of, rows: &it.rows, before, updated });
    }
    let all: Vec<&Entries<'_>> = all.iter().collect();
    take_back(connection, &all).await?;
    for entries in &all {
        sqlx::query("UPDATE resource SET keys = ? WHERE rid = ?")
            .bind(entries.rows.packed_keys())
            .bind(entries.rid)
            .execute(&mut *connection)
            .await?;
    }
    write_index(connection, &all).await
}

async fn write_build(connection: &mut SqliteConnection, change: &BuildChange) -> Result<(), CommitError> {
    let query = match change {
        BuildChange::Begin(build) => sqlx::query(
            "INSERT INTO build (name, types, position, done, total, finished, damaged) VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(build.name.as_str())
        .bind(build.types.join(SEPARATOR))
        .bind(build.position)
        .bind(build.done)
        .bind(build.total)
        .bind(build.is_finished)
        .bind(build.damaged),
        BuildChange::Advance(build) => {
            sqlx::query("UPDATE build SET position = ?, done = ?, damaged = ?, finished = ? WHERE name = ?")
                .bind(build.position)
                .bind(build.done)
                .bind(build.damaged)
                .bind(build.is_finished)
                .bind(build.name.as_str())
        }
        BuildChange::Drop(name) => sqlx::query("DELETE FROM build WHERE name = ?").bind(name.as_str()),
    };
    query.execute(connection).await?;
    Ok(())
}
