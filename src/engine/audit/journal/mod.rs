//! Where events wait on this node before they go into the log: those of reads for a second, so that a read waits for one write
//! to this node's disk and not for the database; and those of what a standby answers, until the primary is back.
//!
//! One thread writes for all tenants: what comes while the disk is busy is written together, synced once, and only then
//! acknowledged. Its file is a *segment*, closed when somebody wants to put its events into the log, and removed when they are
//! there. A process locks a file of its own; the segments of one that was killed are taken over by the next.

mod desk;
mod frame;
mod look;
mod segment;

use bytes::Bytes;
use desk::{Batch, Desk, UnderWay};
use segment::Segments;
use std::collections::BTreeMap;
use std::io::Result;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as Turn, Notify, watch};

pub use look::WaitingEvents;
pub(super) use segment::Segment;

/// Events that wait, encrypted, by tenant.
pub(super) type Waiting = BTreeMap<String, Vec<Bytes>>;

/// So many closings lie between two looks for what killed processes have left: a minute or so.
const LOOK: u64 = 60;

/// A folder of events that wait.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// Names this process's files.
    node: String,
    /// Of the writer, which is there from the first event on.
    desk: Mutex<Option<Arc<Desk>>>,
    /// How many requests may come to leave events.
    under_way: Arc<AtomicUsize>,
    /// What is to go into the log, the oldest first; held by whoever puts it there.
    pub(super) closed: Turn<Closed>,
    /// That somebody waits for the next pass.
    pub(super) asked: Notify,
    pub(super) passes: watch::Sender<Passes>,
}

/// How often what waited was put into the log.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passes {
    pub(super) begun: u64,
    pub(super) ended: u64,
}

/// Segments that nobody writes to any more.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) segments: Vec<Segment>,
    /// How often segments were closed: now and then it is looked for what killed processes have left.
    closings: u64,
}

impl Journal {
    /// A journal in this folder, of a process that is called so by nobody else.
    pub(crate) fn new(folder: PathBuf, node: String) -> Journal {
        let (desk, under_way, closed) = (Mutex::default(), Arc::default(), Turn::default());
        Journal { folder, node, desk, under_way, closed, asked: Notify::new(), passes: watch::Sender::default() }
    }

    /// A request is under way, until what this returns is dropped.
    pub(super) fn enter(&self) -> UnderWay {
        UnderWay::new(&self.under_way)
    }

    /// Has a tenant's events wait, of which the log may have some already; they are on disk when this returns.
    pub(super) async fn keep(&self, tenant: &str, aside: &[u8], is_doubtful: bool) -> Result<()> {
        let desk = self.begun()?;
        desk.keep(is_doubtful, |frames| frame::write(tenant, aside, frames)).await
    }

    /// Closes the segment that is written to, and finds what killed processes have left.
    pub(super) async fn close(&self, closed: &mut Closed) -> Result<()> {
        if closed.closings.is_multiple_of(LOOK) {
            closed.segments.extend(segment::orphans(&self.folder, &self.node)?);
        }
        closed.closings += 1;
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(desk) = desk {
            closed.segments.extend(desk.close().await?);
        }
        Ok(())
    }

    fn begun(&self) -> Result<Arc<Desk>> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = &*desk {
            return Ok(desk.clone());
        }
        let segments = Segments::new(&self.folder, &self.node)?;
        let new = Arc::new(Desk::open(self.under_way.clone()));
        let writer = Writer(new.clone());
        std::thread::Builder::new().name("audit-journal".into()).spawn(move || writer.run(segments))?;
        *desk = Some(new.clone());
        Ok(new)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.get_mut().unwrap_or_else(PoisonError::into_inner) {
            desk.end();
        }
    }
}

/// However it ends, nobody waits for it any more.
struct Writer(Arc<Desk>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Writer {
    fn run(self, mut segments: Segments) {
        let mut last = Batch::default();
        while let Some(batch) = self.0.next(std::mem::take(&mut last)) {
            if !batch.frames.is_empty() {
                batch.told(segments.append(&batch.frames, batch.is_doubtful));
            }
            last = batch;
            for done in last.closing.drain(..) {
                // Who asked may have gone: then it is closed all the same, and lost to this process.
                let _ = done.send(segments.close());
            }
        }
    }
}

#[cfg(test)]
mod tests;
