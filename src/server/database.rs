//! Opens the store that `--database` names.

use crate::{clock, config, random};
use anyhow::{Context, Result, bail};
use engine::{Ambient, Engine};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::SqliteStore;

/// The folder that a database URL names.
pub fn folder(url: &str) -> Result<PathBuf> {
    match url.split_once(':') {
        Some(("sqlite", folder)) if !folder.is_empty() => {
            Ok(PathBuf::from(folder.strip_prefix("//").unwrap_or(folder)))
        }
        Some(("postgres" | "postgresql", _)) => {
            bail!("this version keeps data in SQLite only; give --database sqlite:DIRECTORY")
        }
        _ => bail!("`{url}` is not a database URL; give --database sqlite:DIRECTORY, such as sqlite:./data"),
    }
}

/// Opens the store.
pub async fn open(settings: &config::Store) -> Result<SqliteStore> {
    let folder = folder(&settings.database)?;
    SqliteStore::open(&folder, clock::now_ms, settings.query_time.duration())
        .await
        .with_context(|| format!("cannot open the data folder {}", folder.display()))
}

/// An engine on a store, with this machine's clock and randomness, and with every feature's operations.
pub fn engine(store: Arc<SqliteStore>, settings: engine::Settings) -> Engine {
    let ambient = Ambient { now_ms: clock::now_ms, new_id: random::id };
    Engine::new(store, settings, ambient, features::operations())
}

/// Proof that this process alone writes into the data folder; gives it up when dropped or when the process ends,
/// however it ends.
pub struct Lock {
    _file: File,
}

/// Takes the data folder for this process. A tenant's writer assumes that it is the only one.
pub fn lock(settings: &config::Store) -> Result<Lock> {
    let folder = folder(&settings.database)?;
    let file = lock_file(&folder).with_context(|| format!("cannot use the data folder {}", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => bail!(
            "another medisync process is using the data folder {}; stop it first, or send the data to it over HTTP",
            folder.display()
        ),
        Err(TryLockError::Error(cause)) => Err(cause).context("cannot lock the data folder"),
    }
}

fn lock_file(folder: &Path) -> std::io::Result<File> {
    SqliteStore::make_folder(folder)?;
    File::options().create(true).truncate(false).write(true).open(folder.join("lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_names_a_folder() {
        assert_eq!(folder("sqlite:./data").unwrap(), Path::new("./data"));
        assert_eq!(folder("sqlite:///var/lib/medisync").unwrap(), Path::new("/var/lib/medisync"));
        for wrong in ["postgres://db/medisync", "sqlite:", "./data"] {
            assert!(folder(wrong).unwrap_err().to_string().contains("--database sqlite:"), "{wrong}");
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let settings =
            config::Store { database: format!("sqlite:{}", place.path().display()), query_time: "1s".parse().unwrap() };
        let first = lock(&settings).unwrap();
        assert!(lock(&settings).is_err());
        drop(first);
        assert!(lock(&settings).is_ok());
    }
}
