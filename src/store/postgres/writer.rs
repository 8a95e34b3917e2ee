//! Changes on their way into the database: what waits while statements run is written together by the next one, as many
//! callers' changes as one statement takes. It divides what a statement and its way to the disk cost, and nobody waits for
//! a group to fill.

use super::attempts::told_after;
use super::records::Records;
use super::write;
use crate::{Changes, CommitError, Committed, Error, Rows};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The most changes in one statement, and bytes of bodies after which it takes no more.
const GROUP: usize = 64;
const BYTES: usize = 4 << 20;
/// The most statements of one tenant that write at the same time.
const STATEMENTS: usize = 3;

/// Where a caller waits, and since when.
struct Reply {
    to: oneshot::Sender<Result<Committed, Unwritten>>,
    since: Instant,
}

/// Why a change was not written.
pub(super) enum Unwritten {
    /// It must not be, or could not be.
    Refused(CommitError),
    /// The tenant's records are elsewhere by now; the change may be written there.
    Moved(Box<Changes>),
}

impl From<CommitError> for Unwritten {
    fn from(error: CommitError) -> Self {
        Unwritten::Refused(error)
    }
}

/// The changes of one tenant that wait.
#[derive(Default)]
pub(super) struct Writer {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Changes, Reply)>,
    /// Tasks that write them.
    tasks: usize,
}

impl Writer {
    pub(super) async fn commit(records: &Arc<Records>, mut changes: Changes) -> Result<Committed, Unwritten> {
        let rows = changes.puts.iter_mut().map(|it| &mut it.rows);
        rows.chain(changes.reindexed.iter_mut().map(|it| &mut it.rows)).for_each(Rows::finish);
        records.tenancy.counts.wrote(changes.puts.len());
        let (reply, answer) = oneshot::channel();
        let needs_task = {
            let mut state = records.writer.state();
            state.waiting.push_back((changes, Reply { to: reply, since: Instant::now() }));
            let needs_task = state.tasks < STATEMENTS;
            state.tasks += usize::from(needs_task);
            needs_task
        };
        if needs_task {
            // A task of its own goes on if this caller goes away: a change is written whole or not at all.
            tokio::spawn(write_all(records.clone()));
        }
        answer.await.map_err(|_| CommitError::from(Error::Closed))?
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait behind a write that failed so; they came one after the other.
    fn turn_away(&self, error: &CommitError) {
        let Some(after) = told_after(error) else { return };
        let mut state = self.state();
        while state.waiting.front().is_some_and(|(_, reply)| reply.since.elapsed() >= after) {
            if let Some((_, reply)) = state.waiting.pop_front() {
                reply.turn_away();
            }
        }
    }

    /// The next group, in the order of their coming; with none left the task that asked is done.
    fn next(&self) -> (Vec<Changes>, Vec<Reply>) {
        let mut state = self.state();
        let mut group = Group::default();
        let mut replies = Vec::new();
        while let Some((changes, reply)) = state.waiting.pop_front() {
            if !group.takes(&changes) {
                state.waiting.push_front((changes, reply));
                break;
            }
            group.changes.push(changes);
            replies.push(reply);
        }
        state.tasks -= usize::from(replies.is_empty());
        (group.changes, replies)
    }
}

/// Changes that one statement can write.
#[derive(Default)]
struct Group {
    changes: Vec<Changes>,
    keys: FxHashSet<crate::Key>,
    contents: FxHashSet<[u8; 16]>,
    bytes: usize,
    /// What all index rows were made by, and the edition of the tenant's keys that all is encrypted by.
    made_by: (Option<i64>, Option<u32>),
    /// It has one that goes alone.
    is_full: bool,
}

impl Group {
    /// Whether a change fits, which is then counted in. What needs more than the one statement goes alone, and so does a
    /// second version of a resource or a second load of the same content: it must find the first one written.
    fn takes(&mut self, changes: &Changes) -> bool {
        let goes_alone = write::needs_transaction(changes);
        let is_first = self.changes.is_empty();
        let made_by = (changes.definitions, changes.sealed_by);
        let is_other = !is_first && self.made_by != made_by;
        let mut keys = changes.puts.iter().map(|it| &it.key);
        let meets =
            keys.any(|it| self.keys.contains(it)) || changes.content.is_some_and(|it| self.contents.contains(&it));
        if self.is_full
            || self.changes.len() >= GROUP
            || self.bytes > BYTES
            || meets
            || is_other
            || (goes_alone && !is_first)
        {
            return false;
        }
        self.is_full = goes_alone;
        self.made_by = made_by;
        self.keys.extend(changes.puts.iter().map(|it| it.key.clone()));
        self.contents.extend(changes.content);
        self.bytes += changes.puts.iter().map(|it| it.body.len()).sum::<usize>();
        self.bytes += changes.audit.iter().map(|it| it.body.len()).sum::<usize>();
        true
    }
}

async fn write_all(records: Arc<Records>) {
    loop {
        let (mut group, replies) = records.writer.next();
        if replies.is_empty() {
            return;
        }
        match write::write(&records, &mut group).await {
            Ok(updated) => {
                for (changes, reply) in group.into_iter().zip(replies) {
                    // A caller that went away meanwhile needs no answer.
                    let _ = reply.to.send(Ok(committed(changes, updated)));
                }
            }
            Err(CommitError::Store(Error::Moved)) => {
                for (changes, reply) in group.into_iter().zip(replies) {
                    let _ = reply.to.send(Err(Unwritten::Moved(Box::new(changes))));
                }
            }
            // One change that is refused must not take its neighbours along.
            Err(error) if group.len() > 1 && is_refusal(&error) => write_each(&records, group, replies).await,
            Err(error) => {
                records.writer.turn_away(&error);
                answer_with(error, replies);
            }
        }
    }
}

/// Writes changes one by one, as long as the database answers.
async fn write_each(records: &Arc<Records>, group: Vec<Changes>, replies: Vec<Reply>) {
    let mut turned_away = None;
    for (changes, reply) in group.into_iter().zip(replies) {
        if turned_away.is_some_and(|after| reply.since.elapsed() >= after) {
            reply.turn_away();
            continue;
        }
        let mut alone = [changes];
        let result = write::write(records, &mut alone).await;
        let [changes] = alone;
        if let Err(error) = &result {
            records.writer.turn_away(error);
            turned_away = told_after(error).or(turned_away);
        }
        let _ = reply.to.send(match result {
            Ok(updated) => Ok(committed(changes, updated)),
            Err(CommitError::Store(Error::Moved)) => Err(Unwritten::Moved(Box::new(changes))),
            Err(error) => Err(error.into()),
        });
    }
}

impl Reply {
    /// Tells that the database does not answer in time; the change was not tried.
    fn turn_away(self) {
        let _ = self.to.send(Err(CommitError::from(Error::Silent).into()));
    }
}

fn committed(changes: Changes, updated: i64) -> Committed {
    Committed { updated, bodies: changes.puts.into_iter().map(|it| it.body.into()).collect() }
}

/// Whether the database looked at a change and said no: then nothing was written.
fn is_refusal(error: &CommitError) -> bool {
    match error {
        CommitError::Conflict | CommitError::LoadedBefore | CommitError::Outdated => true,
        CommitError::Store(error @ Error::Database(cause)) => {
            cause.as_database_error().is_some() && !error.is_passing()
        }
        CommitError::Store(_) => false,
    }
}

/// Tells all of a group what went wrong with it.
fn answer_with(error: CommitError, replies: Vec<Reply>) {
    let mut replies = replies.into_iter();
    if let Some(first) = replies.next() {
        for reply in replies {
            let same = match &error {
                CommitError::Store(Error::OutcomeUnknown) => Error::OutcomeUnknown,
                CommitError::Store(Error::Closed) => Error::Closed,
                _ => Error::Silent,
            };
            let _ = reply.to.send(Err(CommitError::from(same).into()));
        }
        let _ = first.to.send(Err(error.into()));
    }
}
