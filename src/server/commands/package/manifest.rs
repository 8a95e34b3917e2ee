//! `package.json`: what a FHIR package says of itself (FHIR NPM Package Specification).

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is always there: the tables that this program is compiled with.
const CORE: &str = "hl7.fhir.r4.core";
/// The longest name and version; together they make an id.
const LONGEST: usize = 60;

/// What a package says of itself, as far as it is of use.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `hl7.fhir.uv.ips`.
    pub name: String,
    /// `2.0.0`.
    pub version: String,
    /// What people call it.
    pub title: Option<String>,
    /// What its resources' URLs begin with.
    pub canonical: Option<String>,
    #[serde(default, alias = "fhir-version-list")]
    fhir_versions: Vec<String>,
    /// The packages that it builds on, with their versions.
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads it; fails if the package is not for R4, or is not named as packages are.
    pub fn read(text: &str) -> Result<Manifest> {
        let manifest: Manifest = serde_json::from_str(text).context("cannot be read")?;
        if !is_plain(&manifest.name) || !is_plain(&manifest.version) {
            bail!("names it by other than letters, digits, '.' and '-'");
        }
        if manifest.id().len() > LONGEST {
            bail!("gives it a name and version of more than {LONGEST} characters");
        }
        if !manifest.is_for_r4() {
            bail!("does not say that the package is for FHIR R4 (4.0)");
        }
        Ok(manifest)
    }

    fn is_for_r4(&self) -> bool {
        let is_r4 = |it: &String| it == "4.0" || it.starts_with("4.0.");
        self.fhir_versions.iter().any(is_r4) || self.fhir_versions.is_empty() && self.dependencies.contains_key(CORE)
    }

    /// Name and version, as an id.
    pub fn id(&self) -> String {
        id(&self.name, &self.version)
    }

    /// The packages that must be installed beside it, and in which versions.
    pub fn needs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.dependencies.iter().filter(|(name, _)| *name != CORE).map(|(name, version)| (&**name, &**version))
    }
}

/// Whether this may be a name or a version.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-'))
}

/// The id of a package.
pub fn id(name: &str, version: &str) -> String {
    format!("{name}-{version}")
}

/// Whether a version is what a dependency asks for: `1.1.0`, `1.1.x`, or whatever there is (`latest`, `current`, `dev`).
pub fn is_asked(version: &str, asked: &str) -> bool {
    match asked.strip_suffix(".x") {
        Some(start) => version.strip_prefix(start).is_some_and(|it| it.starts_with('.')),
        None => version == asked || matches!(asked, "latest" | "current" | "dev"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_for_r4() {
        let read = |rest: &str| Manifest::read(&format!(r#"{{"name":"a.b","version":"1.0.0-x"{rest}}}"#));
        assert_eq!(read(r#","fhirVersions":["4.0.1"]"#).unwrap().id(), "a.b-1.0.0-x");
        assert!(read(r#","fhir-version-list":["4.0.0","5.0.0"]"#).is_ok());
        let of_core = read(r#","dependencies":{"hl7.fhir.r4.core":"4.0.1","c":"1.0.0"}"#).unwrap();
        assert_eq!(of_core.needs().collect::<Vec<_>>(), [("c", "1.0.0")]);
        for other in ["", r#","fhirVersions":["4.3.0"]"#, r#","fhirVersions":["3.0.2","40.0"]"#] {
            assert!(read(other).unwrap_err().to_string().contains("for FHIR R4"), "{other}");
        }
    }

    #[test]
    fn a_name_is_plain() {
        for (name, version) in
            [("", "1"), ("a", ""), ("a/b", "1"), ("a b", "1"), ("..\\a", "1"), (&"a".repeat(60), "1")]
        {
            let text = serde_json::json!({ "name": name, "version": version, "fhirVersions": ["4.0.1"] }).to_string();
            assert!(Manifest::read(&text).is_err(), "{name} {version}");
        }
        assert!(Manifest::read("[]").is_err());
    }

    #[test]
    fn versions_are_asked_for_exactly_or_by_their_start() {
        for (version, asked) in [("1.1.0", "1.1.0"), ("1.1.4", "1.1.x"), ("1.1.4", "1.x"), ("7", "current")] {
            assert!(is_asked(version, asked), "{version} {asked}");
        }
        for (version, asked) in [("1.1.0", "1.1.1"), ("1.10.0", "1.1.x"), ("1.1", "1.1.x")] {
            assert!(!is_asked(version, asked), "{version} {asked}");
        }
    }
}
