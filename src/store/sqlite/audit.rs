//! The audit log in a tenant's file: the writer chains, as it is the only one.

use super::index::insert;
use super::runner::query;
use super::writer::{Job, State};
use crate::audit::{Block, Mac, Row, START, Sealed, encode, figures, is_full, tables};
use crate::query::Bind;
use crate::{AuditHead, Changes, CommitError, Error, Result};
use bytes::Bytes;
use sqlx::{Row as _, SqliteConnection};
use tokio::sync::mpsc::WeakSender;

/// Where the log ends, as the writer knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The last row.
    pub(super) number: i64,
    total: i64,
    mac: Mac,
    /// The greatest place of an event.
    pub(super) place: i64,
    /// What is in no block yet: events and bytes.
    events: i64,
    bytes: i64,
    /// The last row that is in a block, its hash and the events up to it.
    sealed: (i64, Mac, i64),
    /// A block is in the making.
    is_sealing: bool,
}

impl End {
    pub(super) async fn load(connection: &mut SqliteConnection) -> Result<End> {
        let block = query(tables::block_of(i64::MAX))?
            .fetch_optional(&mut *connection)
            .await?
            .as_ref()
            .map(tables::block)
            .transpose()?;
        let row = sqlx::query(
            "SELECT r.number, r.total, r.mac, \
               (SELECT coalesce(max(newest), 0) FROM audit_row), (SELECT coalesce(sum(length(body)), 0) FROM audit_row) \
             FROM audit_row r ORDER BY r.number DESC LIMIT 1",
        );
        let row = row.fetch_optional(&mut *connection).await?;
        let place: i64 =
            sqlx::query_scalar("SELECT coalesce(max(newest), 0) FROM audit_block").fetch_one(connection).await?;
        let sealed = block.map_or((0, START, 0), |it| (it.last, it.mac, it.total));
        let (number, mac, total) = sealed;
        let end = End { number, total, mac, place, events: 0, bytes: 0, sealed, is_sealing: false };
        let Some(row) = row else { return Ok(end) };
        let (total, mac): (i64, Vec<u8>) = (row.try_get(1)?, row.try_get(2)?);
        Ok(End {
            number: row.try_get(0)?,
            total,
            // Where it has another length verification finds it; what is added is chained to something.
            mac: mac.try_into().unwrap_or(START),
            place: place.max(row.try_get(3)?),
            events: total.saturating_sub(sealed.2),
            bytes: row.try_get(4)?,
            ..end
        })
    }
}

/// How often a row is tried to be added: a busy server may add one between a command's look at the end and its own row.
const TRIES: usize = 16;

impl State {
    /// Writes what a group of changes has for the log as one row, within the transaction.
    pub(super) async fn write_audit(&mut self, changes: &[&Changes], now: i64) -> Result<(), CommitError> {
        if changes.iter().all(|it| it.audit.is_empty() && it.waited.is_empty()) {
            return Ok(());
        }
        for _ in 0..TRIES {
            // Anew each time: who wrote meanwhile may have taken the same places.
            let mut body = Vec::new();
            for entry in changes.iter().flat_map(|it| &it.audit) {
                encode(&mut body, entry, self.stamps.written(now), &self.hash);
            }
            changes.iter().for_each(|it| body.extend_from_slice(it.waited.as_bytes()));
            if self.add_row(body.into()).await? {
                return Ok(());
            }
            self.find_end().await?;
        }
        Err(Error::Audit("a row or block stands where the log ends").into())
    }

    /// Finds the end anew. A command beside the server may have written: the log goes on behind that. Where it is shorter than
    /// it was or has another row, the directory is told no more, so that a verification finds it.
    async fn find_end(&mut self) -> Result<(), CommitError> {
        let end = End::load(&mut self.connection).await?;
        let mac: Option<Vec<u8>> = sqlx::query_scalar("SELECT mac FROM audit_row WHERE number = ?")
            .bind(self.audit.number)
            .fetch_optional(&mut self.connection)
            .await?;
        if end.number < self.audit.number || mac.is_some_and(|it| it != self.audit.mac) {
            self.keeper.disagree();
        }
        self.stamps.pass(end.place);
        self.audit = end;
        Ok(())
    }

    /// Adds a row where the log ends, as far as is known; `false` if it ends elsewhere.
    async fn add_row(&mut self, body: Bytes) -> Result<bool, CommitError> {
        let mut end = self.audit;
        let row = Row::after(&self.keeper.key, end.number, &end.mac, end.total, body);
        let row = row.ok_or(Error::Audit("it has no room left"))?;
        let kept = self.keeper.key.encrypted(&row.body)?;
        end.events += row.total - end.total;
        end.bytes += kept.len() as i64;
        (end.number, end.total, end.mac, end.place) = (row.number, row.total, row.mac, end.place.max(row.newest));
        let added = sqlx::query(
            "INSERT INTO audit_row (number, total, newest, low, high, mac, body) SELECT ?, ?, ?, ?, ?, ?, ? \
             WHERE ? = (SELECT coalesce(max(number), 0) FROM audit_row) \
               OR (NOT EXISTS (SELECT 1 FROM audit_row) AND ? = (SELECT coalesce(max(last), 0) FROM audit_block))",
        )
        .bind(row.number)
        .bind(row.total)
        .bind(row.newest)
        .bind(row.low)
        .bind(row.high)
        .bind(row.mac.to_vec())
        .bind(kept)
        .bind(row.number - 1)
        .bind(row.number - 1)
        .execute(&mut self.connection)
        .await?;
        let is_added = added.rows_affected() > 0;
        if is_added {
            // What another process left may have places that the clock has not come to.
            self.stamps.pass(end.place);
            self.audit = end;
        }
        Ok(is_added)
    }

    /// The log is on disk up to its end.
    pub(super) fn tell_audit(&self, now: i64) {
        let end = &self.audit;
        self.keeper.tell(AuditHead { row: end.number, events: end.total, hash: end.mac, at: now });
    }

    /// Has a block made of what is in none, if that is enough, beside the writer. It comes back as a job.
    pub(super) async fn begin_to_seal(&mut self, jobs: &WeakSender<Job>) -> Result<()> {
        if self.audit.is_sealing || !is_full(self.audit.events, self.audit.bytes) {
            return Ok(());
        }
        // Until it is done; for good if it fails, as it would again.
        self.audit.is_sealing = true;
        let (sealed, last) = (self.audit.sealed, self.audit.number);
        let rows = query(tables::rows_between(sealed.0 + 1, last))?.fetch_all(&mut self.connection).await?;
        let (key, jobs) = (self.keeper.key.clone(), jobs.clone());
        tokio::spawn(async move {
            let sealing = tokio::task::spawn_blocking(move || {
                let rows = rows.iter().map(|it| tables::row(it, &key)).collect::<Result<Vec<_>>>()?;
                Sealed::of(&key, sealed, &rows)
            });
            match sealing.await.map_err(|_| Error::Closed).flatten() {
                Ok(blocks) => {
                    // Who closes the file meanwhile leaves it to the next one.
                    if let Some(jobs) = jobs.upgrade() {
                        let _ = jobs.send(Job::Seal(blocks)).await;
                    }
                }
                Err(error) => tracing::error!(%error, "a block of the audit log was not sealed"),
            }
        });
        Ok(())
    }

    /// Puts blocks in the place of their rows.
    pub(super) async fn seal(&mut self, blocks: &[Sealed]) -> Result<(), CommitError> {
        let Some(Sealed { block: last, .. }) = blocks.last() else { return Ok(()) };
        if !blocks.iter().all(|it| it.is_true) {
            figures::untrue();
            self.keeper.tell_untrue();
        }
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        match self.seal_within(blocks, last.last).await {
            Ok(bytes) => {
                let end = &mut self.audit;
                end.sealed = (last.last, last.mac, last.total);
                end.events = end.total.saturating_sub(last.total);
                end.bytes -= bytes;
                end.is_sealing = false;
                Ok(())
            }
            Err(error) => {
                let refused = self.roll_back(error).await;
                // A command beside the server may have sealed the same.
                let end = End::load(&mut self.connection).await?;
                if end.sealed.0 > self.audit.sealed.0 {
                    self.audit = end;
                }
                refused
            }
        }
    }

    async fn seal_within(&mut self, blocks: &[Sealed], last: i64) -> Result<i64, CommitError> {
        for sealed in blocks {
            self.add_block(sealed).await?;
        }
        let connection = &mut self.connection;
        let bytes = sqlx::query_scalar("SELECT coalesce(sum(length(body)), 0) FROM audit_row WHERE number <= ?");
        let bytes = bytes.bind(last).fetch_one(&mut *connection).await?;
        sqlx::query("DELETE FROM audit_row WHERE number <= ?").bind(last).execute(&mut *connection).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(bytes)
    }

    async fn add_block(&mut self, Sealed { block, keys, .. }: &Sealed) -> Result<(), CommitError> {
        let connection = &mut self.connection;
        sqlx::query(
            "INSERT INTO audit_block (number, last, earlier, total, oldest, newest, low, high, before, mac, seal, body) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(block.number)
        .bind(block.last)
        .bind(block.earlier)
        .bind(block.total)
        .bind(block.oldest)
        .bind(block.newest)
        .bind(block.low)
        .bind(block.high)
        .bind(block.before.to_vec())
        .bind(block.mac.to_vec())
        .bind(block.seal.to_vec())
        .bind(block.body.to_vec())
        .execute(&mut *connection)
        .await?;
        let rows = keys.iter().map(|it| [Bind::Int(*it), Bind::Int(block.number)]).collect();
        insert(connection, "audit_key (hash, block)", rows).await
    }

    /// Drops the events of the oldest block whose time is over; how many that were, `None` where there is no such block. What
    /// is not what was written stays, for a verification to find.
    pub(super) async fn drop_audit(&mut self, before_ms: i64) -> Result<Option<i64>, CommitError> {
        let (key, mut after) = (self.keeper.key.clone(), 0);
        let (block, keys) = loop {
            let block = query(tables::block_before(before_ms, after))?.fetch_optional(&mut self.connection).await?;
            let Some(block) = block.as_ref().map(tables::block).transpose()? else { return Ok(None) };
            after = block.number;
            if let Some(keys) = block.true_keys(&key) {
                break (block, keys);
            }
        };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        match self.drop_within(&block.stub(&key), keys).await {
            Ok(()) => Ok(Some(block.total - block.earlier)),
            Err(error) => self.roll_back(error).await,
        }
    }

    async fn drop_within(&mut self, stub: &Block, keys: Vec<i64>) -> Result<(), CommitError> {
        let connection = &mut self.connection;
        sqlx::query("DELETE FROM audit_key WHERE block = ? AND hash IN (SELECT value FROM json_each(?))")
            .bind(stub.number)
            .bind(super::runner::json_array(&keys))
            .execute(&mut *connection)
            .await?;
        sqlx::query("UPDATE audit_block SET seal = ?, body = ? WHERE number = ?")
            .bind(stub.seal.to_vec())
            .bind(stub.body.to_vec())
            .bind(stub.number)
            .execute(&mut *connection)
            .await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(())
    }

    async fn roll_back<T>(&mut self, error: CommitError) -> Result<T, CommitError> {
        // After some errors SQLite has rolled back by itself, and there is nothing left to roll back.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        Err(error)
    }
}
