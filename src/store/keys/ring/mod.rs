//! Master keys in a file or a variable: several, told apart by their ids. The last one wraps, all of them unwrap, so that a
//! new one can be added while tenants' keys are still wrapped by those before.

use super::aead::{self, KEY, NONCE};
use super::{Master, Random, Wrapped};
use crate::{Error, Result};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// The longest id of a key.
const LONGEST_ID: usize = 64;

/// Master keys: lines of an id and 32 bytes in base64; what begins with `#` is a comment.
#[derive(Clone)]
pub struct MasterRing {
    keys: Vec<(String, [u8; KEY])>,
}

impl MasterRing {
    /// Reads keys; fails with what is wrong, in which line, and never repeats a key.
    pub fn parse(text: &str) -> Result<MasterRing> {
        let mut keys: Vec<(String, [u8; KEY])> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |told: &str| Error::MasterKey(format!("line {number} of the master keys {told}"));
            let (id, key) = line.split_once(char::is_whitespace).ok_or_else(|| wrong("is not an id and a key"))?;
            if !is_id(id) {
                return Err(wrong("has an id that is not up to 64 letters, digits, dots, hyphens and underscores"));
            }
            if keys.iter().any(|(it, _)| it == id) {
                return Err(wrong("has an id that another line has"));
            }
            let bytes = STANDARD.decode(key.trim()).ok().and_then(|it| it.try_into().ok());
            keys.push((id.to_owned(), bytes.ok_or_else(|| wrong("has a key that is not 32 bytes in base64"))?));
        }
        match keys.is_empty() {
            true => Err(Error::MasterKey("there is no master key".to_owned())),
            false => Ok(MasterRing { keys }),
        }
    }

    /// The line of a new key.
    pub fn line(id: &str, random: Random) -> Result<String> {
        let mut key = [0; KEY];
        random(&mut key).map_err(Error::Random)?;
        Ok(format!("{id} {}\n", STANDARD.encode(key)))
    }

    fn last(&self) -> Result<&(String, [u8; KEY])> {
        self.keys.last().ok_or_else(|| Error::MasterKey("there is no master key".to_owned()))
    }

    fn find(&self, id: &str) -> Option<&[u8; KEY]> {
        self.keys.iter().find(|(it, _)| it == id).map(|(_, key)| key)
    }
}

fn is_id(text: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b".-_".contains(&it);
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(is_plain) && text != super::master::NONE
}

/// Names the keys, shows none.
impl fmt::Debug for MasterRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

/// Where the keys stand.
enum Source {
    File(PathBuf),
    /// A variable of the process, which does not change.
    Text,
}

/// A [`Master`] by a ring that a file or a variable holds. A file is read again when something was wrapped by a key that was
/// not in it, and whenever something is wrapped.
pub struct KeyFile {
    source: Source,
    ring: RwLock<MasterRing>,
    random: Random,
}

impl KeyFile {
    /// The keys in a file.
    pub fn open(path: &Path, random: Random) -> Result<KeyFile> {
        let ring = RwLock::new(read(path)?);
        Ok(KeyFile { source: Source::File(path.to_owned()), ring, random })
    }

    /// The keys in a text.
    pub fn of(text: &str, random: Random) -> Result<KeyFile> {
        Ok(KeyFile { source: Source::Text, ring: RwLock::new(MasterRing::parse(text)?), random })
    }

    /// Makes a file with one key, which its owner alone can read; whoever makes it at the same time has the same file.
    pub fn make(path: &Path, id: &str, random: Random) -> Result<()> {
        let failed = |cause| Error::File { path: path.display().to_string(), cause };
        let line = MasterRing::line(id, random)?;
        let text =
            format!("# Master keys: whoever has them can read what they wrap, and without them all is lost.\n{line}");
        let draft = draft(path, &text, random)?;
        let linked = std::fs::hard_link(&draft, path);
        std::fs::remove_file(&draft).map_err(failed)?;
        match linked {
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked.and_then(|()| settle(path)).map_err(failed),
        }
    }

    /// Adds a key to a file, which wraps from then on.
    pub fn add(path: &Path, id: &str, random: Random) -> Result<()> {
        let failed = |cause| Error::File { path: path.display().to_string(), cause };
        let before = std::fs::read_to_string(path).map_err(failed)?;
        let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let text = format!("{before}{end}{}", MasterRing::line(id, random)?);
        MasterRing::parse(&text)?;
        // All of it or nothing: a half-written file of keys would be the end of the others.
        // Where the file is a link, what it leads to is replaced.
        let path = &std::fs::canonicalize(path).map_err(failed)?;
        std::fs::rename(draft(path, &text, random)?, path).and_then(|()| settle(path)).map_err(failed)
    }

    fn ring(&self) -> MasterRing {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys as they are in the file now.
    fn renewed(&self) -> Result<MasterRing> {
        if let Source::File(path) = &self.source {
            *self.ring.write().unwrap_or_else(PoisonError::into_inner) = read(path)?;
        }
        Ok(self.ring())
    }
}

fn read(path: &Path) -> Result<MasterRing> {
    let text = std::fs::read_to_string(path);
    MasterRing::parse(&text.map_err(|cause| Error::File { path: path.display().to_string(), cause })?)
}

/// Writes a file beside another one, with a name that nobody else takes.
fn draft(path: &Path, text: &str, random: Random) -> Result<PathBuf> {
    let mut name = [0; 8];
    random(&mut name).map_err(Error::Random)?;
    let draft = path.with_extension(format!("{:016x}", u64::from_be_bytes(name)));
    let written = write(&draft, text);
    written.map_err(|cause| Error::File { path: draft.display().to_string(), cause })?;
    Ok(draft)
}

/// Has a file's new name on disk: a key that is lost takes all with it that it wrapped.
fn settle(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[async_trait]
impl Master for KeyFile {
    async fn current(&self) -> Result<String> {
        Ok(self.renewed()?.last()?.0.clone())
    }

    async fn wrap(&self, about: &[u8], secret: &[u8]) -> Result<Wrapped> {
        let ring = self.renewed()?;
        let (id, key) = ring.last()?;
        let mut nonce = [0; NONCE];
        (self.random)(&mut nonce).map_err(Error::Random)?;
        let bytes = aead::seal(key, nonce, about, secret).map_err(|_| Error::Directory("keys cannot be wrapped"))?;
        Ok(Wrapped { by: id.clone(), bytes })
    }

    async fn unwrap(&self, about: &[u8], wrapped: &Wrapped) -> Result<Vec<u8>> {
        let mut ring = self.ring();
        if ring.find(&wrapped.by).is_none() {
            ring = self.renewed()?;
        }
        let by = &wrapped.by;
        let missing =
            || Error::MasterKey(format!("the master key {by}, by which the tenant's keys are wrapped, is not there"));
        let key = ring.find(by).ok_or_else(missing)?;
        let other = |_| {
            Error::MasterKey(format!(
                "what is called master key {by} is another key than the tenant's keys were wrapped by, or they were changed"
            ))
        };
        aead::open(key, about, &wrapped.bytes).map_err(other)
    }
}

#[cfg(test)]
mod tests;
