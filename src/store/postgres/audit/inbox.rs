//! Events that come alone, as those of reads: what waits while a statement runs is written together by the next one.

use crate::postgres::attempts::told_after;
use crate::postgres::records::Records;
use crate::postgres::write;
use crate::{AuditEntry, Changes, CommitError, Error, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// The most callers whose events are in one statement.
const GROUP: usize = 512;
/// The most statements of one tenant at the same time.
const STATEMENTS: usize = 2;

/// How long a caller waits for its events, which may be written all the same afterwards: a write may take longer than an answer that
/// was read already should wait for its event.
const PATIENCE: Duration = Duration::from_secs(10);

/// Events of a caller.
struct Waiting {
    entries: Arc<[AuditEntry]>,
    since: Instant,
    reply: oneshot::Sender<Result<()>>,
}

/// The events of one tenant that wait.
#[derive(Default)]
pub(in crate::postgres) struct Inbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Tasks that write them.
    tasks: usize,
}

impl Inbox {
    /// Adds events; returns when they are on disk, or whether they will be is not known in time.
    pub(in crate::postgres) async fn add(records: &Arc<Records>, entries: Arc<[AuditEntry]>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let needs_task = {
            let mut state = records.audit.inbox.state();
            state.waiting.push(Waiting { entries, since: Instant::now(), reply });
            let needs_task = state.tasks < STATEMENTS;
            state.tasks += usize::from(needs_task);
            needs_task
        };
        if needs_task {
            // A task of its own goes on if this caller goes away.
            tokio::spawn(write_all(records.clone()));
        }
        timeout(PATIENCE, answer).await.map_err(|_| Error::OutcomeUnknown)?.map_err(|_| Error::Closed)?
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait behind events that could not be written, and has theirs not tried.
    fn turn_away(&self, error: &CommitError) {
        let Some(after) = told_after(error) else { return };
        let is_told = |it: &mut Waiting| it.since.elapsed() >= after;
        for it in self.state().waiting.extract_if(.., is_told) {
            let _ = it.reply.send(Err(Error::Silent));
        }
    }

    /// The next group; with none left the task that asked is done.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.state();
        let count = state.waiting.len().min(GROUP);
        state.tasks -= usize::from(count == 0);
        state.waiting.drain(..count).collect()
    }
}

async fn write_all(records: Arc<Records>) {
    loop {
        let group = records.audit.inbox.next();
        if group.is_empty() {
            return;
        }
        let audit = group.iter().flat_map(|it| it.entries.iter().cloned()).collect();
        let written = write::write(&records, &mut [Changes { audit, ..Changes::default() }]).await;
        if let Err(error) = &written {
            records.audit.inbox.turn_away(error);
            if !matches!(error, CommitError::Store(Error::Moved)) {
                tracing::warn!(%error, "events of the audit log could not be written");
            }
        }
        for it in group {
            // A caller that went away meanwhile needs no answer.
            let _ = it.reply.send(answer(&written));
        }
    }
}

/// What each of a group is told.
fn answer(written: &Result<i64, CommitError>) -> Result<()> {
    match written {
        Ok(_) => Ok(()),
        Err(CommitError::Store(Error::Moved)) => Err(Error::Moved),
        Err(CommitError::Store(Error::OutcomeUnknown)) => Err(Error::OutcomeUnknown),
        Err(_) => Err(Error::Silent),
    }
}
