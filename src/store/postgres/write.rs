//! Writing: the attempts.

use super::attempts::{TRIES, is_in_the_way, rest};
use super::audit;
use super::columns::{Batch, Entry};
use super::connections::Taken;
use super::fate::was_written;
use super::ledger;
use super::numbers::Block;
use super::records::Records;
use super::runner::Writing;
use super::statement;
use crate::error::{READS_ONLY, is_connection_lost, postgres_code};
use crate::query;
use crate::{BuildChange, Changes, CommitError, DEFINITIONS, Error, Guard};
use fhir::search::ParamId;
use sqlx::postgres::PgDatabaseError;
use sqlx::{AssertSqlSafe, PgConnection};
use std::sync::Arc;

/// Whether a change takes more than one statement.
pub(super) fn needs_transaction(changes: &Changes) -> bool {
    let is_plain = changes.guards.is_empty() && changes.reindexed.is_empty() && changes.ledger.is_empty();
    !is_plain || changes.build.is_some()
}

/// How an attempt ended that did not write.
enum Missed {
    /// It must not be written.
    Refused(CommitError),
    /// It can be tried again: nothing was written.
    Again(sqlx::Error),
    /// The connection is to a database that takes no writes: nothing was written, and another connection may do better.
    ReadOnly(sqlx::Error),
    /// The predecessor of a version is from this time, or later than ours.
    TooEarly(i64),
    /// The connection was lost meanwhile, or there was no answer in time.
    Lost(Error),
}

/// Writes a group, all or nothing; the time it has. A group of several has puts and contents only.
pub(super) async fn write(records: &Arc<Records>, group: &mut [Changes]) -> Result<i64, CommitError> {
    let written = try_to_write(records, group).await;
    if written.is_ok() && group.iter().any(|it| !it.audit.is_empty() || !it.waited.is_empty()) {
        audit::wake(records);
    }
    written
}

async fn try_to_write(records: &Records, group: &mut [Changes]) -> Result<i64, CommitError> {
    let mut last = Error::Silent;
    for attempt in 0..TRIES {
        let now = records.time();
        stamp(group, now);
        let count: usize = group.iter().map(|it| it.puts.len() + it.audit.len()).sum();
        let numbers = records.numbers().take(now, count);
        let mut taken = records.place.writes.take().await?;
        let (pid, patience) = (taken.pid, records.place.writes.patience());
        let work =
            tokio::time::timeout(patience, attempt_on(&mut taken, records, group, (now, attempt), &numbers)).await;
        let missed = match work.unwrap_or(Err(Missed::Lost(Error::Silent))) {
            Ok(()) => {
                taken.give_back();
                return Ok(now);
            }
            Err(missed) => missed,
        };
        let is_in_transaction = group.first().is_some_and(needs_transaction) || taken.is_in_transaction();
        match &missed {
            Missed::Lost(error) => taken.lose(error),
            Missed::ReadOnly(_) => taken.lose(&Error::ReadOnly),
            _ if is_in_transaction => taken.roll_back().await,
            _ => taken.give_back(),
        }
        match missed {
            Missed::Refused(error) => return Err(error),
            Missed::TooEarly(ms) => records.not_before(ms),
            Missed::Again(error) | Missed::ReadOnly(error) => {
                last = error.into();
                tokio::time::sleep(rest(attempt)).await;
            }
            Missed::Lost(_) => match was_written(records, group, numbers.at(0), pid).await {
                Some(true) => return Ok(now),
                Some(false) => last = Error::Silent,
                None => return Err(Error::OutcomeUnknown.into()),
            },
        }
    }
    Err(last.into())
}

/// Fills the time into the bodies.
fn stamp(group: &mut [Changes], now: i64) {
    let stamp = fhir::primitive::datetime::instant(now * 1000);
    for put in group.iter_mut().flat_map(|it| &mut it.puts) {
        if let Some(place) = put.stamp.and_then(|at| put.body.get_mut(at..at + stamp.len())) {
            place.copy_from_slice(stamp.as_bytes());
        }
    }
}

async fn attempt_on(
    taken: &mut Taken<'_>,
    records: &Records,
    group: &[Changes],
    (now, attempt): (i64, u32),
    numbers: &Block,
) -> Result<(), Missed> {
    let beginning = if taken.is_in_transaction() { "" } else { "BEGIN; " };
    let connection = &mut taken.connection;
    let puts = |entry: Entry| {
        let contents = group.iter().filter_map(|it| it.content.as_ref().map(<[u8; 16]>::as_slice)).collect();
        let puts = group.iter().flat_map(|it| &it.puts);
        // Their numbers come behind the versions'.
        let first = puts.clone().count();
        let audit = audit::gathered(records, group, |i| numbers.at(first + i), attempt);
        let batch = Batch::of_puts(puts, contents, &records.tenancy.hash, now, numbers, entry);
        audit.map(|it| batch.with_audit(it)).map_err(missed_by)
    };
    let entry = entry(records, group);
    let changes = match group {
        [alone] if needs_transaction(alone) => alone,
        _ => {
            run(connection, records, puts(entry)?).await?;
            return taken.commit().await.map_err(missed);
        }
    };
    begin(connection, records, beginning, entry, &changes.guards).await?;
    let mut runner = Writing { tenancy: &records.tenancy, connection: &mut *connection };
    for guard in &changes.guards {
        if !query::still_holds(&mut runner, guard).await.map_err(missed_by)? {
            return Err(Missed::Refused(CommitError::Conflict));
        }
    }
    run(connection, records, puts(Entry::default())?).await?;
    if !changes.reindexed.is_empty() {
        run(connection, records, Batch::of_reindexed(&changes.reindexed, &records.tenancy.hash)).await?;
    }
    if !changes.ledger.is_empty() && !ledger::write(connection, records, &changes.ledger).await.map_err(missed)? {
        return Err(Missed::Refused(CommitError::Conflict));
    }
    if let Some(build) = &changes.build {
        write_build(connection, records, build).await?;
    }
    if !changes.hidden.is_empty() {
        hide(connection, &changes.hidden).await?;
    }
    simple(connection, "COMMIT").await
}

/// How the transaction of a group begins, which has the same definitions and edition of keys throughout.
fn entry(records: &Records, group: &[Changes]) -> Entry {
    let defines = |it: &Changes| it.puts.iter().any(|put| DEFINITIONS.contains(&put.key.of.as_str()));
    let told = group.iter().any(defines).then(|| records.notice());
    let first = group.first();
    Entry { definitions: first.and_then(|it| it.definitions), told, sealed_by: first.and_then(|it| it.sealed_by) }
}

async fn run(connection: &mut PgConnection, records: &Records, batch: Batch<'_>) -> Result<(), Missed> {
    if batch.is_empty() {
        return Ok(());
    }
    batch.query(&records.tenancy.number).execute(connection).await.map_err(missed)?;
    Ok(())
}

/// Begins a transaction and waits for those who act on the same criteria: whoever expects that nothing matches has them
/// alone, those who expect the same resources may go on together, as the versions of these decide.
async fn begin(
    connection: &mut PgConnection,
    records: &Records,
    beginning: &str,
    entry: Entry,
    guards: &[Guard],
) -> Result<(), Missed> {
    let hash = &records.tenancy.hash;
    let mut locks: Vec<(i64, bool)> =
        guards.iter().map(|Guard::Matches { of, filter, ids }| (hash.criteria(of, filter), !ids.is_empty())).collect();
    // All take them in one order, the stronger first.
    locks.sort_unstable();
    locks.dedup_by_key(|it| it.0);
    let null = || "NULL".to_owned();
    let definitions = entry.definitions.map_or_else(null, |it| it.to_string());
    let sealed_by = entry.sealed_by.map_or_else(null, |it| it.to_string());
    let told = entry.told.map_or_else(null, |it| format!("'{it}'"));
    let number = records.tenancy.number.text();
    let mut text = format!("{beginning}SELECT enter('{number}', {definitions}, {told}, {sealed_by});");
    for (lock, is_shared) in locks {
        let shared = if is_shared { "_shared" } else { "" };
        text.push_str(&format!(" SELECT pg_advisory_xact_lock{shared}({lock});"));
    }
    simple(connection, &text).await
}

async fn simple(connection: &mut PgConnection, text: &str) -> Result<(), Missed> {
    sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await.map_err(missed)?;
    Ok(())
}

/// What is kept of a build, within a transaction that has its tenant.
async fn write_build(connection: &mut PgConnection, records: &Records, change: &BuildChange) -> Result<(), Missed> {
    let query = match change {
        BuildChange::Begin(build) => sqlx::query(
            "INSERT INTO build (tenant, name, types, position, done, total, finished, damaged) \
             VALUES ($1::text::int, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(records.tenancy.number.text())
        .bind(&build.name)
        .bind(&build.types)
        .bind(build.position)
        .bind(build.done)
        .bind(build.total)
        .bind(build.is_finished)
        .bind(build.damaged),
        BuildChange::Advance(build) => {
            // Several nodes may make the same rows; none takes back what another one has done.
            sqlx::query(
                "UPDATE build SET position = greatest(position, $1), done = greatest(done, $2), finished = finished OR $3, \
                 damaged = greatest(damaged, $5) WHERE name = $4",
            )
                .bind(build.position)
                .bind(build.done)
                .bind(build.is_finished)
                .bind(&build.name)
                .bind(build.damaged)
        }
        BuildChange::Drop(name) => sqlx::query("DELETE FROM build WHERE name = $1").bind(name),
    };
    query.execute(&mut *connection).await.map_err(missed)?;
    if matches!(change, BuildChange::Advance(build) if build.is_finished) {
        let tell = sqlx::query("SELECT pg_notify('medisync', $1)").bind(records.notice());
        tell.execute(connection).await.map_err(missed)?;
    }
    Ok(())
}

/// Takes texts of parameters out of the index; a copy that is being made hears of it.
async fn hide(connection: &mut PgConnection, params: &[ParamId]) -> Result<(), Missed> {
    let numbers: Vec<i64> = params.iter().map(|it| it.0 as i64).collect();
    let query = sqlx::query(
        "WITH gone AS (DELETE FROM string WHERE param = ANY ($1) RETURNING tenant, rid) \
         INSERT INTO reindexed (tenant, rid, tx) SELECT DISTINCT tenant, rid, pg_current_xact_id() FROM gone \
         WHERE EXISTS (SELECT FROM leaving) ON CONFLICT (tenant, rid) DO UPDATE SET tx = excluded.tx",
    );
    query.bind(numbers).execute(connection).await.map_err(missed)?;
    Ok(())
}

fn missed_by(error: Error) -> Missed {
    match error {
        Error::Database(error) => missed(error),
        error => Missed::Refused(error.into()),
    }
}

/// What an error says of an attempt.
fn missed(error: sqlx::Error) -> Missed {
    let Some(code) = postgres_code(&error) else {
        return match error {
            error if is_connection_lost(&error) => Missed::Lost(error.into()),
            error => Missed::Refused(error.into()),
        };
    };
    let said = error.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
    match (code.as_str(), said.and_then(PgDatabaseError::constraint)) {
        (statement::CONFLICT, _) | ("23505", Some("resource_rkey")) => Missed::Refused(CommitError::Conflict),
        (statement::OUTDATED, _) => Missed::Refused(CommitError::Outdated),
        (statement::MOVED | "42P01" | "42883", _) => Missed::Refused(Error::Moved.into()),
        // By statement_timeout: a write cannot be narrowed as a query can, but the database may be faster later.
        ("57014", _) => Missed::Refused(Error::Database(error).into()),
        ("23505", Some("loaded_pkey")) => Missed::Refused(CommitError::LoadedBefore),
        (statement::TOO_EARLY, _) => {
            let ms = said.and_then(|it| it.message().parse().ok());
            ms.map_or_else(|| Missed::Again(error), Missed::TooEarly)
        }
        // Numbers that another node has.
        (statement::AGAIN | "23505", _) => Missed::Again(error),
        _ if is_in_the_way(&error) => Missed::Again(error),
        (READS_ONLY, _) => Missed::ReadOnly(error),
        _ if is_connection_lost(&error) => Missed::Lost(error.into()),
        _ => Missed::Refused(error.into()),
    }
}
