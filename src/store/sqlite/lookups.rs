//! Reads of current versions, several in one statement: what is asked while a statement runs is answered together by
//! the next one. A statement costs two changes of thread, more than all else of a read; nobody waits for a group to fill
//! (docs/decisions/0012-grouped-statements.md).

use super::place::Place;
use super::read::{self, json_array, stored};
use crate::{Error, Key, Result, Stored};
use sqlx::Row;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The most reads in one statement.
const GROUP: usize = 64;
/// The most statements at the same time.
const STATEMENTS: usize = 2;

/// Who waits for which resource.
struct Waiting {
    key: Key,
    reply: oneshot::Sender<Result<Option<Stored>>>,
}

/// The reads of one tenant's file that wait.
#[derive(Default)]
pub(super) struct Lookups {
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
    pub(super) async fn current(place: &Arc<Place>, key: &Key) -> Result<Option<Stored>> {
        let (reply, answer) = oneshot::channel();
        let needs_task = {
            let mut state = place.lookups.state();
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

async fn answer_all(place: Arc<Place>) {
    loop {
        let group = place.lookups.next();
        if group.is_empty() {
            return;
        }
        let found = if group.len() == 1 { None } else { together(&place, &group).await.ok() };
        match found {
            Some(found) => {
                for (waiting, found) in group.into_iter().zip(found) {
                    // A caller that went away meanwhile needs no answer.
                    let _ = waiting.reply.send(Ok(found));
                }
            }
            // One alone, or a group whose statement failed: each gets an answer of its own.
            None => {
                for waiting in group {
                    let found = read::current(&place, &waiting.key).await;
                    let _ = waiting.reply.send(found);
                }
            }
        }
    }
}

/// What is there for each of a group.
async fn together(place: &Place, group: &[Waiting]) -> Result<Vec<Option<Stored>>> {
    let wanted: Vec<i64> = group.iter().map(|it| place.hash.resource(&it.key.of, &it.key.id)).collect();
    let query = sqlx::query(
        "SELECT w.key, r.type, r.id, r.version, r.updated, r.method, r.body FROM json_each(?) w \
         CROSS JOIN resource r ON r.rkey = w.value",
    )
    .bind(json_array(&wanted));
    let mut found: Vec<Option<Stored>> = group.iter().map(|_| None).collect();
    for row in place.readers.fetch_all(query).await? {
        let at = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(usize::MAX);
        let stored = stored(&row, 1)?;
        // Two resources may have one hash: the row counts only for its own key.
        if let (Some(slot), Some(waiting)) = (found.get_mut(at), group.get(at))
            && waiting.key == stored.key
        {
            *slot = Some(stored);
        }
    }
    Ok(found)
}
