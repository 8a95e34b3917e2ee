//! What waits, for a look from beside the server.

use super::frame;
use super::segment::{DAMAGED, EVENTS, with_extension};
use fhir::{Failure, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use store::Session;

/// A tenant's events that wait in a folder of this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitingEvents {
    /// How many bytes of them there are; a server that runs has none for longer than about a second.
    pub bytes: usize,
    /// How many pieces the tenant's server has not written so, and files with something that cannot be read, whosever it was.
    pub broken: usize,
    /// Copies of files in which something could not be read when they went into the log.
    pub damaged: Vec<PathBuf>,
}

impl WaitingEvents {
    /// Looks into a folder, which servers may be using.
    pub async fn of(folder: &Path, tenant: &str, session: &dyn Session) -> Result<WaitingEvents> {
        let damaged = with_extension(folder, DAMAGED).map_err(Failure::internal)?;
        let mut waiting = WaitingEvents { damaged, ..WaitingEvents::default() };
        for file in with_extension(folder, EVENTS).map_err(Failure::internal)? {
            let bytes = match std::fs::read(file) {
                // Meanwhile its events have gone into the log.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                bytes => bytes.map_err(Failure::internal)?,
            };
            let (events, is_damaged) = frame::read(bytes.into());
            waiting.broken += usize::from(is_damaged);
            if let Some(aside) = events.get(tenant) {
                waiting.bytes += aside.iter().map(|it| it.len()).sum::<usize>();
                waiting.broken += session.audit_opened(aside).await?.broken;
            }
        }
        Ok(waiting)
    }

    /// How many things are not as they were written.
    pub fn faults(&self) -> usize {
        self.broken + self.damaged.len()
    }
}
