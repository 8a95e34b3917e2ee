//! The store of many nodes: one PostgreSQL (15 or later) is the truth, and any number of servers work on it at once
//! (docs/decisions/0013-postgresql.md).
//!
//! A *directory* (schema `medisync`) says who the tenants are and in which *placement* each one's records are: a schema of
//! this database or of another one, alone or with others. Row-level security keeps tenants apart in every placement.

mod columns;
mod connections;
mod directory;
mod ledger;
mod notices;
mod numbers;
mod place;
mod records;
mod runner;
mod schema;
mod session;
mod statement;
mod target;
#[cfg(test)]
mod tests;
mod text;
mod write;
mod writer;

pub(crate) use columns::head;
pub(crate) use numbers::least_at;

use crate::{Error, Result, Secrets, Session, Store, Tenant, Told};
use async_trait::async_trait;
use directory::{Directory, Entry, Placement};
use place::{Bounds, Place};
use records::Records;
use rustc_hash::FxHashMap;
use session::Door;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use target::Target;
use tokio::sync::{OnceCell, broadcast};
use tokio::task::AbortHandle;

/// Tells the time in milliseconds since the epoch.
type Clock = fn() -> i64;

/// The number of rows beyond which a sort walks an index and does not gather what it sorts.
const ENOUGH: i64 = 1000;

/// So many notices wait for those who listen; whoever is slower learns that it missed some.
const NOTICES: usize = 256;

/// What a [`PostgresStore`] is told.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Tells the time in milliseconds since the epoch.
    pub clock: fn() -> i64,
    /// How long a query may take.
    pub query_time: Duration,
    /// How long a write may take.
    pub write_time: Duration,
    /// A folder of this node's own, where full-text views are kept; they can be made anew at any time.
    pub text_folder: PathBuf,
    /// The most connections to one placement of records; a few more are for the directory.
    pub connections: u32,
}

/// Records in PostgreSQL.
pub struct PostgresStore {
    target: Target,
    directory: Directory,
    shared: Arc<Shared>,
    places: Opened<Placement, Place>,
    records: Opened<Arc<str>, Records>,
    told: broadcast::Sender<Told>,
    listener: AbortHandle,
}

/// What all tenants of a node have in common.
struct Shared {
    clock: Clock,
    bounds: Bounds,
    text_folder: PathBuf,
    /// Tells the node's notices from those of others.
    node: i64,
    /// Tells numbers that the node makes from most that others make at the same time.
    number: i64,
    text_writers: tokio::sync::Semaphore,
    /// Instead of [`ENOUGH`].
    enough: Option<i64>,
}

impl PostgresStore {
    /// Brings the directory and every placement of records up to date, making them if they are not there, with the rights of the
    /// URL's login.
    pub async fn migrate(url: &str) -> Result<()> {
        let target: Target = url.parse()?;
        let directory = Directory::open(&target).await?;
        for placement in directory.placements().await? {
            schema::migrate(&placement.target(&target)?, &placement.schema, schema::Kind::Records).await?;
        }
        directory.close().await;
        Ok(())
    }

    /// Fails where the directory or a placement of records is not up to date, with [`Error::Behind`].
    pub async fn verify(url: &str) -> Result<()> {
        let target: Target = url.parse()?;
        schema::verify(&target, schema::DIRECTORY, schema::Kind::Directory).await?;
        let directory = Directory::open(&target).await?;
        for placement in directory.placements().await? {
            schema::verify(&placement.target(&target)?, &placement.schema, schema::Kind::Records).await?;
        }
        directory.close().await;
        Ok(())
    }

    /// Opens the store, brought up to date if need be.
    pub async fn open(url: &str, settings: PostgresSettings) -> Result<PostgresStore> {
        PostgresStore::open_with(url, settings, None).await
    }

    async fn open_with(url: &str, settings: PostgresSettings, enough: Option<i64>) -> Result<PostgresStore> {
        let target: Target = url.parse()?;
        let directory = Directory::open(&target).await?;
        let (node, number) = directory.node().await?;
        let shared = Shared {
            clock: settings.clock,
            node,
            number,
            bounds: Bounds {
                connections: settings.connections,
                query_time: settings.query_time,
                write_time: settings.write_time,
            },
            text_folder: settings.text_folder,
            text_writers: tokio::sync::Semaphore::new(text::WRITERS),
            enough,
        };
        let (places, records) = (Opened::default(), Opened::default());
        let told = broadcast::Sender::new(NOTICES);
        let listener = tokio::spawn(notices::listen(target.clone(), node, told.clone())).abort_handle();
        Ok(PostgresStore { target, directory, shared: Arc::new(shared), places, records, told, listener })
    }

    async fn records(&self, name: &Arc<str>) -> Result<Arc<Records>> {
        let open = async {
            let Some(entry) = self.directory.find(name).await? else {
                return Err(Error::Directory("a tenant is gone"));
            };
            let place = self.place(&entry.placement).await?;
            Ok(Arc::new(Records::open(&entry, place, self.shared.clone()).await?))
        };
        self.records.get(name, open).await
    }

    async fn place(&self, placement: &Placement) -> Result<Arc<Place>> {
        let open = async {
            let target = placement.target(&self.target)?;
            Ok(Arc::new(Place::open(&target, &placement.schema, self.shared.bounds).await?))
        };
        self.places.get(placement, open).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn tenant(&self, name: &str) -> Result<Option<Tenant>> {
        Ok(self.directory.find(name).await?.map(|it| it.tenant))
    }

    async fn tenants(&self) -> Result<Vec<String>> {
        self.directory.names().await
    }

    async fn create_tenant(&self, name: &str, secrets: Secrets, now_ms: i64) -> Result<Option<Tenant>> {
        if !Tenant::is_name(name) {
            return Err(Error::TenantName);
        }
        match self.directory.enter(name, &secrets, now_ms).await? {
            true => self.tenant(name).await,
            false => Ok(None),
        }
    }

    async fn open(&self, tenant: &Tenant) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(Door(self.records(&tenant.name).await?)))
    }

    fn told(&self) -> Option<broadcast::Receiver<Told>> {
        Some(self.told.subscribe())
    }

    async fn ping(&self) -> Result<()> {
        self.directory.ping().await
    }

    async fn close(&self) {
        self.listener.abort();
        for place in self.places.all() {
            place.close().await;
        }
        for records in self.records.all() {
            records.text.close().await;
        }
        self.directory.close().await;
    }
}

/// What was opened, each once.
struct Opened<K, T>(Mutex<FxHashMap<K, Arc<OnceCell<Arc<T>>>>>);

impl<K, T> Default for Opened<K, T> {
    fn default() -> Self {
        Opened(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T> Opened<K, T> {
    async fn get(&self, key: &K, open: impl Future<Output = Result<Arc<T>>>) -> Result<Arc<T>> {
        let cell = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone();
        cell.get_or_try_init(|| open).await.cloned()
    }

    fn all(&self) -> Vec<Arc<T>> {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.values().filter_map(|it| it.get().cloned()).collect()
    }
}
