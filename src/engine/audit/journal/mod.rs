//! Where events wait on this node before they go into the log: those of reads for a second, so that a read waits for one write
//! to this node's disk and not for the database; and those of what a standby answers, until the primary is back.
//!
//! One thread writes for all tenants: what comes while the disk is busy is written together, synced once, and only then
//! acknowledged. Its file is a *segment*, closed when somebody wants to put its events into the log, and removed when they are
//! there. A process locks a file of its own; the segments of one that was killed are taken over by the next.

mod frame;
mod segment;

use segment::Segments;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, Result, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::AuditRecords;
use tokio::sync::{Mutex as Turn, Notify, oneshot, watch};

pub(super) use segment::Segment;

/// Events that wait, by tenant.
pub(super) type Waiting = BTreeMap<String, Vec<AuditRecords>>;

/// So many closings lie between two looks for what killed processes have left: a minute or so.
const LOOK: u64 = 60;

/// Where so many requests waited for a sync, the next one waits so long for more of them.
const MANY: usize = 16;
const MORE: Duration = Duration::from_millis(1);

/// A folder of events that wait.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// Names this process's files.
    node: String,
    writer: Mutex<Option<Sender<Told>>>,
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

/// What the writer is told, and where it answers.
enum Told {
    /// To write this frame; whether the log may have its events already.
    Keep(Vec<u8>, bool, oneshot::Sender<Result<()>>),
    /// To close its segment, if it has one.
    Close(oneshot::Sender<Option<Segment>>),
}

impl Journal {
    /// A journal in this folder, of a process that is called so by nobody else.
    pub(crate) fn new(folder: PathBuf, node: String) -> Journal {
        let (writer, closed, asked) = (Mutex::default(), Turn::default(), Notify::new());
        Journal { folder, node, writer, closed, asked, passes: watch::Sender::default() }
    }

    /// Has a tenant's events wait, of which the log may have some already; they are on disk when this returns.
    pub(super) async fn keep(&self, tenant: &str, records: &AuditRecords, is_doubtful: bool) -> Result<()> {
        let mut frame = Vec::new();
        frame::write(tenant, records, &mut frame)?;
        let (done, answer) = oneshot::channel();
        self.tell(Told::Keep(frame, is_doubtful, done))?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Closes the segment that is written to, and finds what killed processes have left.
    pub(super) async fn close(&self, closed: &mut Closed) -> Result<()> {
        if closed.closings.is_multiple_of(LOOK) {
            closed.segments.extend(segment::orphans(&self.folder, &self.node)?);
        }
        closed.closings += 1;
        if self.writer.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        self.tell(Told::Close(done))?;
        let segment = answer.await.map_err(|_| gone())?;
        closed.segments.extend(segment);
        Ok(())
    }

    /// The writer is there from the first event on.
    fn tell(&self, told: Told) -> Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            let segments = Segments::new(&self.folder, &self.node)?;
            let (sender, receiver) = channel();
            std::thread::Builder::new().name("audit-journal".into()).spawn(move || write_all(&receiver, segments))?;
            *writer = Some(sender);
        }
        writer.as_ref().and_then(|it| it.send(told).ok()).ok_or_else(gone)
    }
}

fn gone() -> Error {
    Error::other("the journal's writer is gone")
}

/// Does what it is told until the journal is dropped.
fn write_all(told: &Receiver<Told>, mut segments: Segments) {
    let mut last = 0;
    while let Ok(first) = told.recv() {
        if last >= MANY {
            // A sync costs the same for few and for many, and where many come each waits for one anyway.
            std::thread::sleep(MORE);
        }
        let (mut frames, mut waiting, mut closing) = (Vec::new(), Vec::new(), Vec::new());
        for told in std::iter::once(first).chain(told.try_iter()) {
            match told {
                Told::Keep(frame, is_doubtful, done) => {
                    frames.extend_from_slice(&frame);
                    if is_doubtful {
                        segments.doubt();
                    }
                    waiting.push(done);
                }
                Told::Close(done) => closing.push(done),
            }
        }
        last = waiting.len();
        let written = if frames.is_empty() { Ok(()) } else { segments.append(&frames) };
        for done in waiting {
            // Who asked may have gone: the event stays.
            let _ = done.send(written.as_ref().copied().map_err(|it| Error::new(it.kind(), it.to_string())));
        }
        for done in closing {
            let _ = done.send(segments.close());
        }
    }
}

/// Appends and syncs. What is not whole would stand in the way of what comes next.
fn append(file: &mut File, frames: &[u8]) -> Result<()> {
    let whole = file.metadata()?.len();
    let written = file.write_all(frames).and_then(|()| file.sync_data());
    if written.is_err() {
        file.set_len(whole)?;
    }
    written
}

/// A folder's entries are on disk once it is synced.
fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
