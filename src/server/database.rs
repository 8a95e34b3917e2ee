//! Opens the store that `--database` names.

use crate::config::Place;
use crate::{auth, clock, config, master, random};
use anyhow::{Context, Result, bail};
use engine::{Ambient, Engine, Operation};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use store::{
    Move, Moved, Moving, PostgresSettings, PostgresStore, Residence, SqliteStore, Stale, Store, Swept, Upgraded,
    Upgrading,
};

/// Opens the store, brought up to date where need be.
pub async fn open(settings: &config::Store) -> Result<Arc<dyn Store>> {
    open_for(settings, Residence::default()).await
}

/// The same, to make tenants that are kept there.
pub async fn open_for(settings: &config::Store, residence: Residence) -> Result<Arc<dyn Store>> {
    let query_time = settings.query_time.duration();
    match settings.database.place()? {
        Place::Folder(_) if residence != Residence::default() => {
            bail!("placements and regions are PostgreSQL's; SQLite has a file for each tenant")
        }
        Place::Folder(_) if settings.read_database.given().is_some() => {
            bail!("--read-database names a standby of a PostgreSQL; SQLite has none")
        }
        Place::Folder(folder) => {
            let keeper = master::keeper(settings).await?;
            let store = SqliteStore::open(&folder, clock::now_ms, query_time, keeper).await;
            Ok(Arc::new(store.with_context(|| format!("cannot open the data folder {}", folder.display()))?))
        }
        Place::Postgres => {
            let settings_of_store = PostgresSettings {
                clock: clock::now_ms,
                query_time,
                write_time: settings.write_time.duration(),
                text_folder: settings.text_folder.clone(),
                connections: settings.database_connections,
                residence,
                regions: settings.regions.names(),
                read_url: read_url(settings)?,
                keeper: master::keeper(settings).await?,
            };
            let store = PostgresStore::open(settings.database.whole(), settings_of_store).await;
            Ok(Arc::new(store.map_err(|cause| unusable(settings, cause))?))
        }
    }
}

/// The URL of the standby that answers reads, if there is one.
fn read_url(settings: &config::Store) -> Result<Option<String>> {
    match settings.read_database.given() {
        Some(url) if url.place()? != Place::Postgres => {
            bail!("`{url}` is no standby; give --read-database postgres://USER@HOST/DATABASE")
        }
        url => Ok(url.map(|it| it.whole().to_owned())),
    }
}

/// Brings a PostgreSQL up to date, with the rights of the URL's login, and tells how far it has come.
pub async fn migrate(settings: &config::Store, told: &(dyn Fn(Upgrading) + Send + Sync)) -> Result<Upgraded> {
    PostgresStore::migrate(settings.database.whole(), told).await.map_err(|cause| unusable(settings, cause))
}

/// Moves a tenant to another placement.
pub async fn relocate(settings: &config::Store, order: &Move, told: &(dyn Fn(Moving) + Send + Sync)) -> Result<Moved> {
    let moved = PostgresStore::relocate(settings.database.whole(), order, told).await;
    moved.map_err(|cause| match cause {
        cause @ (store::Error::CannotMove(_) | store::Error::CopyDiffers { .. }) => cause.into(),
        cause => unusable(settings, cause),
    })
}

/// Takes away what moves left behind that were broken off.
pub async fn sweep(settings: &config::Store) -> Result<Vec<Swept>> {
    if settings.database.place()? != Place::Postgres {
        bail!("placements are PostgreSQL's: give --database postgres://…");
    }
    PostgresStore::sweep(settings.database.whole()).await.map_err(|cause| unusable(settings, cause))
}

/// Has a standby answer a tenant's reads, or none.
pub async fn stand_by(settings: &config::Store, tenant: &str, standby: Option<&str>) -> Result<()> {
    if settings.database.place()? != Place::Postgres {
        bail!("standbys are PostgreSQL's: give --database postgres://…");
    }
    let done = PostgresStore::stand_by(settings.database.whole(), tenant, standby).await;
    done.map_err(|cause| match cause {
        cause @ store::Error::CannotStandBy(_) => cause.into(),
        cause => unusable(settings, cause),
    })
}

/// Wraps the keys of tenants that no master key wraps yet, where that is so of all of them. Open ones beside wrapped ones are not
/// believed: whoever can write into the directory could have put them there, and have made tokens by them. Without a master
/// key they stay as servers of the version before can read them.
pub async fn wrap_keys(store: &dyn Store, settings: &config::Store) -> Result<()> {
    if master::is_none(settings)? {
        return Ok(());
    }
    let is_open = |by: &Option<String>| by.as_deref().is_none_or(|it| it == "none");
    let (open, wrapped): (Vec<_>, Vec<_>) = store.wrapped_by().await?.into_iter().partition(|(_, by)| is_open(by));
    if !open.is_empty() && !wrapped.is_empty() {
        let names: Vec<String> = open.into_iter().map(|it| it.0).collect();
        bail!(
            "the keys of {} lie open in the directory, though those of other tenants are wrapped by a master key. Where that is right, as a \
             server without one made these tenants or wrapping was interrupted, run `medisync keys rotate`; where it is not, somebody has \
             put other keys there: restore the directory",
            names.join(", ")
        );
    }
    let wrapped = store.rewrap(Stale::Unwrapped, &|_| ()).await.context("the tenants' keys cannot be wrapped")?;
    if wrapped.done > 0 {
        tracing::info!(tenants = wrapped.done, "tenants' keys are wrapped by the master key now");
    }
    Ok(())
}

/// Fails where a PostgreSQL is not up to date.
pub async fn verify(settings: &config::Store) -> Result<()> {
    PostgresStore::verify(settings.database.whole()).await.map_err(|cause| unusable(settings, cause))
}

/// Why a PostgreSQL cannot be used, and what helps.
fn unusable(settings: &config::Store, cause: store::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot use the database {}: {}", settings.database, with_advice(&cause))
}

/// What went wrong, and what helps.
pub fn with_advice(cause: &store::Error) -> String {
    let advice = cause.advice().map(|it| format!("; {it}")).unwrap_or_default();
    format!("{cause}{advice}")
}

/// An engine on a store, with this machine's clock and randomness, and with every feature's operations and those of users.
pub fn engine(store: Arc<dyn Store>, settings: engine::Settings) -> Engine {
    let ambient = Ambient { now_ms: clock::now_ms, new_id: random::id };
    Engine::new(store, settings, ambient, operations())
}

/// All operations that are served.
pub fn operations() -> Vec<Operation> {
    let mut operations = features::operations();
    operations.extend(auth::operations());
    operations.push(crate::rates::operation::operation());
    operations
}

/// Proof that this process alone writes into a folder; gives it up when dropped or when the process ends, however it
/// ends.
pub struct Lock {
    _file: Option<File>,
}

/// Takes the data folder for this process: a tenant's writer assumes that it is the only one. Nothing is locked on
/// PostgreSQL, which many processes share.
pub fn lock(settings: &config::Store) -> Result<Lock> {
    match settings.database.place()? {
        Place::Folder(folder) => lock_folder(&folder, "stop it first, or send the data to it over HTTP"),
        Place::Postgres => Ok(Lock { _file: None }),
    }
}

/// The same, and takes the folder of full-text indexes too.
pub fn lock_with_texts(settings: &config::Store) -> Result<Lock> {
    match settings.database.place()? {
        Place::Folder(_) => lock(settings),
        Place::Postgres => lock_folder(&settings.text_folder, "give this one another by --text-folder"),
    }
}

fn lock_folder(folder: &Path, advice: &str) -> Result<Lock> {
    let file = lock_file(folder).with_context(|| format!("cannot use the folder {}", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: Some(file) }),
        Err(TryLockError::WouldBlock) => {
            bail!("another medisync process is using the folder {}; {advice}", folder.display())
        }
        Err(TryLockError::Error(cause)) => Err(cause).context("cannot lock the folder"),
    }
}

fn lock_file(folder: &Path) -> std::io::Result<File> {
    SqliteStore::make_folder(folder)?;
    File::options().create(true).truncate(false).write(true).open(folder.join("lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn open_keys_beside_wrapped_ones_are_not_believed() {
        let place = tempfile::tempdir().unwrap();
        let mut settings = config::StoreFlags::default().resolve(&config::File::default()).unwrap();
        settings.database = format!("sqlite:{}", place.path().display()).parse().unwrap();
        let store = open(&settings).await.unwrap();
        crate::tenants::create(&*store, "north").await.unwrap();
        wrap_keys(&*store, &settings).await.unwrap();
        store.close().await;
        settings.master_key = "none".parse().unwrap();
        let store = open(&settings).await.unwrap();
        crate::tenants::create(&*store, "south").await.unwrap();
        store.close().await;
        settings.master_key = "auto".parse().unwrap();
        let store = open(&settings).await.unwrap();
        let refused = wrap_keys(&*store, &settings).await.unwrap_err().to_string();
        assert!(refused.contains("south") && refused.contains("medisync keys rotate"), "{refused}");
        store.close().await;
    }

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
