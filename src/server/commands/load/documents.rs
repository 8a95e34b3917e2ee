//! From paths to JSON documents, one at a time.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The files to load, in order.
pub struct Files {
    paths: Vec<PathBuf>,
    /// The largest document.
    limit: usize,
    /// Sizes of all files, as they lie on disk.
    pub bytes: u64,
    /// How much of that was read.
    pub read: AtomicU64,
}

impl Files {
    /// Files as they were named, and those in folders that were named, sorted by name.
    pub fn find(named: &[PathBuf], limit: usize) -> Result<Files> {
        let mut paths = Vec::new();
        for path in named {
            if path.is_dir() {
                collect(path, &mut paths)?;
            } else {
                paths.push(path.clone());
            }
        }
        let mut bytes = 0;
        for path in &paths {
            bytes += std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        }
        Ok(Files { paths, limit, bytes, read: AtomicU64::new(0) })
    }

    /// Whether there is nothing to load.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// A document's place as people find it: its file, and its line where the file holds several.
    pub fn place(&self, place: Place) -> String {
        let path = self.paths.get(place.file).map_or(Path::new(""), |it| it);
        match place.line {
            Some(line) => format!("{} line {line}", path.display()),
            None => path.display().to_string(),
        }
    }

    /// Whether the documents of a file are XML.
    pub fn is_xml(&self, place: Place) -> bool {
        let name = self.paths.get(place.file).and_then(|it| it.file_name()).unwrap_or_default().to_string_lossy();
        plain(&name.to_ascii_lowercase()).ends_with(".xml")
    }

    /// Reads the documents of one file in order, until `take` returns false.
    pub fn read(&self, file: usize, mut take: impl FnMut(Place, Bytes) -> bool) -> Result<()> {
        let Some(path) = self.paths.get(file) else { return Ok(()) };
        let source = Counted { file: File::open(path)?, read: &self.read };
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (plain, mut source): (&str, Box<dyn BufRead + '_>) = if let Some(plain) = name.strip_suffix(".gz") {
            (plain, Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(source))))
        } else if let Some(plain) = name.strip_suffix(".bz2") {
            (plain, Box::new(BufReader::with_capacity(1 << 16, MultiBzDecoder::new(source))))
        } else {
            (name.as_str(), Box::new(BufReader::with_capacity(1 << 16, source)))
        };
        if is_lines(plain) {
            return self.lines(file, &mut source, take);
        }
        let body = self.limited(|limit, body| source.by_ref().take(limit).read_to_end(body))?;
        take(Place { file, line: None }, body.into());
        Ok(())
    }

    fn lines(&self, file: usize, source: &mut dyn BufRead, mut take: impl FnMut(Place, Bytes) -> bool) -> Result<()> {
        for number in 1.. {
            let line = self.limited(|limit, line| source.take(limit).read_until(b'\n', line))?;
            if line.is_empty() {
                break;
            }
            let text = line.trim_ascii();
            if !text.is_empty() && !take(Place { file, line: Some(number) }, Bytes::copy_from_slice(text)) {
                break;
            }
        }
        Ok(())
    }

    /// Reads a document of at most the limit.
    fn limited(&self, read: impl FnOnce(u64, &mut Vec<u8>) -> std::io::Result<usize>) -> Result<Vec<u8>> {
        let mut document = Vec::new();
        read(self.limit as u64 + 1, &mut document)?;
        if document.len() > self.limit {
            bail!("a document is larger than {} bytes (--max-unpacked)", self.limit);
        }
        Ok(document)
    }
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Position of the file in [`Files`].
    pub file: usize,
    /// Line, counted from 1, in a file that holds a document a line.
    pub line: Option<usize>,
}

/// A file that counts what is read from it.
struct Counted<'a> {
    file: File,
    read: &'a AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Adds the files to load of a folder and its folders, sorted by name. Links are not followed.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).and_then(|it| it.collect::<std::io::Result<Vec<_>>>());
    let mut entries = entries.with_context(|| format!("cannot read the folder {}", folder.display()))?;
    entries.sort_by_key(|it| it.file_name());
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() && is_ours(&entry.file_name().to_string_lossy()) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Whether a file in a folder is to be loaded.
fn is_ours(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = plain(&name);
    [".json", ".xml"].iter().any(|it| plain.ends_with(it)) || is_lines(plain)
}

/// A file's name without the ending of its compression.
fn plain(name: &str) -> &str {
    name.strip_suffix(".gz").or(name.strip_suffix(".bz2")).unwrap_or(name)
}

/// Whether a file of this name holds one document a line.
fn is_lines(plain: &str) -> bool {
    plain.ends_with(".ndjson") || plain.ends_with(".jsonl")
}
