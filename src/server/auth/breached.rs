//! Passwords that were stolen somewhere and are known to whoever guesses (NIST SP 800-63B section 5.1.1.2): a list of their
//! SHA-1 hashes in a file, as Have I Been Pwned publishes it, looked at without asking anybody.

use anyhow::{Context, bail};
use fhir::{Failure, IssueType, Result};
use sha1::{Digest, Sha1};
use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

/// Digits of a hash.
const DIGITS: usize = 40;
/// The longest line with its end: a hash and a count.
const LINE: usize = 128;

/// The list that this process looks at. FHIR's operations are plain functions and have no other way to it.
static LIST: OnceLock<Arc<List>> = OnceLock::new();

/// The setting: `none`, or a file.
#[derive(Clone, Debug)]
pub struct Breached(Option<PathBuf>);

impl FromStr for Breached {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Breached, Self::Err> {
        Ok(Breached((text != "none").then(|| text.into())))
    }
}

impl Breached {
    /// Has passwords looked up in the list from now on; fails if it is none.
    pub fn begin(&self) -> anyhow::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        let list = List::open(path).with_context(|| format!("the list of breached passwords {}", path.display()))?;
        // Settings are read once for each process.
        LIST.get_or_init(|| Arc::new(list));
        Ok(())
    }
}

/// Fails if a password stands in the list.
pub async fn refuse(password: &str) -> Result<()> {
    let Some(list) = LIST.get().cloned() else { return Ok(()) };
    let hash = hash(password);
    let found = tokio::task::spawn_blocking(move || list.has(&hash)).await.map_err(Failure::internal)?;
    match found.map_err(Failure::internal)? {
        false => Ok(()),
        true => {
            let told = "This password was stolen somewhere and is known to those who guess; choose another.";
            Err(Failure::new(IssueType::Value, told))
        }
    }
}

/// A hash as the list has it.
fn hash(password: &str) -> String {
    Sha1::digest(password).iter().map(|it| format!("{it:02X}")).collect()
}

/// Hashes in ascending order, each on a line, with a count behind a colon or without.
struct List {
    file: File,
    size: u64,
}

impl List {
    fn open(path: &PathBuf) -> anyhow::Result<List> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let list = List { file, size };
        let is_hash = |it: &str| it.len() == DIGITS && it.bytes().all(|it| it.is_ascii_hexdigit());
        match list.line(0)? {
            Some((_, first)) if is_hash(&first) => Ok(list),
            _ => bail!("it does not begin with a SHA-1 hash in 40 hexadecimal digits"),
        }
    }

    /// Whether a hash is there, by halving.
    fn has(&self, wanted: &str) -> io::Result<bool> {
        // The line begins in this range, if there is one.
        let (mut low, mut high) = (0, self.size);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.line(middle)?.filter(|(at, _)| *at < high) {
                None => high = middle,
                Some((at, hash)) => match hash.as_str().cmp(wanted) {
                    Ordering::Equal => return Ok(true),
                    Ordering::Less => low = at + 1,
                    Ordering::Greater => high = middle,
                },
            }
        }
        Ok(false)
    }

    /// Where the first line begins at this place or behind it, and its hash in capitals; `None` at the end.
    fn line(&self, from: u64) -> io::Result<Option<(u64, String)>> {
        let start = match from.checked_sub(1) {
            None => 0,
            Some(before) => {
                let bytes = self.read(before)?;
                match bytes.iter().position(|it| *it == b'\n') {
                    Some(end) => before + end as u64 + 1,
                    None if bytes.len() < LINE => return Ok(None),
                    None => return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long")),
                }
            }
        };
        let bytes = self.read(start)?;
        let digits = bytes.iter().take_while(|it| it.is_ascii_hexdigit()).map(|it| it.to_ascii_uppercase());
        let hash: String = digits.map(char::from).collect();
        Ok((!hash.is_empty()).then_some((start, hash)))
    }

    /// As many bytes from a place on as a line can have.
    fn read(&self, from: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; LINE];
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|it| !it.is_empty()) {
            match self.file.read_at(rest, from + length as u64)? {
                0 => break,
                read => length += read,
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(passwords: &[String], end: &str) -> (tempfile::TempDir, List) {
        let folder = tempfile::tempdir().unwrap();
        let mut lines: Vec<_> =
            passwords.iter().enumerate().map(|(at, it)| format!("{}:{at}{end}", hash(it))).collect();
        lines.sort();
        let path = folder.path().join("list");
        std::fs::write(&path, lines.concat()).unwrap();
        let list = List::open(&path).unwrap();
        (folder, list)
    }

    #[test]
    fn every_password_of_a_list_is_found_and_no_other() {
        for (count, end) in [(1, "\n"), (2, "\r\n"), (3, "\n"), (500, "\r\n")] {
            let passwords: Vec<String> = (0..count).map(|it| format!("password {it}")).collect();
            let (_folder, list) = list(&passwords, end);
            for password in &passwords {
                assert!(list.has(&hash(password)).unwrap(), "{password} of {count}");
                assert!(!list.has(&hash(&format!("{password}!"))).unwrap(), "{password}! of {count}");
            }
        }
    }

    #[test]
    fn a_file_that_is_no_list_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "password\n", "5BAA61E4\n"] {
            let path = folder.path().join("list");
            std::fs::write(&path, text).unwrap();
            assert!(List::open(&path).is_err(), "{text}");
        }
        assert!("none".parse::<Breached>().unwrap().begin().is_ok());
        assert!("/nowhere/at/all".parse::<Breached>().unwrap().begin().is_err());
    }

    /// FIPS 180-1, appendix A
    #[test]
    fn hashes_are_sha_1_in_capitals() {
        assert_eq!(hash("abc"), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    }
}
