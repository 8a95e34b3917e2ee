//! The one writer of a tenant's file, with group commit: what waits while a commit reaches the disk is
//! written together by the next one.

use super::batch::Batch;
use super::{Clock, options};
use crate::rows::IndexHash;
use crate::{Changes, CommitError, Committed, Error, Result};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The most changes that one commit takes.
const GROUP: usize = 128;
/// The most that wait for the writer; more wait before they are handed over.
const QUEUE: usize = 1024;

type Reply = oneshot::Sender<Result<Committed, CommitError>>;

/// Handle to the task that writes.
pub(super) struct Writer {
    /// None once closed; the task ends when the last sender is gone and the queue is empty.
    queue: Mutex<Option<mpsc::Sender<(Changes, Reply)>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) async fn start(file: &Path, hash: IndexHash, clock: Clock) -> Result<Writer> {
        let mut connection = SqliteConnection::connect_with(&options(file)).await?;
        let (last_rid, last_seq): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT coalesce(max(rid), 0) FROM resource), (SELECT coalesce(max(seq), 0) FROM change)",
        )
        .fetch_one(&mut connection)
        .await?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let state = State { connection, hash, clock, last_rid, last_seq };
        let task = tokio::spawn(state.run(jobs));
        Ok(Writer { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) })
    }

    pub(super) async fn commit(&self, mut changes: Changes) -> Result<Committed, CommitError> {
        let rows = changes.puts.iter_mut().map(|it| &mut it.rows);
        rows.chain(changes.reindexed.iter_mut().map(|it| &mut it.rows)).for_each(crate::Rows::finish);
        let queue = locked(&self.queue).clone().ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        queue.send((changes, reply)).await.map_err(|_| Error::Closed)?;
        drop(queue);
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Takes nothing more, waits until all that was handed over is written, and closes the file.
    pub(super) async fn close(&self) {
        drop(locked(&self.queue).take());
        let task = locked(&self.task).take();
        let Some(task) = task else { return };
        if let Err(error) = task.await {
            tracing::error!(%error, "a tenant's writer ended early");
        }
    }
}

pub(super) struct State {
    pub(super) connection: SqliteConnection,
    pub(super) hash: IndexHash,
    pub(super) clock: Clock,
    /// The greatest `resource.rid` given.
    pub(super) last_rid: i64,
    /// The greatest `change.seq` given.
    pub(super) last_seq: i64,
}

impl State {
    async fn run(mut self, mut jobs: mpsc::Receiver<(Changes, Reply)>) {
        let mut group = Vec::with_capacity(GROUP);
        while jobs.recv_many(&mut group, GROUP).await > 0 {
            let (mut changes, replies): (Vec<_>, Vec<_>) = group.drain(..).unzip();
            let results = match self.write(&mut changes).await {
                Ok(results) => results,
                // One change the database refuses must not take its neighbours along.
                Err(_) if changes.len() > 1 => self.write_each(changes).await,
                Err(error) => vec![Err(error)],
            };
            for (reply, result) in replies.into_iter().zip(results) {
                // A caller that went away meanwhile needs no answer.
                let _ = reply.send(result);
            }
        }
        if let Err(error) = self.close().await {
            // The log stays beside the file, and whoever opens it next reads it.
            tracing::warn!(%error, "a tenant's file could not take its write-ahead log in");
        }
    }

    async fn close(mut self) -> Result<()> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection).await?;
        Ok(self.connection.close().await?)
    }

    async fn write_each(&mut self, changes: Vec<Changes>) -> Vec<Result<Committed, CommitError>> {
        let mut results = Vec::with_capacity(changes.len());
        for change in changes {
            results.push(match self.write(&mut [change]).await {
                Ok(mut one) => one.pop().unwrap_or(Err(Error::Closed.into())),
                Err(error) => Err(error),
            });
        }
        results
    }

    /// Writes a group in one transaction: a result for each change, or an error and nothing written.
    async fn write(&mut self, changes: &mut [Changes]) -> Result<Vec<Result<Committed, CommitError>>, CommitError> {
        let (rid, seq) = (self.last_rid, self.last_seq);
        // Never behind the log, even if the clock was set back.
        let now = (self.clock)().max(self.last_seq.div_euclid(1000) + 1);
        let stamp = fhir::primitive::datetime::instant(now * 1000);
        for put in changes.iter_mut().flat_map(|it| &mut it.puts) {
            if let Some(place) = put.stamp.and_then(|at| put.body.get_mut(at..at + stamp.len())) {
                place.copy_from_slice(stamp.as_bytes());
            }
        }
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let verdicts = match self.write_within(changes, now).await {
            Ok(verdicts) => verdicts,
            Err(error) => {
                (self.last_rid, self.last_seq) = (rid, seq);
                // After some errors SQLite has rolled back by itself, and there is nothing left to roll back.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
                return Err(error);
            }
        };
        let results = changes.iter_mut().zip(verdicts).map(|(change, verdict)| {
            verdict.map(|()| Committed {
                updated: now,
                bodies: change.puts.iter_mut().map(|it| std::mem::take(&mut it.body).into()).collect(),
            })
        });
        Ok(results.collect())
    }

    /// A verdict for each change of a group.
    async fn write_within(
        &mut self,
        changes: &[Changes],
        now: i64,
    ) -> Result<Vec<Result<(), CommitError>>, CommitError> {
        let mut batch = Batch::begin(self, changes, now).await?;
        let mut verdicts = Vec::with_capacity(changes.len());
        for change in changes {
            verdicts.push(match batch.take(self, change).await {
                Err(CommitError::Store(error)) => return Err(error.into()),
                verdict => verdict,
            });
        }
        batch.flush(self).await?;
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(verdicts)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
