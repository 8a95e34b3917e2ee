//! The store of many nodes: one PostgreSQL (15 or later) is the truth, and any number of servers work on it at once
//! (docs/decisions/0013-postgresql.md).
//!
//! A *directory* (schema `medisync`) says who the tenants are and in which *placement* each one's records are: a schema of
//! this database or of another one, alone or with others. Row-level security keeps tenants apart in every placement.

mod attempts;
mod audit;
mod budget;
mod columns;
mod connections;
mod directory;
mod fate;
mod homes;
mod jobs;
mod ledger;
mod loss;
mod moves;
mod notices;
mod numbers;
mod owner;
mod place;
mod records;
mod releases;
mod residence;
mod runner;
mod schema;
mod session;
mod standby;
mod statement;
mod target;
#[cfg(test)]
mod tests;
mod text;
mod upgrade;
mod write;
mod writer;

pub(crate) use columns::head;
pub(crate) use numbers::least_at;
pub(crate) use owner::FOREIGN;

use crate::keys::{self, Shelf};
use crate::{Claim, Error, Keeper, Marks, Result, Rewrapped, Sealing, Secrets, Session, Stale, Store, Tenant, Told};
use async_trait::async_trait;
use directory::Directory;
use homes::Homes;
use place::Bounds;
use rustc_hash::FxHashMap;
use session::Door;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use target::Target;
use tokio::sync::{OnceCell, broadcast};
use tokio::time::timeout;

pub use moves::{Move, Moved, Moving, Swept};
pub use residence::{Placement, Residence};
pub(crate) use statement::MOVED;
pub use upgrade::{Upgraded, Upgrading};

/// Tells the time in milliseconds since the epoch.
type Clock = fn() -> i64;

/// From so many rows on a better way than to gather them is looked for: each takes microseconds, as it lies anywhere.
const ENOUGH: i64 = 200;

/// How long a request waits for what has to be opened first.
const OPENING: Duration = Duration::from_secs(20);

/// So many notices wait for those who listen; whoever is slower learns that it missed some.
const NOTICES: usize = 256;

/// What a [`PostgresStore`] is told.
#[derive(Clone)]
pub struct PostgresSettings {
    /// Tells the time in milliseconds since the epoch.
    pub clock: fn() -> i64,
    /// How long a query may take.
    pub query_time: Duration,
    /// How long a write may take.
    pub write_time: Duration,
    /// A folder of this node's own, where full-text views are kept; they can be made anew at any time.
    pub text_folder: PathBuf,
    /// The most connections to one database of records; a few more are for the directory.
    pub connections: u32,
    /// Where new tenants are kept.
    pub residence: Residence,
    /// The regions whose tenants are served; none: all tenants are.
    pub regions: Vec<String>,
    /// The URL of a standby of the database that answers reads.
    pub read_url: Option<String>,
    /// Wraps tenants' keys.
    pub keeper: Arc<Keeper>,
}

/// Records in PostgreSQL.
pub struct PostgresStore {
    homes: Arc<Homes>,
    residence: Residence,
}

/// What all tenants of a node have in common.
struct Shared {
    clock: Clock,
    bounds: Bounds,
    keeper: Arc<Keeper>,
    text_folder: PathBuf,
    /// Tells the node's notices from those of others.
    node: i64,
    /// Tells numbers that the node makes from most that others make at the same time.
    number: i64,
    text_writers: tokio::sync::Semaphore,
    /// A standby of the directory's database.
    standby: Option<String>,
    /// Instead of [`ENOUGH`].
    enough: Option<i64>,
}

impl PostgresStore {
    /// Brings the directory and every schema of records up to date, making them if they are not there, with the rights of the
    /// URL's login, and tells how far it has come. A schema that cannot be brought up to date does not hold up the others.
    pub async fn migrate(url: &str, told: &(dyn Fn(Upgrading) + Send + Sync)) -> Result<Upgraded> {
        upgrade::all(url, told).await
    }

    /// Fails where the directory or a schema of records is not up to date, with [`Error::Behind`].
    pub async fn verify(url: &str) -> Result<()> {
        upgrade::verify(url).await
    }

    /// Moves a tenant to another placement while it is served, with the rights of the URL's login, and tells how far it has
    /// come. If it fails the former place serves on, and it can be called again to go on from where it was.
    pub async fn relocate(url: &str, order: &Move, told: &(dyn Fn(Moving) + Send + Sync)) -> Result<Moved> {
        moves::run(url, order, told).await
    }

    /// Takes away what moves left behind that were broken off, with the rights of the URL's login: copies that are not whole, and
    /// former places but for those that were to be kept. Tells of which tenants, and why where it could not be done.
    pub async fn sweep(url: &str) -> Result<Vec<Swept>> {
        moves::sweep(url).await
    }

    /// Has another standby answer the reads of a tenant that is kept in a database of its own, or none, on all nodes from now on.
    pub async fn stand_by(url: &str, tenant: &str, standby: Option<&str>) -> Result<()> {
        let directory = Directory::open(&url.parse()?).await?;
        let done = directory.stand_by(tenant, standby).await;
        directory.close().await;
        done
    }

    /// Whether somebody has a store of this database open. Past a pooler nobody can tell: it is taken for so.
    pub async fn is_served(url: &str) -> Result<bool> {
        notices::is_heard(&url.parse()?).await
    }

    /// Opens the store, brought up to date if need be.
    pub async fn open(url: &str, settings: PostgresSettings) -> Result<PostgresStore> {
        PostgresStore::open_with(url, settings, None).await
    }

    async fn open_with(url: &str, settings: PostgresSettings, enough: Option<i64>) -> Result<PostgresStore> {
        settings.residence.verify()?;
        if let Some(url) = &settings.read_url {
            url.parse::<Target>()?;
        }
        let directory = Directory::open(&url.parse()?).await?;
        let (node, number) = directory.node().await?;
        let shared = Shared {
            clock: settings.clock,
            keeper: settings.keeper,
            node,
            number,
            bounds: Bounds {
                connections: settings.connections,
                query_time: settings.query_time,
                write_time: settings.write_time,
            },
            text_folder: settings.text_folder,
            text_writers: tokio::sync::Semaphore::new(crate::text::WRITERS),
            standby: settings.read_url,
            enough,
        };
        let homes = Homes::new(url, directory, Arc::new(shared), settings.regions)?;
        // While this node was away.
        for tenant in homes.directory.erased().await? {
            homes.remove_text(&tenant.name).await?;
        }
        Ok(PostgresStore { homes, residence: settings.residence })
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn tenant(&self, name: &str) -> Result<Option<Tenant>> {
        let Some(entry) = self.homes.directory.find(name).await? else { return Ok(None) };
        self.homes.admit(&entry)?;
        self.homes.shared.keeper.tenant(entry.name, entry.kept).await.map(Some)
    }

    async fn tenants(&self) -> Result<Vec<String>> {
        self.homes.directory.names().await
    }

    async fn create_tenant(&self, name: &str, secrets: Secrets, now_ms: i64) -> Result<Option<Tenant>> {
        if !Tenant::is_name(name) {
            return Err(Error::TenantName);
        }
        let wrapped = self.homes.shared.keeper.wrap(name, &secrets).await?;
        match self.homes.directory.enter(name, &wrapped, now_ms, &self.residence).await? {
            true => self.tenant(name).await,
            false => Ok(None),
        }
    }

    async fn signing_key(&self, made: &[u8]) -> Result<Vec<u8>> {
        keys::signing_key(&*self.homes.directory, &self.homes.shared.keeper, made).await
    }

    async fn wrapped_by(&self) -> Result<Vec<(String, Option<String>)>> {
        self.homes.directory.wrapped_by().await
    }

    async fn rotate_data_key(&self, name: &str) -> Result<u32> {
        keys::rotate_data_key(&*self.homes.directory, &self.homes.shared.keeper, name).await
    }

    async fn set_sealing(&self, name: &str, sealing: Sealing) -> Result<()> {
        keys::set_sealing(&*self.homes.directory, &self.homes.shared.keeper, name, sealing).await
    }

    async fn set_marks(&self, name: &str, marks: &Marks) -> Result<()> {
        keys::set_marks(&*self.homes.directory, &self.homes.shared.keeper, name, marks).await
    }

    async fn reseal(&self, name: &str, told: &(dyn Fn(usize) + Send + Sync)) -> Result<usize> {
        moves::reseal(&self.homes, name, told).await
    }

    async fn rewrap(&self, which: Stale, told: &(dyn Fn(Rewrapped) + Send + Sync)) -> Result<Rewrapped> {
        keys::rewrap(&*self.homes.directory, &self.homes.shared.keeper, which, told).await
    }

    async fn open(&self, tenant: &Tenant) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(Door::open(self.homes.clone(), &tenant.name).await?))
    }

    fn told(&self) -> Option<broadcast::Receiver<Told>> {
        Some(self.homes.told.subscribe())
    }

    async fn ask(&self, tenant: &Tenant) -> Result<()> {
        self.homes.directory.ask(tenant).await
    }

    async fn claim(&self, tenant: Option<&Tenant>) -> Result<Option<Claim>> {
        self.homes.directory.claim(tenant).await
    }

    async fn renew(&self, claim: &Claim) -> Result<bool> {
        self.homes.directory.renew(claim).await
    }

    async fn finish(&self, claim: &Claim) -> Result<()> {
        self.homes.directory.finish(claim).await
    }

    async fn ping(&self) -> Result<()> {
        self.homes.ping().await
    }

    async fn close(&self) {
        self.homes.close().await;
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
    /// Opens it if nobody has; whoever waits for others who try waits no longer than they may.
    async fn get(&self, key: &K, open: impl Future<Output = Result<Arc<T>>>) -> Result<Arc<T>> {
        let cell = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone();
        let opened = timeout(OPENING, cell.get_or_try_init(|| open)).await;
        opened.map_err(|_| Error::Silent)?.cloned()
    }

    fn forget(&self, key: &K) -> Option<Arc<T>> {
        let cell = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        cell.and_then(|it| it.get().cloned())
    }

    fn all(&self) -> Vec<Arc<T>> {
        self.those(|_| true)
    }

    /// Those whose keys are so.
    fn those(&self, is_so: impl Fn(&K) -> bool) -> Vec<Arc<T>> {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.iter().filter(|(key, _)| is_so(key)).filter_map(|(_, it)| it.get().cloned()).collect()
    }
}
