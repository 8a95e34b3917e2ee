//! The files of a journal: `NODE-NUMBER.events`, and `NODE.lock`, which its process holds as long as it lives. A segment whose
//! events are in the log is filled with zeros (`.used`) and becomes a later one (`.spare`): what is written over needs half as
//! long to be on disk as what grows, as the file's length and place need not be written as well.

use super::{Waiting, frame};
use std::fs::{DirBuilder, File, OpenOptions, copy, read_dir, remove_file, rename};
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom, Write, copy as copy_bytes, repeat};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const EVENTS: &str = "events";
const LOCK: &str = "lock";
const USED: &str = "used";
const SPARE: &str = "spare";
pub(super) const DAMAGED: &str = "damaged";
/// A segment with more bytes is not kept to be used again.
const LARGEST: u64 = 32 << 20;

/// What a process writes to.
pub(super) struct Segments {
    folder: PathBuf,
    node: String,
    number: u64,
    open: Option<Open>,
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

    /// Adds frames, of which the log may have some already; they are on disk when this returns. Where that fails, they may be
    /// there all the same, and whoever asked has the log take them.
    pub(super) fn append(&mut self, frames: &[u8], is_doubtful: bool) -> Result<()> {
        let added = self.add(frames);
        self.is_doubtful |= is_doubtful || added.is_err();
        added
    }

    fn add(&mut self, frames: &[u8]) -> Result<()> {
        if let Some(open) = &mut self.open {
            return open.append(frames);
        }
        self.number += 1;
        let path = self.folder.join(format!("{}-{:012}", self.node, self.number)).with_extension(EVENTS);
        let is_new = match rename(spare(&self.folder, &self.node), &path) {
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            renamed => renamed.map(|()| false)?,
        };
        let file = private().write(true).create_new(is_new).open(&path)?;
        let open = self.open.insert(Open { path, file, end: 0 });
        // Without its name it would not be found.
        let added = open.append(frames).and_then(|()| sync_folder(&self.folder));
        if added.is_err() {
            self.open = None;
        }
        added
    }

    /// The segment that was written to; the next frame begins another one.
    pub(super) fn close(&mut self) -> Option<Segment> {
        let Open { path, end, .. } = self.open.take()?;
        let own = Some(Own { length: end, spare: spare(&self.folder, &self.node) });
        Some(Segment { path, is_doubtful: std::mem::take(&mut self.is_doubtful), own, _lock: None })
    }
}

/// A segment that is written to.
struct Open {
    path: PathBuf,
    file: File,
    /// So many bytes are frames.
    end: u64,
}

impl Open {
    /// Adds frames and syncs. Where that fails the next ones are written over them.
    fn append(&mut self, frames: &[u8]) -> Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        match self.file.write_all(frames).and_then(|()| self.file.sync_data()) {
            Ok(()) => {
                self.end += frames.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.file.set_len(self.end)?;
                Err(error)
            }
        }
    }
}

/// A file of events that nobody writes to any more.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Segment {
    path: PathBuf,
    /// Whether some of its events may be in the log already.
    pub(in crate::audit) is_doubtful: bool,
    /// Of this process's.
    own: Option<Own>,
    /// Of the killed process whose it was: nobody else takes it over.
    _lock: Option<Arc<File>>,
}

/// What a process knows of a segment that it has written.
#[derive(Clone, Debug)]
struct Own {
    /// So many bytes are frames; what is behind them are zeros.
    length: u64,
    /// What it is called when it can be written to again.
    spare: PathBuf,
}

impl Segment {
    /// Its events, by tenant.
    pub(in crate::audit) fn read(&self) -> Result<Waiting> {
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(self.own.as_ref().map_or(u64::MAX, |it| it.length)).read_to_end(&mut bytes)?;
        let (events, is_damaged) = frame::read(bytes.into());
        if is_damaged {
            self.keep_damaged()?;
        }
        Ok(events)
    }

    /// Keeps a copy of what cannot be read, for people to look at.
    pub(in crate::audit) fn keep_damaged(&self) -> Result<()> {
        let kept = self.path.with_extension(DAMAGED);
        tracing::error!(file = %kept.display(), "events of the audit log that waited on this node's disk cannot be read; the file is kept");
        copy(&self.path, kept).map(drop)
    }

    /// Leaves in it only these, or takes it away where there are none.
    pub(in crate::audit) fn leave(&self, events: &Waiting) -> Result<()> {
        if events.is_empty() {
            return self.take_away();
        }
        let mut frames = Vec::new();
        for (tenant, aside) in events.iter().flat_map(|(tenant, all)| all.iter().map(move |it| (tenant, it))) {
            frame::write(tenant, aside, &mut frames)?;
        }
        let new = self.path.with_extension("new");
        let mut file = private().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(&frames)?;
        file.sync_data()?;
        rename(&new, &self.path)
    }

    fn take_away(&self) -> Result<()> {
        let Some(own) = self.own.as_ref().filter(|it| it.length <= LARGEST) else { return remove_file(&self.path) };
        let used = self.path.with_extension(USED);
        rename(&self.path, &used)?;
        let emptied = empty(&used, own.length).and_then(|()| rename(&used, &own.spare));
        emptied.or_else(|_| remove_file(&used))
    }
}

/// Fills a file with zeros: no event is to come back out of it.
fn empty(path: &Path, length: u64) -> Result<()> {
    let mut file = private().write(true).open(path)?;
    copy_bytes(&mut repeat(0).take(length), &mut file)?;
    file.sync_data()
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
            for file in with_extension(folder, USED)?.into_iter().chain(with_extension(folder, SPARE)?) {
                if is_of(&file, node) {
                    remove_file(&file)?;
                }
            }
            remove_file(&path)?;
        }
        let lock = Some(Arc::new(lock));
        segments.extend(left.into_iter().map(|path| Segment {
            path,
            is_doubtful: true,
            own: None,
            _lock: lock.clone(),
        }));
    }
    Ok(segments)
}

/// The one that can be written to again. There is one at most: the next one is closed when the last one's events are in the log.
fn spare(folder: &Path, node: &str) -> PathBuf {
    folder.join(format!("{node}-0")).with_extension(SPARE)
}

fn is_of(path: &Path, node: &str) -> bool {
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    name.strip_prefix(node).is_some_and(|it| it.starts_with('-'))
}

pub(super) fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
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

/// A folder's entries are on disk once it is synced.
fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)?.sync_all()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
