//! A package as it comes from strangers: a .tgz of which nothing is taken on trust. It is read in memory; no path in it ever
//! becomes one of this machine.

use super::manifest::Manifest;
use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use rustc_hash::FxHashSet;
use std::io::Read;
use tar::{Entry, EntryType};

/// How much a package may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of all of it, unpacked.
    pub unpacked: u64,
    /// Bytes of one file.
    pub file: u64,
    /// Files and folders.
    pub entries: usize,
    /// Folders in folders.
    pub depth: usize,
}

impl Default for Bounds {
    /// Twice what the largest that HL7 publishes holds.
    fn default() -> Bounds {
        Bounds { unpacked: 1 << 30, file: 100 << 20, entries: 100_000, depth: 8 }
    }
}

/// What of a package is of use: what it says of itself, and the JSON files beside that.
#[derive(Debug)]
pub struct Archive {
    /// `package/package.json`.
    pub manifest: Manifest,
    /// Names and texts of the other files in `package/`, in their order.
    pub files: Vec<(String, String)>,
}

impl Archive {
    /// Reads a gzipped tar file.
    pub fn read(source: impl Read, bounds: &Bounds) -> Result<Archive> {
        let source = Capped { source: MultiGzDecoder::new(source), left: bounds.unpacked };
        let mut tar = tar::Archive::new(source);
        let (mut manifest, mut files, mut seen) = (None, Vec::new(), FxHashSet::default());
        for (count, entry) in tar.entries().context("it is no .tgz file")?.enumerate() {
            if count >= bounds.entries {
                bail!("it has more than {} entries", bounds.entries);
            }
            let mut entry = entry.context("it is no .tgz file, or damaged")?;
            let Some(path) = path_of(&entry, bounds)? else { continue };
            if !seen.insert(path.clone()) {
                bail!("it has the entry {path} twice");
            }
            let Some(name) = ours(&path) else { continue };
            let text = text_of(&mut entry, bounds).with_context(|| format!("its entry {path}"))?;
            if name == "package.json" {
                manifest = Some(Manifest::read(&text).context("its package/package.json")?);
            } else {
                files.push((name.to_owned(), text));
            }
        }
        let manifest = manifest.context("it has no package/package.json, so it is no FHIR package")?;
        Ok(Archive { manifest, files })
    }
}

/// The path of a file, fit to be said; `None` for what is none. Fails on what no honest package has.
fn path_of(entry: &Entry<'_, impl Read>, bounds: &Bounds) -> Result<Option<String>> {
    let bytes = entry.path_bytes();
    let path = std::str::from_utf8(&bytes).ok().filter(|it| !it.chars().any(char::is_control));
    let Some(path) = path else { bail!("it has an entry whose name is not plain text") };
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').filter(|it| *it != ".").collect();
    if path.starts_with('/') || path.contains(['\\', ':']) || parts.iter().any(|it| it.is_empty() || *it == "..") {
        bail!("its entry {path} would lead out of it");
    }
    if parts.len() > bounds.depth {
        bail!("its entry {path} lies more than {} folders deep", bounds.depth);
    }
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => Ok(Some(parts.join("/"))),
        EntryType::Directory | EntryType::XGlobalHeader => Ok(None),
        _ => bail!("its entry {path} is neither a file nor a folder but a link, a device or the like"),
    }
}

/// The name of a file that lies in `package/` itself and is JSON; indexes and examples are not of use.
fn ours(path: &str) -> Option<&str> {
    let name = path.strip_prefix("package/")?;
    (!name.contains('/') && !name.starts_with('.') && name.ends_with(".json")).then_some(name)
}

fn text_of(entry: &mut Entry<'_, impl Read>, bounds: &Bounds) -> Result<String> {
    let mut bytes = Vec::new();
    entry.by_ref().take(bounds.file + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bounds.file {
        bail!("is larger than {} bytes", bounds.file);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").map(<[u8]>::to_vec).unwrap_or(bytes);
    String::from_utf8(bytes).context("is not UTF-8 text")
}

/// A reader that fails where there is more than there may be: what a few bytes unpack to has no other end.
struct Capped<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.left =
            self.left.checked_sub(count as u64).ok_or_else(|| std::io::Error::other("it unpacks to too much"))?;
        Ok(count)
    }
}
