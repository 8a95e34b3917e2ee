//! Where packages are found: in a file that is named, or by name in the folder of packages.

use super::archive::{Archive, Bounds};
use super::manifest::Manifest;
use anyhow::{Context, Result, bail};
use fhir::terminology::{Kind, published};
use fhir::validate::Profiles;
use std::cmp::Ordering;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The package that is compiled in: our own profiles.
pub const OURS: &str = "medisync.fhir.r4";
/// What our profiles bind codes to.
const BLOOD_TYPE: &str = "https://medisync.dev/fhir/ValueSet/blood-type";
/// How a package's file ends.
const ENDING: &str = ".tgz";

/// Reads what is named: our own profiles, a file, or `NAME[@VERSION]` in the folder, the greatest version where none is said.
pub fn open(named: &str, folder: &Path) -> Result<Archive> {
    if named == OURS {
        return ours();
    }
    let path = find(named, folder)?;
    let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Archive::read(file, &Bounds::default()).with_context(|| format!("{} is refused", path.display()))
}

/// The package that is compiled in.
fn ours() -> Result<Archive> {
    let version = env!("CARGO_PKG_VERSION");
    let manifest = format!(
        r#"{{"name":"{OURS}","version":"{version}","title":"Profiles of MediSync","fhirVersions":["4.0.1"],"canonical":"https://medisync.dev/fhir"}}"#
    );
    let definition = |(id, json): &(&str, &str)| (format!("StructureDefinition-{id}.json"), (*json).to_owned());
    let mut files: Vec<(String, String)> = Profiles::ours().iter().map(definition).collect();
    let value_set = published(Kind::ValueSet, BLOOD_TYPE);
    files.extend(value_set.map(|it| ("ValueSet-blood-type.json".to_owned(), it.root().raw().to_owned())));
    Ok(Archive { manifest: Manifest::read(&manifest)?, files })
}

fn find(named: &str, folder: &Path) -> Result<PathBuf> {
    if named.ends_with(ENDING) || named.contains(['/', '\\']) {
        return Ok(PathBuf::from(named));
    }
    let (name, asked) = named.split_once('@').map_or((named, None), |(name, version)| (name, Some(version)));
    let mut versions = versions(name, folder)?;
    versions.retain(|it| asked.is_none_or(|asked| it == asked));
    match versions.into_iter().max_by(|a, b| by_parts(a, b)) {
        Some(version) => Ok(folder.join(format!("{name}-{version}{ENDING}"))),
        None => bail!(
            "the folder of packages, {} (--package-folder), has no {name}-{}{ENDING}; packages are not fetched over the \
             network: put the file there, as `npm pack` writes it, or name the file",
            folder.display(),
            asked.unwrap_or("VERSION")
        ),
    }
}

/// The versions of a package that lie in a folder; none where there is no folder.
fn versions(name: &str, folder: &Path) -> Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut all = Vec::new();
    for entry in entries {
        let file = entry?.file_name();
        let version = file.to_str().and_then(|it| it.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(ENDING));
        // `a-b-1.tgz` is no version of `a`.
        all.extend(version.filter(|it| it.starts_with(|it: char| it.is_ascii_digit())).map(str::to_owned));
    }
    Ok(all)
}

/// Semantic versions by their numbers; what is before a release (`1.0.0-ballot`) comes before it.
fn by_parts(a: &str, b: &str) -> Ordering {
    let split = |it: &str| {
        let (release, label) = it.split_once('-').map_or((it, None), |(release, label)| (release, Some(label)));
        let numbers: Vec<u64> = release.split('.').map(|it| it.parse().unwrap_or(0)).collect();
        (numbers, label.is_none(), label.unwrap_or_default().to_owned())
    };
    split(a).cmp(&split(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_version_is_taken_unless_one_is_said() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.b-1.9.0.tgz", "a.b-1.10.0.tgz", "a.b-1.10.0-ballot.tgz", "a.b-c-2.0.0.tgz", "a.b-3.0.0.zip"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let found = |named: &str| find(named, folder.path()).map(|it| it.file_name().unwrap().to_owned());
        assert_eq!(found("a.b").unwrap(), "a.b-1.10.0.tgz");
        assert_eq!(found("a.b@1.9.0").unwrap(), "a.b-1.9.0.tgz");
        assert!(found("a.b@3.0.0").unwrap_err().to_string().contains("has no a.b-3.0.0.tgz"));
        assert!(find("a", &folder.path().join("none")).is_err());
        assert_eq!(find("elsewhere/x.tgz", folder.path()).unwrap(), Path::new("elsewhere/x.tgz"));
    }
}
