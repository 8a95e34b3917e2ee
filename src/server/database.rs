//! Opens the store that `--database` names.

use crate::config::Place;
use crate::{clock, config, random};
use anyhow::{Context, Result, bail};
use engine::{Ambient, Engine};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use store::{SqliteStore, Store};

/// Opens the store.
pub async fn open(settings: &config::Store) -> Result<Arc<dyn Store>> {
    let query_time = settings.query_time.duration();
    match settings.database.place()? {
        Place::Folder(folder) => {
            let store = SqliteStore::open(&folder, clock::now_ms, query_time).await;
            Ok(Arc::new(store.with_context(|| format!("cannot open the data folder {}", folder.display()))?))
        }
        Place::Postgres => bail!("this version keeps data in SQLite only; give --database sqlite:DIRECTORY"),
    }
}

/// An engine on a store, with this machine's clock and randomness, and with every feature's operations.
pub fn engine(store: Arc<dyn Store>, settings: engine::Settings) -> Engine {
    let ambient = Ambient { now_ms: clock::now_ms, new_id: random::id };
    Engine::new(store, settings, ambient, features::operations())
}

/// Proof that this process alone writes into the data folder; gives it up when dropped or when the process ends,
/// however it ends. Nothing is locked on PostgreSQL, which many processes share.
pub struct Lock {
    _file: Option<File>,
}

/// Takes the data folder for this process. A tenant's writer assumes that it is the only one.
pub fn lock(settings: &config::Store) -> Result<Lock> {
    let Place::Folder(folder) = settings.database.place()? else { return Ok(Lock { _file: None }) };
    let file = lock_file(&folder).with_context(|| format!("cannot use the data folder {}", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: Some(file) }),
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
    fn one_process_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let mut settings = config::StoreFlags::default().resolve(&config::File::default()).unwrap();
        settings.database = format!("sqlite:{}", place.path().display()).parse().unwrap();
        let first = lock(&settings).unwrap();
        assert!(lock(&settings).is_err());
        drop(first);
        assert!(lock(&settings).is_ok());
    }
}
