//! Where packages are found: in a file that is named, or by name in the folder of packages and then in a registry.

use super::archive::{Archive, Bounds};
use super::manifest::{self, Manifest, is_asked};
use super::registry::Registry;
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

/// Where packages are looked for.
pub struct Sources {
    folder: PathBuf,
    registry: Option<Registry>,
}

impl Sources {
    /// A folder, and perhaps a registry behind it.
    pub fn new(folder: PathBuf, registry: Option<Registry>) -> Sources {
        Sources { folder, registry }
    }

    /// Reads what is named: our own profiles, a file, or `NAME[@VERSION]`, the greatest version where none is said.
    pub async fn open(&self, named: &str) -> Result<Archive> {
        if named == OURS {
            return ours();
        }
        if named.ends_with(ENDING) || named.contains(['/', '\\']) {
            return read(Path::new(named));
        }
        let (name, asked) = named.split_once('@').map_or((named, None), |(name, version)| (name, Some(version)));
        self.named(name, asked).await
    }

    /// A package by name: from the folder, or else from the registry.
    pub async fn named(&self, name: &str, asked: Option<&str>) -> Result<Archive> {
        if !manifest::is_plain(name) {
            bail!("{name:?} is no package's name: that is letters, digits, '.' and '-'");
        }
        if let Some(path) = find(name, asked, &self.folder)? {
            return read(&path);
        }
        let folder = self.folder.display();
        let lacking =
            format!("the folder of packages, {folder} (--package-folder), has no {name}@{}", asked.unwrap_or("latest"));
        match &self.registry {
            Some(registry) => {
                let told = || {
                    format!(
                        "{lacking}, and the registry {} (--package-registry) did not give it; put its file into the folder, or ask another registry",
                        registry.url()
                    )
                };
                registry.fetch(name, asked).await.with_context(told)
            }
            None => bail!(
                "{lacking}, and no registry is asked (--package-registry none); put its file into the folder, or name a registry"
            ),
        }
    }
}

fn read(path: &Path) -> Result<Archive> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Archive::read(file, &Bounds::default())
        .with_context(|| format!("{} is refused: a package is a .tgz as `npm pack` makes it", path.display()))
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

/// The file of the greatest version that is asked for.
fn find(name: &str, asked: Option<&str>, folder: &Path) -> Result<Option<PathBuf>> {
    let mut versions = versions(name, folder)?;
    versions.retain(|it| asked.is_none_or(|asked| is_asked(it, asked)));
    let greatest = versions.into_iter().max_by(|a, b| by_parts(a, b));
    Ok(greatest.map(|it| folder.join(format!("{name}-{it}{ENDING}"))))
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
pub fn by_parts(a: &str, b: &str) -> Ordering {
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
        let found = |asked: Option<&str>| {
            let path = find("a.b", asked, folder.path()).unwrap();
            path.map(|it| it.file_name().unwrap().to_string_lossy().into_owned())
        };
        assert_eq!(found(None).unwrap(), "a.b-1.10.0.tgz");
        assert_eq!(found(Some("1.9.0")).unwrap(), "a.b-1.9.0.tgz");
        assert_eq!(found(Some("1.9.x")).unwrap(), "a.b-1.9.0.tgz");
        assert_eq!(found(Some("3.0.0")), None);
        assert_eq!(find("a", None, &folder.path().join("none")).unwrap(), None);
    }
}
