//! The files of a journal: `NODE-NUMBER.events`, and `NODE.lock`, which its process holds as long as it lives.

use super::{Waiting, append, frame, sync_folder};
use std::fs::{DirBuilder, File, OpenOptions, copy, read, read_dir, remove_file, rename};
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const EVENTS: &str = "events";
const LOCK: &str = "lock";

/// What a process writes to.
pub(super) struct Segments {
    folder: PathBuf,
    node: String,
    number: u64,
    open: Option<(PathBuf, File)>,
    /// Whether some of the open one's events may be in the log already.
    is_doubtful: bool,
    /// Held as long as this is there.
    _lock: File,
}

impl Segments {
    pub(super) fn new(folder: &Path, node: &str) -> Result<Segments> {
        make(folder)?;
        let path = folder.join(node).with_extension(LOCK);
        let lock = loop {
            let lock = private().write(true).create(true).truncate(false).open(&path)?;
            lock.lock()?;
            // Who looked for orphans may have taken it away meanwhile, as one without segments.
            if path.exists() {
                break lock;
            }
        };
        Ok(Segments {
            folder: folder.to_owned(),
            node: node.to_owned(),
            number: 0,
            open: None,
            is_doubtful: false,
            _lock: lock,
        })
    }

    /// Adds frames; they are on disk when this returns. Where that fails, they may be there all the same, and whoever asked has
    /// the log take them.
    pub(super) fn append(&mut self, frames: &[u8]) -> Result<()> {
        self.add(frames).inspect_err(|_| self.is_doubtful = true)
    }

    /// The log may have some of what is added now.
    pub(super) fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    fn add(&mut self, frames: &[u8]) -> Result<()> {
        if let Some((_, file)) = &mut self.open {
            return append(file, frames);
        }
        self.number += 1;
        let path = self.folder.join(format!("{}-{:012}", self.node, self.number)).with_extension(EVENTS);
        let mut file = private().append(true).create_new(true).open(&path)?;
        append(&mut file, frames)?;
        sync_folder(&self.folder)?;
        self.open = Some((path, file));
        Ok(())
    }

    /// The segment that was written to; the next frame begins another one.
    pub(super) fn close(&mut self) -> Option<Segment> {
        let (path, _) = self.open.take()?;
        Some(Segment { path, is_doubtful: std::mem::take(&mut self.is_doubtful), _lock: None })
    }
}

/// A file of events that nobody writes to any more.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Segment {
    path: PathBuf,
    /// Whether some of its events may be in the log already.
    pub(in crate::audit) is_doubtful: bool,
    /// Of the killed process whose it was: nobody else takes it over.
    _lock: Option<Arc<File>>,
}

impl Segment {
    /// Its events, by tenant.
    pub(in crate::audit) fn read(&self) -> Result<Waiting> {
        let (events, is_damaged) = frame::read(&read(&self.path)?);
        if is_damaged {
            let kept = self.path.with_extension("damaged");
            tracing::error!(file = %kept.display(), "events of the audit log that waited on this node's disk cannot be read; the file is kept");
            copy(&self.path, kept)?;
        }
        Ok(events)
    }

    /// Leaves in it only these, or takes it away where there are none.
    pub(in crate::audit) fn leave(&self, events: &Waiting) -> Result<()> {
        if events.is_empty() {
            return remove_file(&self.path);
        }
        let mut frames = Vec::new();
        for (tenant, records) in events.iter().flat_map(|(tenant, lots)| lots.iter().map(move |it| (tenant, it))) {
            frame::write(tenant, records, &mut frames)?;
        }
        let new = self.path.with_extension("new");
        append(&mut private().write(true).create(true).truncate(true).open(&new)?, &frames)?;
        rename(&new, &self.path)
    }
}

/// What processes have left that are no more, in the order of its names. What cannot be taken over now is looked at again.
pub(super) fn orphans(folder: &Path, own: &str) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for path in with_extension(folder, LOCK)? {
        let Some(node) = path.file_stem().and_then(|it| it.to_str()).filter(|it| *it != own) else { continue };
        let Ok(lock) = File::open(&path) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        // Only now is it sure that none are added.
        let left: Vec<_> = with_extension(folder, EVENTS)?.into_iter().filter(|it| is_of(it, node)).collect();
        if left.is_empty() {
            remove_file(&path)?;
        }
        let lock = Some(Arc::new(lock));
        segments.extend(left.into_iter().map(|path| Segment { path, is_doubtful: true, _lock: lock.clone() }));
    }
    Ok(segments)
}

fn is_of(path: &Path, node: &str) -> bool {
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    name.strip_prefix(node).is_some_and(|it| it.starts_with('-'))
}

fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = match read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|it| Ok(it?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|it| it.extension().is_some_and(|it| it == extension));
    paths.sort();
    Ok(paths)
}

/// Only its owner looks into it: the events name patients.
fn make(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    folder.parent().filter(|it| !it.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
