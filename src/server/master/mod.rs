//! The master key, by which tenants' keys are wrapped, as the settings say where it is.

mod vault;

use crate::config::{self, MasterKey, Place};
use crate::random;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Keeper, KeyFile, Master, SqliteStore, Unwrapped};
use vault::Vault;

/// The file in a data folder that is made where nothing is said.
const FILE: &str = "master.keys";

/// What wraps and unwraps tenants' keys.
pub async fn keeper(settings: &config::Store) -> Result<Arc<Keeper>> {
    Ok(Arc::new(Keeper::new(master(settings).await?, random::fill)))
}

async fn master(settings: &config::Store) -> Result<Arc<dyn Master>> {
    let wrong = || format!("the master key {} cannot be used", settings.master_key);
    Ok(match &settings.master_key {
        MasterKey::None => Arc::new(Unwrapped),
        MasterKey::Auto => match settings.database.place()? {
            Place::Folder(folder) => Arc::new(in_folder(&folder).await.with_context(wrong)?),
            // A file of this machine's would lock other nodes out.
            Place::Postgres => Arc::new(Unwrapped),
        },
        MasterKey::File(path) => Arc::new(KeyFile::open(path, random::fill).with_context(wrong)?),
        MasterKey::Variable(name) => {
            let text = std::env::var(name).with_context(|| format!("the variable {name} is not set"));
            Arc::new(KeyFile::of(&text.with_context(wrong)?, random::fill).with_context(wrong)?)
        }
        MasterKey::Vault(transit) => {
            let vault = Vault::new(transit, &settings.vault_token, &settings.vault_authorities);
            Arc::new(vault.with_context(wrong)?)
        }
    })
}

/// The keys in a data folder, made where there are none yet.
async fn in_folder(folder: &Path) -> Result<KeyFile> {
    let path = folder.join(FILE);
    if !path.exists() {
        if folder.join("directory.sqlite").exists() && SqliteStore::is_wrapped(folder).await? {
            bail!(
                "{} is missing, and the tenants' keys are wrapped by it: put it back from where it is kept, or say by \
                 --master-key where the master key is",
                path.display()
            );
        }
        SqliteStore::make_folder(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        KeyFile::make(&path, &format!("made-{}", crate::clock::today()), random::fill)?;
        tracing::warn!(
            file = %path.display(),
            "a master key was made beside the data. Keep a copy elsewhere: without it all records are lost; and for production have \
             it elsewhere altogether, by --master-key"
        );
    }
    Ok(KeyFile::open(&path, random::fill)?)
}

/// The file that master keys are in, if they are.
pub fn file(settings: &config::Store) -> Result<Option<PathBuf>> {
    Ok(match &settings.master_key {
        MasterKey::File(path) => Some(path.clone()),
        MasterKey::Auto => match settings.database.place()? {
            Place::Folder(folder) => Some(folder.join(FILE)),
            Place::Postgres => None,
        },
        _ => None,
    })
}

/// Whether there is no master key.
pub fn is_none(settings: &config::Store) -> Result<bool> {
    Ok(match settings.master_key {
        MasterKey::None => true,
        MasterKey::Auto => settings.database.place()? == Place::Postgres,
        _ => false,
    })
}

/// Says loudly where tenants' keys lie open in the database.
pub fn warn_of_none(settings: &config::Store) -> Result<()> {
    if is_none(settings)? {
        tracing::warn!(
            "no master key is configured: tenants' keys lie OPEN in the database, for whoever has it or a backup of it; in \
             production set --master-key"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path, master_key: &str) -> config::Store {
        let mut settings = config::StoreFlags::default().resolve(&config::File::default()).unwrap();
        settings.database = format!("sqlite:{}", folder.display()).parse().unwrap();
        settings.master_key = master_key.parse().unwrap();
        settings
    }

    #[tokio::test]
    async fn a_lost_file_is_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), "auto");
        let store = crate::database::open(&settings).await.unwrap();
        crate::tenants::create(&*store, "north").await.unwrap();
        store.close().await;
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        let refused = crate::database::open(&settings).await.err().unwrap();
        assert!(format!("{refused:#}").contains("master.keys is missing"), "{refused:#}");
    }

    #[tokio::test]
    async fn a_variable_that_is_not_set_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = master(&settings(folder.path(), "env:MEDISYNC_NO_SUCH_VARIABLE")).await.err().unwrap();
        assert!(format!("{refused:#}").contains("MEDISYNC_NO_SUCH_VARIABLE is not set"), "{refused:#}");
    }
}
