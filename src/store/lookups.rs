//! Reads of current versions, several in one statement: what is asked while a statement runs is answered together by
//! the next one. A statement costs two changes of thread or a message each way, more than all else of a
//! read; nobody waits for a group to fill but for what is ready to run
//! (docs/decisions/0012-grouped-statements.md).

use crate::{Error, Key, Result, Stored};
use async_trait::async_trait;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The most reads in one statement.
const GROUP: usize = 64;
/// The most statements at the same time.
const STATEMENTS: usize = 2;

/// Where one tenant's resources are looked up.
#[async_trait]
pub(crate) trait Look: Send + Sync + 'static {
    /// Who waits here.
    fn lookups(&self) -> &Lookups;
    /// The current versions of those that exist, deleted ones included, by one statement.
    async fn look(&self, keys: &[Key]) -> Result<Vec<Stored>>;
}

/// Who waits for which resource.
struct Waiting {
    key: Key,
    reply: oneshot::Sender<Result<Option<Stored>>>,
}

/// The reads of one tenant that wait.
#[derive(Default)]
pub(crate) struct Lookups {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Tasks that answer them.
    tasks: usize,
}

impl Lookups {
    /// The current version, a deleted one included.
    pub(crate) async fn current(place: &Arc<impl Look>, key: &Key) -> Result<Option<Stored>> {
        let (reply, answer) = oneshot::channel();
        let needs_task = {
            let mut state = place.lookups().state();
            state.waiting.push(Waiting { key: key.clone(), reply });
            let needs_task = state.tasks < STATEMENTS;
            state.tasks += usize::from(needs_task);
            needs_task
        };
        if needs_task {
            // A task of its own goes on for the others if this caller goes away.
            tokio::spawn(answer_all(place.clone()));
        }
        answer.await.map_err(|_| Error::Closed)?
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next group; with none left the task that asked is done.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.state();
        let count = state.waiting.len().min(GROUP);
        state.tasks -= usize::from(count == 0);
        state.waiting.drain(..count).collect()
    }
}

async fn answer_all(place: Arc<impl Look>) {
    loop {
        // Requests that are ready to run ask first, and are answered together.
        tokio::task::yield_now().await;
        let group = place.lookups().next();
        if group.is_empty() {
            return;
        }
        let keys: Vec<Key> = group.iter().map(|it| it.key.clone()).collect();
        match place.look(&keys).await {
            Ok(found) => answer(group, found),
            // The database cannot answer now, and would not answer each of them either.
            Err(error) if error.is_passing() => {
                let mut group = group.into_iter();
                if let Some(first) = group.next() {
                    refuse(first, error);
                }
                group.for_each(|it| refuse(it, Error::Silent));
            }
            // A group whose statement failed: each gets an answer of its own.
            Err(_) if group.len() > 1 => {
                for waiting in group {
                    match place.look(std::slice::from_ref(&waiting.key)).await {
                        Ok(found) => answer(vec![waiting], found),
                        Err(error) => refuse(waiting, error),
                    }
                }
            }
            Err(error) => {
                if let Some(alone) = group.into_iter().next() {
                    refuse(alone, error);
                }
            }
        }
    }
}

fn answer(group: Vec<Waiting>, found: Vec<Stored>) {
    let found: FxHashMap<Key, Stored> = found.into_iter().map(|it| (it.key.clone(), it)).collect();
    for waiting in group {
        let found = found.get(&waiting.key).cloned();
        // A caller that went away meanwhile needs no answer.
        let _ = waiting.reply.send(Ok(found));
    }
}

fn refuse(waiting: Waiting, error: Error) {
    let _ = waiting.reply.send(Err(error));
}
