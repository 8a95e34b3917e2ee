//! The settings file: TOML, one key for each setting, named like the flag.

use super::schema;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Read where no `--config` is given, if it is there.
const USUAL: &str = "medisync.toml";

/// What a settings file says; empty where there is none.
#[derive(Debug, Default)]
pub struct File {
    path: PathBuf,
    table: toml::Table,
}

impl File {
    /// Reads the file that was named, or `medisync.toml` in the working folder if it is there.
    pub fn find(named: Option<&Path>) -> Result<File> {
        match named {
            Some(path) => File::read(path),
            None if Path::new(USUAL).exists() => File::read(Path::new(USUAL)),
            None => Ok(File::default()),
        }
    }

    fn read(path: &Path) -> Result<File> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file {}", path.display()))?;
        File::parse(path, &text)
    }

    /// Takes the text of the file at `path`; fails with all that is wrong by the schema of settings.
    pub(super) fn parse(path: &Path, text: &str) -> Result<File> {
        let table: toml::Table = toml::from_str(text).with_context(|| format!("{} is not TOML", path.display()))?;
        let problems = schema::problems(&table);
        if !problems.is_empty() {
            bail!("{}: {}", path.display(), problems.join("; "));
        }
        Ok(File { path: path.to_owned(), table })
    }

    /// The value of a key as text, so that it is read like a flag's.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>> {
        let Some(value) = self.table.get(&name(key)) else { return Ok(None) };
        let text = scalar(value);
        text.map(Some).with_context(|| format!("{}: only a text or a whole number can stand here", self.place(key)))
    }

    /// Where a key stands, for messages.
    pub(super) fn place(&self, key: &str) -> String {
        format!("{}: {}", self.path.display(), name(key))
    }
}

/// A text or a whole number as a flag would have it.
pub(super) fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The key as flags and files write it.
pub(super) fn name(key: &str) -> String {
    key.replace('_', "-")
}
