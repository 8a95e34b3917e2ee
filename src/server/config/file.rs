//! The settings file: TOML, one key for each setting, named like the flag.

use super::keys;
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

    /// Takes the text of the file at `path`; fails on keys that are no settings.
    pub(super) fn parse(path: &Path, text: &str) -> Result<File> {
        let table: toml::Table = toml::from_str(text).with_context(|| format!("{} is not TOML", path.display()))?;
        if let Some(unknown) = table.keys().find(|it| !keys().any(|known| name(known) == **it)) {
            let known: Vec<String> = keys().map(name).collect();
            bail!("{}: `{unknown}` is not a setting; the settings are {}", path.display(), known.join(", "));
        }
        Ok(File { path: path.to_owned(), table })
    }

    /// The value of a key as text, so that it is read like a flag's.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>> {
        Ok(match self.table.get(&name(key)) {
            None => None,
            Some(toml::Value::String(text)) => Some(text.clone()),
            Some(toml::Value::Integer(number)) => Some(number.to_string()),
            Some(_) => bail!("{}: only a text or a whole number can stand here", self.place(key)),
        })
    }

    /// Where a key stands, for messages.
    pub(super) fn place(&self, key: &str) -> String {
        format!("{}: {}", self.path.display(), name(key))
    }
}

/// The key as flags and files write it.
fn name(key: &str) -> String {
    key.replace('_', "-")
}
