//! How many connections a node has to one database, whatever schemas they enter: a thousand tenants with schemas of their own
//! share them. Who needs one more than there may be takes the place of the one that has rested longest.

use super::loss::Loss;
use crate::{Error, Result};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How often somebody who waits looks for a connection that rests.
const LOOK: Duration = Duration::from_millis(10);
/// A schema keeps a connection that others wait for at least so long: to connect costs some milliseconds.
const TURN: Duration = Duration::from_millis(100);
/// How long the database may take to say goodbye.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// The connections that there may be for some work.
pub(super) struct Budget {
    pub(super) most: u32,
    places: Arc<Semaphore>,
    rests: Rests,
    /// Those to the same database for other work are among them.
    all: Arc<Rests>,
    waiting: AtomicUsize,
}

/// A connection, with its place among those that there may be.
pub(super) struct Open {
    pub(super) connection: PgConnection,
    /// The process that serves it.
    pub(super) pid: i32,
    /// When it began to be made.
    since: Instant,
    /// Since when it rests, or rested until it was taken; a new one never did.
    rests_since: Option<Instant>,
    place: OwnedSemaphorePermit,
}

/// Where connections rest.
#[derive(Default)]
struct Rests(Mutex<Vec<Weak<Rest>>>);

/// The connections to one schema that nobody uses.
#[derive(Default)]
pub(super) struct Rest(Mutex<Resting>);

#[derive(Default)]
struct Resting {
    all: Vec<Open>,
    /// None that began to be made before rests any more.
    cleared: Option<Instant>,
}

impl Open {
    pub(super) fn new(connection: PgConnection, pid: i32, since: Instant, place: OwnedSemaphorePermit) -> Open {
        Open { connection, pid, since, rests_since: None, place }
    }
}

impl Budget {
    /// Connections to a database that nobody else here has any to.
    pub(super) fn new(most: u32) -> Arc<Budget> {
        Budget::among(most, Arc::default())
    }

    /// As many more to the same database, for other work.
    pub(super) fn beside(&self, most: u32) -> Arc<Budget> {
        Budget::among(most, self.all.clone())
    }

    fn among(most: u32, all: Arc<Rests>) -> Arc<Budget> {
        let places = Arc::new(Semaphore::new(most as usize));
        Arc::new(Budget { most, places, rests: Rests::default(), all, waiting: AtomicUsize::default() })
    }

    /// Where the connections to one more schema rest.
    pub(super) fn rest(&self) -> Arc<Rest> {
        let rest = Arc::new(Rest::default());
        self.rests.add(&rest);
        self.all.add(&rest);
        rest
    }

    /// Uses none of the connections to the database again that there are, whatever for.
    pub(super) fn forget(&self) {
        self.all.list().iter().for_each(|it| drop(it.clear()));
    }

    /// Closes a connection that failed so, and uses none again of those that are lost with it, whatever for.
    pub(super) fn lose(&self, open: Open, error: &Error) {
        match (Loss::of(error), open.rests_since) {
            (Loss::All, _) => self.forget(),
            (Loss::Idle, Some(since)) => {
                let is_newer = |it: &Open| it.rests_since.is_some_and(|it| it > since);
                self.all.list().iter().for_each(|it| it.locked().all.retain(is_newer));
            }
            (Loss::Idle, None) | (Loss::One, _) => {}
        }
    }

    /// A place for a new connection, within this time.
    pub(super) async fn place(&self, wait: Duration) -> Result<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Waiting::new(&self.waiting);
        let taken = async {
            loop {
                if let Some(open) = self.longest() {
                    let Open { connection, place, .. } = open;
                    // Whether it is told or not, the database sees that nobody is there any more.
                    let _ = timeout(GOODBYE, connection.close()).await;
                    return Ok(place);
                }
                if let Ok(place) = timeout(LOOK, self.places.clone().acquire_owned()).await {
                    return place.map_err(|_| Error::Closed);
                }
            }
        };
        timeout(wait, taken).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    /// Lets a connection rest; closes it if others wait and it has had its turn.
    pub(super) fn give_back(&self, rest: &Rest, mut open: Open) {
        if self.waiting.load(Ordering::Relaxed) == 0 || open.since.elapsed() < TURN {
            open.rests_since = Some(Instant::now());
            rest.add(open);
        }
    }

    /// The connection that has rested longest, of whatever schema.
    fn longest(&self) -> Option<Open> {
        let rests = self.rests.list();
        let resting = rests.iter().filter_map(|it| Some((it.locked().all.first()?.rests_since?, it)));
        let (_, rest) = resting.min_by_key(|(since, _)| *since)?;
        let mut resting = rest.locked();
        // Somebody may have taken it meanwhile.
        (!resting.all.is_empty()).then(|| resting.all.remove(0))
    }
}

impl Rests {
    fn add(&self, rest: &Arc<Rest>) {
        let mut rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rests.retain(|it| it.strong_count() > 0);
        rests.push(Arc::downgrade(rest));
    }

    fn list(&self) -> Vec<Arc<Rest>> {
        let rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rests.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Rest {
    /// The one that was used last of those that are not too old.
    pub(super) fn take(&self, age: Duration) -> Option<Open> {
        let mut resting = self.locked();
        loop {
            let open = resting.all.pop()?;
            if open.since.elapsed() < age {
                return Some(open);
            }
        }
    }

    fn add(&self, open: Open) {
        let mut resting = self.locked();
        if resting.cleared.is_none_or(|it| it < open.since) {
            resting.all.push(open);
        }
    }

    /// All of them, to be closed. Those in use by now are closed when they are given back.
    pub(super) fn clear(&self) -> Vec<Open> {
        let mut resting = self.locked();
        resting.cleared = Some(Instant::now());
        std::mem::take(&mut resting.all)
    }

    fn locked(&self) -> MutexGuard<'_, Resting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts somebody who waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn new(count: &AtomicUsize) -> Waiting<'_> {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
