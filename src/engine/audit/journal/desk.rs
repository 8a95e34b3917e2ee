//! What the writer is to do: whatever comes while the disk is busy waits here together.

use super::segment::Segment;
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Where so many requests are under way, a sync waits until half of them wait for it, or so long: it costs the same for few and
/// for many, and where many are under way each of them waits for the others anyway.
const MANY: usize = 32;
const MORE: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Desk {
    /// `None` once the journal or its writer is gone.
    batch: Mutex<Option<Batch>>,
    changed: Condvar,
    under_way: Arc<AtomicUsize>,
}

/// A request that may come to leave events.
#[derive(Debug)]
pub(in crate::audit) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    /// One more of these.
    pub(super) fn new(all: &Arc<AtomicUsize>) -> UnderWay {
        all.fetch_add(1, Ordering::Relaxed);
        UnderWay(all.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is done with one sync.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Events, one frame behind the other.
    pub(super) frames: Vec<u8>,
    /// Whether the log may have some of them already.
    pub(super) is_doubtful: bool,
    /// Who wants the segment closed, and behind these events.
    pub(super) closing: Vec<oneshot::Sender<Option<Segment>>>,
    /// How many requests wait for the events.
    requests: usize,
    kept: watch::Sender<Option<Kept>>,
}

/// What became of a batch's events: an error can be told only once.
type Kept = std::result::Result<(), (ErrorKind, String)>;

impl Desk {
    /// For events of requests of which so many are under way.
    pub(super) fn open(under_way: Arc<AtomicUsize>) -> Desk {
        Desk { batch: Mutex::new(Some(Batch::default())), changed: Condvar::new(), under_way }
    }

    /// Adds to what is done next.
    fn add<T>(&self, what: impl FnOnce(&mut Batch) -> Result<T>) -> Result<T> {
        let mut batch = self.batch();
        let batch = batch.as_mut().ok_or_else(gone)?;
        let (was_empty, had_room) = (batch.is_empty(), self.may_grow(batch));
        let added = what(batch)?;
        // Only then the writer waits for it; each call is one of the system's.
        if was_empty || (had_room && !self.may_grow(batch)) {
            self.changed.notify_one();
        }
        Ok(added)
    }

    /// Has the writer keep events, of which the log may have some already; they are on disk when this returns.
    pub(super) async fn keep(&self, is_doubtful: bool, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        let mut kept = self.add(|batch| {
            write(&mut batch.frames)?;
            batch.is_doubtful |= is_doubtful;
            batch.requests += 1;
            Ok(batch.kept.subscribe())
        })?;
        let told = kept.wait_for(Option::is_some).await.map_err(|_| gone())?;
        match &*told {
            Some(Err((kind, told))) => Err(Error::new(*kind, told.clone())),
            _ => Ok(()),
        }
    }

    /// Has the writer close its segment, if it has one.
    pub(super) async fn close(&self) -> Result<Option<Segment>> {
        let (done, answer) = oneshot::channel();
        self.add(|batch| {
            batch.closing.push(done);
            Ok(())
        })?;
        answer.await.map_err(|_| gone())
    }

    /// What is to be done next, as soon as there is something; `None` once there will be nothing more. Takes what was done last, to
    /// be used again.
    pub(super) fn next(&self, last: Batch) -> Option<Batch> {
        let batch = self.changed.wait_while(self.batch(), |it| it.as_ref().is_some_and(Batch::is_empty));
        let batch = batch.unwrap_or_else(PoisonError::into_inner);
        let may_grow = |it: &mut Option<Batch>| it.as_ref().is_some_and(|it| self.may_grow(it));
        let (mut batch, _) =
            self.changed.wait_timeout_while(batch, MORE, may_grow).unwrap_or_else(PoisonError::into_inner);
        let mut frames = last.frames;
        frames.clear();
        let next = Batch { frames, ..Batch::default() };
        batch.as_mut().map(|it| std::mem::replace(it, next))
    }

    /// Whether it is worth while to wait for more.
    fn may_grow(&self, batch: &Batch) -> bool {
        let under_way = self.under_way.load(Ordering::Relaxed);
        under_way >= MANY && batch.requests * 2 < under_way && batch.closing.is_empty()
    }

    /// Nothing more will be done: whoever waits is told so.
    pub(super) fn end(&self) {
        *self.batch() = None;
        self.changed.notify_all();
    }

    fn batch(&self) -> MutexGuard<'_, Option<Batch>> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.closing.is_empty()
    }

    /// Tells what became of the events. Who asked may have gone: the events stay.
    pub(super) fn told(&self, written: Result<()>) {
        self.kept.send_replace(Some(written.map_err(|it| (it.kind(), it.to_string()))));
    }
}

fn gone() -> Error {
    Error::other("the journal's writer is gone")
}
