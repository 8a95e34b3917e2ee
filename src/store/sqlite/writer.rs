//! The one writer of a tenant's file, with group commit: what waits while a commit reaches the disk is
//! written together by the next one.

use super::audit::End;
use super::batch::Batch;
use super::heads::Keeper;
use super::stamps::Stamps;
use super::{Clock, options};
use crate::audit::Sealed;
use crate::rows::IndexHash;
use crate::{Changes, CommitError, Committed, Error, Result};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The most changes that one commit takes.
const GROUP: usize = 128;
/// The most that wait for the writer; more wait before they are handed over.
const QUEUE: usize = 1024;

/// Begins a transaction that writes, and tells the edition of the tenant's keys that what is written must be made by.
const BEGIN: &str = "BEGIN IMMEDIATE; SELECT coalesce(max(edition), 0) FROM fence";

type Reply = oneshot::Sender<Result<Committed, CommitError>>;

/// What the writer is asked to do.
#[expect(clippy::large_enum_variant, reason = "nearly all are writes")]
pub(super) enum Job {
    Write(Changes, Reply),
    /// Puts blocks of the audit log in the place of their rows.
    Seal(Vec<Sealed>),
    /// Drops the oldest block of the audit log whose events are all from before a time; how many they were.
    Drop(i64, oneshot::Sender<Result<Option<i64>, CommitError>>),
}

/// Handle to the task that writes.
pub(super) struct Writer {
    /// None once closed; the task ends when the last sender is gone and the queue is empty.
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) async fn start(
        file: &Path,
        hash: IndexHash,
        keeper: Arc<Keeper>,
        clock: Clock,
        stamps: Stamps,
    ) -> Result<Writer> {
        let mut connection = SqliteConnection::connect_with(&options(file)).await?;
        let (last_rid, last_seq): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT coalesce(max(rid), 0) FROM resource), (SELECT coalesce(max(seq), 0) FROM change)",
        )
        .fetch_one(&mut connection)
        .await?;
        let audit = End::load(&mut connection).await?;
        stamps.pass(audit.place);
        let (queue, jobs) = mpsc::channel(QUEUE);
        let state = State { connection, hash, clock, last_rid, last_seq, keeper, audit, stamps };
        let task = tokio::spawn(state.run(jobs, queue.downgrade()));
        Ok(Writer { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) })
    }

    pub(super) async fn commit(&self, mut changes: Changes) -> Result<Committed, CommitError> {
        let rows = changes.puts.iter_mut().map(|it| &mut it.rows);
        rows.chain(changes.reindexed.iter_mut().map(|it| &mut it.rows)).for_each(crate::Rows::finish);
        let queue = locked(&self.queue).clone().ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        queue.send(Job::Write(changes, reply)).await.map_err(|_| Error::Closed)?;
        drop(queue);
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Drops the oldest block of the audit log whose events are all from before a time; how many they were.
    pub(super) async fn drop_audit(&self, before_ms: i64) -> Result<Option<i64>, CommitError> {
        let queue = locked(&self.queue).clone().ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        queue.send(Job::Drop(before_ms, reply)).await.map_err(|_| Error::Closed)?;
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
    pub(super) keeper: Arc<Keeper>,
    /// Where the audit log ends.
    pub(super) audit: End,
    /// The places of its events.
    pub(super) stamps: Stamps,
}

impl State {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, queue: mpsc::WeakSender<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        while jobs.recv_many(&mut group, GROUP).await > 0 {
            let (mut changes, mut replies, mut others) = (Vec::new(), Vec::new(), Vec::new());
            for job in group.drain(..) {
                match job {
                    Job::Write(change, reply) => {
                        changes.push(change);
                        replies.push(reply);
                    }
                    other => others.push(other),
                }
            }
            self.write_group(changes, replies).await;
            for other in others {
                self.look_after(other).await;
            }
            if let Err(error) = self.begin_to_seal(&queue).await {
                tracing::warn!(%error, "the audit log could not be read to be sealed");
            }
        }
        if let Err(error) = self.close().await {
            // The log stays beside the file, and whoever opens it next reads it.
            tracing::warn!(%error, "a tenant's file could not take its write-ahead log in");
        }
    }

    async fn write_group(&mut self, mut changes: Vec<Changes>, replies: Vec<Reply>) {
        if changes.is_empty() {
            return;
        }
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

    /// Does what keeps the audit log in order.
    async fn look_after(&mut self, job: Job) {
        match job {
            Job::Write(change, reply) => self.write_group(vec![change], vec![reply]).await,
            Job::Seal(blocks) => {
                if let Err(error) = self.seal(&blocks).await {
                    tracing::error!(%error, "a block of the audit log was not sealed");
                }
            }
            Job::Drop(before_ms, reply) => {
                let _ = reply.send(self.drop_audit(before_ms).await);
            }
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
        let (rid, seq, audit) = (self.last_rid, self.last_seq, self.audit);
        // Never behind the log, even if the clock was set back.
        let now = (self.clock)().max(self.last_seq.div_euclid(1000) + 1);
        let stamp = fhir::primitive::datetime::instant(now * 1000);
        for put in changes.iter_mut().flat_map(|it| &mut it.puts) {
            if let Some(place) = put.stamp.and_then(|at| put.body.get_mut(at..at + stamp.len())) {
                place.copy_from_slice(stamp.as_bytes());
            }
        }
        // What reads tell is one row, and a statement is a transaction by itself.
        let written = match changes.iter().all(Changes::has_events_only) {
            true => self.write_events(changes, now).await,
            false => self.write_within(changes, now).await,
        };
        let verdicts = match written {
            Ok(verdicts) => verdicts,
            Err(error) => {
                (self.last_rid, self.last_seq, self.audit) = (rid, seq, audit);
                // After some errors SQLite has rolled back by itself, and there is nothing left to roll back.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
                return Err(error);
            }
        };
        if self.audit.number != audit.number {
            self.tell_audit(now);
        }
        let results = changes.iter_mut().zip(verdicts).map(|(change, verdict)| {
            verdict.map(|()| Committed {
                updated: now,
                bodies: change.puts.iter_mut().map(|it| std::mem::take(&mut it.body).into()).collect(),
            })
        });
        Ok(results.collect())
    }

    /// Writes a group that has events of the audit log only.
    async fn write_events(
        &mut self,
        changes: &[Changes],
        now: i64,
    ) -> Result<Vec<Result<(), CommitError>>, CommitError> {
        self.write_audit(&changes.iter().collect::<Vec<_>>(), now).await?;
        Ok(changes.iter().map(|_| Ok(())).collect())
    }

    /// A verdict for each change of a group: what was encrypted and marked by an earlier edition of the tenant's keys than the fence
    /// lets in is refused.
    async fn write_within(
        &mut self,
        changes: &[Changes],
        now: i64,
    ) -> Result<Vec<Result<(), CommitError>>, CommitError> {
        let fence: i64 = sqlx::query_scalar(BEGIN).fetch_one(&mut self.connection).await?;
        let mut batch = Batch::begin(self, changes, now).await?;
        let mut verdicts = Vec::with_capacity(changes.len());
        let mut accepted = Vec::new();
        for change in changes {
            if change.sealed_by.is_some_and(|it| i64::from(it) < fence) {
                verdicts.push(Err(CommitError::Outdated));
                continue;
            }
            verdicts.push(match batch.take(self, change).await {
                Err(CommitError::Store(error)) => return Err(error.into()),
                Ok(()) => {
                    accepted.push(change);
                    Ok(())
                }
                verdict => verdict,
            });
        }
        batch.flush(self).await?;
        self.write_audit(&accepted, now).await?;
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(verdicts)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
