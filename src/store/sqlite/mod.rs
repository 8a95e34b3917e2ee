//! The embedded store: a folder with one SQLite file for the directory and one for each tenant, and beside a tenant's
//! file a folder with its full-text view.

mod audit;
mod batch;
mod builds;
mod changes;
mod directory;
mod door;
mod erasure;
mod heads;
mod index;
mod jobs;
mod ledger;
mod log;
mod place;
mod places;
mod raw;
mod readers;
mod releases;
mod runner;
mod schema;
mod stamps;
#[cfg(test)]
mod tests;
mod text;
mod writer;

use crate::keys::{self, Sealer, Shelf};
use crate::rows::IndexHash;
use crate::text::WRITERS;
use crate::{Claim, Error, Keeper, Marks, Result, Rewrapped, Sealing, Secrets, Session, Stale, Store, Tenant};
use async_trait::async_trait;
use directory::Shelves;
use door::Door;
use heads::Heads;
use place::Settings;
use places::Places;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Tells the time in milliseconds since the epoch.
pub type Clock = fn() -> i64;

/// SQLite files in one folder.
pub struct SqliteStore {
    folder: PathBuf,
    directory: SqlitePool,
    keeper: Arc<Keeper>,
    /// Tells this process from others that had the folder.
    process: i64,
    settings: Settings,
    places: Arc<Places>,
}

/// From so many rows on a better way than to gather them is looked for: fewer take less time than to look.
const ENOUGH: i64 = 200;

impl SqliteStore {
    /// Makes a data folder that its owner alone can look into: the files in it hold records and keys. One that is there
    /// stays as it is.
    pub fn make_folder(folder: &Path) -> std::io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)
    }

    /// Opens the store in `folder`, made if it is not there. A query may take `query_time`.
    pub async fn open(folder: &Path, clock: Clock, query_time: Duration, keeper: Arc<Keeper>) -> Result<SqliteStore> {
        let tenants = folder.join("tenants");
        SqliteStore::make_folder(&tenants)
            .map_err(|cause| Error::File { path: tenants.display().to_string(), cause })?;
        let file = folder.join("directory.sqlite");
        schema::migrate(&file, &schema::DIRECTORY).await?;
        let directory = SqlitePoolOptions::new().max_connections(2).min_connections(0);
        let directory = directory.connect_lazy_with(directory::directory_options(folder));
        let process = jobs::process(&directory).await?;
        let places = Arc::new(Places::default());
        tokio::spawn(places::close_idle(Arc::downgrade(&places), clock));
        let heads = Arc::new(Heads::new(directory.clone()));
        tokio::spawn(heads::keep(Arc::downgrade(&heads)));
        let text_writers = Arc::new(Semaphore::new(WRITERS));
        let settings = Settings { clock, query_time, enough: ENOUGH, text_writers, heads };
        Ok(SqliteStore { folder: folder.to_owned(), directory, keeper, process, settings, places })
    }

    /// Where a tenant's records are.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join("tenants").join(format!("{name}.sqlite"))
    }

    /// Where tenants' keys stand.
    fn shelves(&self) -> Shelves {
        Shelves(self.directory.clone())
    }

    /// What encrypts and decrypts a tenant's ledger.
    fn sealer(&self, name: &Arc<str>) -> Sealer {
        Sealer {
            name: name.clone(),
            keeper: self.keeper.clone(),
            shelf: Arc::new(self.shelves()),
            clock: self.settings.clock,
        }
    }

    fn door(&self, tenant: &Tenant) -> Door {
        Door {
            places: self.places.clone(),
            file: self.file(tenant.name()),
            hash: IndexHash::new(&tenant.secrets().index_key),
            sealer: self.sealer(&tenant.name),
            tenant: tenant.clone(),
            settings: self.settings.clone(),
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn tenant(&self, name: &str) -> Result<Option<Tenant>> {
        self.find(name).await
    }

    async fn tenants(&self) -> Result<Vec<String>> {
        self.names().await
    }

    async fn create_tenant(&self, name: &str, secrets: Secrets, now_ms: i64) -> Result<Option<Tenant>> {
        match self.enter(name, &secrets, now_ms).await? {
            true => self.find(name).await,
            false => Ok(None),
        }
    }

    async fn signing_key(&self, made: &[u8]) -> Result<Vec<u8>> {
        keys::signing_key(&self.shelves(), &self.keeper, made).await
    }

    async fn wrapped_by(&self) -> Result<Vec<(String, Option<String>)>> {
        self.shelves().wrapped_by().await
    }

    async fn rotate_data_key(&self, name: &str) -> Result<u32> {
        keys::rotate_data_key(&self.shelves(), &self.keeper, name).await
    }

    async fn set_sealing(&self, name: &str, sealing: Sealing) -> Result<()> {
        keys::set_sealing(&self.shelves(), &self.keeper, name, sealing).await
    }

    async fn set_marks(&self, name: &str, marks: &Marks) -> Result<()> {
        keys::set_marks(&self.shelves(), &self.keeper, name, marks).await
    }

    async fn reseal(&self, name: &str, told: &(dyn Fn(usize) + Send + Sync)) -> Result<usize> {
        let tenant = self.find(name).await?.ok_or(Error::NoTenant)?;
        let place = self.door(&tenant).place().await?;
        place.text.leave_out(tenant.secrets().marks.left_out()).await?;
        // What lay open before is overwritten where it stood; copies that SQLite left elsewhere need a VACUUM.
        let mut connection = options(&self.file(name)).pragma("secure_delete", "on").connect().await?;
        let done = keys::reseal(&self.sealer(&tenant.name), &mut connection, told).await;
        connection.close().await?;
        done
    }

    async fn rewrap(&self, which: Stale, told: &(dyn Fn(Rewrapped) + Send + Sync)) -> Result<Rewrapped> {
        keys::rewrap(&self.shelves(), &self.keeper, which, told).await
    }

    async fn open(&self, tenant: &Tenant) -> Result<Arc<dyn Session>> {
        let door = self.door(tenant);
        door.place().await?;
        Ok(Arc::new(door))
    }

    async fn ask(&self, tenant: &Tenant) -> Result<()> {
        self.ask_for(tenant).await
    }

    async fn claim(&self, tenant: Option<&Tenant>) -> Result<Option<Claim>> {
        self.claim_of(tenant).await
    }

    async fn renew(&self, claim: &Claim) -> Result<bool> {
        self.renew_claim(claim).await
    }

    async fn finish(&self, claim: &Claim) -> Result<()> {
        self.finish_claim(claim).await
    }

    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1 FROM tenant LIMIT 1").fetch_optional(&self.directory).await?;
        Ok(())
    }

    async fn close(&self) {
        self.places.close().await;
        if let Err(error) = self.settings.heads.flush().await {
            tracing::warn!(%error, "the heads of audit logs could not be written");
        }
        self.directory.close().await;
    }
}

/// How every connection is opened. `synchronous=FULL`: a commit returns when it is on disk.
fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(false)
        .pragma("cache_size", "-65536")
        // All of the file, however large: a page outside costs a read (docs/decisions/0010-measurements.md).
        .pragma("mmap_size", "1099511627776")
        .pragma("temp_store", "memory")
        // The write-ahead log goes into the file every 16 MB, and shrinks back to 64 MB where a long read let it grow.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864")
        .statement_cache_capacity(256)
        // What is slow shows in the log of requests; a statement's text tells an operator nothing.
        .disable_statement_logging()
}
