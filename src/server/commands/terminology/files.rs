//! A release's files, in folders and in archives.

use anyhow::{Context, Result, bail};
use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use indicatif::ProgressBar;
use std::fs::File;
use std::io::{BufRead, BufReader, Error, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use zip::{CompressionMethod, ZipArchive};

/// How deep folders may lie within one another.
const DEPTH: usize = 32;
/// Bytes that are read from the disk at once.
const BUFFER: usize = 1 << 18;

/// Files by their paths within the release.
pub struct ReleaseFiles {
    files: Vec<(String, Place)>,
    bar: Option<ProgressBar>,
}

/// Where a file is.
enum Place {
    Plain(PathBuf),
    /// In an archive.
    Packed(Packed),
}

#[derive(Clone)]
struct Packed {
    archive: PathBuf,
    /// Where its bytes begin, and how many there are.
    start: u64,
    size: u64,
    is_deflated: bool,
    /// What it must be when it is unpacked.
    unpacked: u64,
    checksum: u32,
}

impl ReleaseFiles {
    /// Everything at these paths, of folders and archives all that is in them.
    pub fn find(paths: &[PathBuf]) -> Result<ReleaseFiles> {
        let mut files = Vec::new();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            collect(path, name, 0, &mut files).with_context(|| format!("cannot read {}", path.display()))?;
        }
        Ok(ReleaseFiles { files, bar: None })
    }

    /// Shows by a bar how much of the files is read.
    pub fn shown_by(mut self, bar: &ProgressBar) -> ReleaseFiles {
        self.bar = Some(bar.clone());
        self
    }
}

impl features::ReleaseFiles for ReleaseFiles {
    fn names(&self) -> Vec<String> {
        self.files.iter().map(|(name, _)| name.clone()).collect()
    }

    fn open<'f>(&'f self, name: &str) -> std::io::Result<Box<dyn BufRead + 'f>> {
        let (_, place) = self.files.iter().find(|it| it.0 == name).ok_or(std::io::ErrorKind::NotFound)?;
        let (source, size): (Box<dyn Read + 'f>, u64) = match place {
            Place::Plain(path) => {
                let file = File::open(path)?;
                let size = file.metadata()?.len();
                (Box::new(file), size)
            }
            Place::Packed(packed) => (packed.open()?, packed.unpacked),
        };
        let source: Box<dyn Read + 'f> = match &self.bar {
            Some(bar) => {
                bar.set_position(0);
                bar.set_length(size);
                Box::new(bar.wrap_read(source))
            }
            None => source,
        };
        Ok(Box::new(BufReader::with_capacity(BUFFER, source)))
    }
}

/// Adds what is at a path; links within folders are not followed.
fn collect(path: &Path, name: String, depth: usize, files: &mut Vec<(String, Place)>) -> Result<()> {
    if path.is_dir() {
        if depth >= DEPTH {
            bail!("{} lies in too many folders", path.display());
        }
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if !entry.file_type()?.is_symlink() {
                let within = format!("{name}/{}", entry.file_name().to_string_lossy());
                collect(&entry.path(), within, depth + 1, files)?;
            }
        }
    } else if depth == 0 && name.to_ascii_lowercase().ends_with(".zip") {
        unpack(path, &name, files)?;
    } else {
        files.push((name, Place::Plain(path.to_owned())));
    }
    Ok(())
}

/// Adds the files of an archive. Their names are never used as paths.
fn unpack(path: &Path, name: &str, files: &mut Vec<(String, Place)>) -> Result<()> {
    let mut archive = ZipArchive::new(File::open(path)?)?;
    for at in 0..archive.len() {
        let file = archive.by_index(at)?;
        if !file.is_file() {
            continue;
        }
        let within = file.name()?.into_owned();
        let is_deflated = match file.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => bail!("{within} is packed by {other}, which is not supported; unpack the archive"),
        };
        let packed = Packed {
            archive: path.to_owned(),
            start: file.data_start().context("the archive is damaged")?,
            size: file.compressed_size(),
            is_deflated,
            unpacked: file.size(),
            checksum: file.crc32(),
        };
        files.push((format!("{name}/{within}"), Place::Packed(packed)));
    }
    Ok(())
}

impl Packed {
    fn open(&self) -> std::io::Result<Box<dyn Read>> {
        let mut file = File::open(&self.archive)?;
        file.seek(SeekFrom::Start(self.start))?;
        let packed = BufReader::with_capacity(BUFFER, file).take(self.size);
        let source: Box<dyn Read> = match self.is_deflated {
            true => Box::new(DeflateDecoder::new(packed)),
            false => Box::new(packed),
        };
        // One byte more than there should be is enough to see that there is more.
        let source = CrcReader::new(source.take(self.unpacked.saturating_add(1)));
        Ok(Box::new(Checked { source, unpacked: self.unpacked, checksum: self.checksum, read: 0 }))
    }
}

/// Fails at its end if it was not what the archive says.
struct Checked<R> {
    source: CrcReader<R>,
    unpacked: u64,
    checksum: u32,
    read: u64,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read += count as u64;
        let is_end = count == 0 && !buffer.is_empty();
        if is_end && (self.read, self.source.crc().sum()) != (self.unpacked, self.checksum) {
            return Err(Error::other("the archive is damaged"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use features::ReleaseFiles as _;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// An archive with a file packed in each way.
    fn archive() -> Vec<u8> {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, method) in [("a/x.txt", CompressionMethod::Deflated), ("y.txt", CompressionMethod::Stored)] {
            writer.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(name.repeat(1000).as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn text(files: &ReleaseFiles, name: &str) -> std::io::Result<String> {
        let mut text = String::new();
        files.open(name)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn folders_and_archives_are_looked_into() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("b")).unwrap();
        std::fs::write(place.path().join("b/z.txt"), "z").unwrap();
        let zip = place.path().join("release.zip");
        std::fs::write(&zip, archive()).unwrap();
        let files = ReleaseFiles::find(&[place.path().join("b"), zip.clone()]).unwrap();
        let mut names = files.names();
        names.sort();
        assert_eq!(names, ["b/z.txt", "release.zip/a/x.txt", "release.zip/y.txt"]);
        assert_eq!(text(&files, "b/z.txt").unwrap(), "z");
        assert_eq!(text(&files, "release.zip/a/x.txt").unwrap(), "a/x.txt".repeat(1000));
        assert_eq!(text(&files, "release.zip/y.txt").unwrap(), "y.txt".repeat(1000));
        assert!(ReleaseFiles::find(&[place.path().join("nothing.zip")]).is_err());

        let mut damaged = archive();
        let at = damaged.windows(5).rposition(|it| it == b"y.txt").map(|_| damaged.len() / 2).unwrap();
        damaged[at] ^= 1;
        std::fs::write(&zip, damaged).unwrap();
        let files = ReleaseFiles::find(&[zip]).unwrap();
        assert!(text(&files, "release.zip/y.txt").is_err());
    }
}
