//! What packages build on: the packages that are named, those that these need, and so on, each behind what it needs.

use super::archive::Archive;
use super::manifest::is_asked;
use super::record::Installed;
use super::source::Sources;
use anyhow::{Result, bail};

/// The most packages that are installed at a time, and the most bytes of JSON in them.
const MOST_PACKAGES: usize = 64;
const MOST_BYTES: usize = 1 << 30;

/// Packages to be installed, in that order, and why others that they need are not among them.
#[derive(Default)]
pub struct Resolved {
    /// What others need comes first.
    pub archives: Vec<Archive>,
    /// A sentence for each that could not be had.
    pub failed: Vec<String>,
}

/// A package that waits for what it needs.
struct Waiting {
    archive: Archive,
    /// Names and versions of what is still to be looked at.
    needs: Vec<(String, String)>,
}

impl Waiting {
    fn new(archive: Archive) -> Waiting {
        let needs = archive.manifest.needs().map(|(name, version)| (name.to_owned(), version.to_owned()));
        let needs = needs.collect();
        Waiting { archive, needs }
    }
}

/// Finds what packages need and is not installed, and orders all of them.
pub async fn resolve(named: Vec<Archive>, sources: &Sources, installed: &[Installed]) -> Result<Resolved> {
    let mut found = Resolved::default();
    let mut asked: Vec<(String, String)> = Vec::new();
    let mut count = named.len();
    for archive in named {
        let mut waiting = vec![Waiting::new(archive)];
        while let Some(last) = waiting.last_mut() {
            let Some((name, version)) = last.needs.pop() else {
                found.archives.extend(waiting.pop().map(|it| it.archive));
                continue;
            };
            let is_there =
                |archive: &Archive| archive.manifest.name == name && is_asked(&archive.manifest.version, &version);
            let is_known = installed.iter().any(|it| it.is(&name, &version))
                || found.archives.iter().chain(waiting.iter().map(|it| &it.archive)).any(is_there)
                || asked.contains(&(name.clone(), version.clone()));
            if is_known {
                continue;
            }
            asked.push((name.clone(), version.clone()));
            count += 1;
            if count > MOST_PACKAGES {
                bail!("the packages build on more than {MOST_PACKAGES} others");
            }
            match sources.named(&name, Some(&version)).await {
                Ok(archive) => waiting.push(Waiting::new(archive)),
                Err(cause) => found.failed.push(format!(
                    "{name}@{version} could not be had: {cause:#}. What needs it is installed without it; to have it as well, put its \
                     file into the folder of packages (--package-folder) and install again."
                )),
            }
            let all = found.archives.iter().chain(waiting.iter().map(|it| &it.archive));
            let bytes: usize = all.flat_map(|it| &it.files).map(|(_, text)| text.len()).sum();
            if bytes > MOST_BYTES {
                bail!("the packages hold more than {MOST_BYTES} bytes of JSON");
            }
        }
    }
    found.archives.dedup_by(|later, first| later.manifest.id() == first.manifest.id());
    Ok(found)
}
