//! Events that come alone, as those of reads: what waits while a statement runs is written together by the next one.

use crate::postgres::attempts::is_silent;
use crate::postgres::records::Records;
use crate::postgres::write;
use crate::{AuditEntry, Changes, CommitError, Error, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The most callers whose events are in one statement.
const GROUP: usize = 512;
/// The most statements of one tenant at the same time.
const STATEMENTS: usize = 2;

type Reply = oneshot::Sender<Result<()>>;

/// The events of one tenant that wait.
#[derive(Default)]
pub(in crate::postgres) struct Inbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<(Arc<[AuditEntry]>, Reply)>,
    /// Tasks that write them.
    tasks: usize,
}

impl Inbox {
    /// Adds events; returns when they are on disk.
    pub(in crate::postgres) async fn add(records: &Arc<Records>, entries: Arc<[AuditEntry]>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let needs_task = {
            let mut state = records.audit.inbox.state();
            state.waiting.push((entries, reply));
            let needs_task = state.tasks < STATEMENTS;
            state.tasks += usize::from(needs_task);
            needs_task
        };
        if needs_task {
            // A task of its own goes on if this caller goes away.
            tokio::spawn(write_all(records.clone()));
        }
        answer.await.map_err(|_| Error::Closed)?
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that wait.
    fn rest(&self) -> Vec<(Arc<[AuditEntry]>, Reply)> {
        std::mem::take(&mut self.state().waiting)
    }

    /// The next group; with none left the task that asked is done.
    fn next(&self) -> Vec<(Arc<[AuditEntry]>, Reply)> {
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
        let audit = group.iter().flat_map(|(it, _)| it.iter().cloned()).collect();
        let written = write::write(&records, &mut [Changes { audit, ..Changes::default() }]).await;
        let others = if written.as_ref().is_err_and(is_silent) { records.audit.inbox.rest() } else { Vec::new() };
        for (_, reply) in group.into_iter().chain(others) {
            // A caller that went away meanwhile needs no answer.
            let _ = reply.send(answer(&written));
        }
    }
}

/// What each of a group is told.
fn answer(written: &Result<i64, CommitError>) -> Result<()> {
    match written {
        Ok(_) => Ok(()),
        Err(CommitError::Store(Error::Moved)) => Err(Error::Moved),
        Err(CommitError::Store(Error::OutcomeUnknown)) => Err(Error::OutcomeUnknown),
        Err(error) => {
            tracing::warn!(%error, "events of the audit log could not be written");
            Err(Error::Silent)
        }
    }
}
