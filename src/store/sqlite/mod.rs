//! The embedded store: a folder with one SQLite file for the directory and one for each tenant.

mod batch;
mod filter;
mod history;
mod place;
mod read;
mod schema;
mod search;
mod sort;
mod sql;
mod writer;

use crate::{Error, Result, Secrets, Session, Store, Tenant};
use async_trait::async_trait;
use place::Place;
use rustc_hash::FxHashMap;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Tells the time in milliseconds since the epoch.
pub type Clock = fn() -> i64;

/// SQLite files in one folder.
pub struct SqliteStore {
    folder: PathBuf,
    directory: SqlitePool,
    clock: Clock,
    query_time: Duration,
    places: Mutex<FxHashMap<Arc<str>, Arc<Place>>>,
}

impl SqliteStore {
    /// Opens the store in `folder`, made if it is not there. A query may take `query_time`.
    pub async fn open(folder: &Path, clock: Clock, query_time: Duration) -> Result<SqliteStore> {
        let tenants = folder.join("tenants");
        std::fs::create_dir_all(&tenants)
            .map_err(|cause| Error::File { path: tenants.display().to_string(), cause })?;
        let file = folder.join("directory.sqlite");
        schema::migrate(&file, &schema::DIRECTORY).await?;
        let directory =
            SqlitePoolOptions::new().max_connections(2).min_connections(0).connect_lazy_with(options(&file));
        Ok(SqliteStore { folder: folder.to_owned(), directory, clock, query_time, places: Mutex::default() })
    }

    fn file(&self, tenant: &str) -> PathBuf {
        self.folder.join("tenants").join(format!("{tenant}.sqlite"))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn tenant(&self, name: &str) -> Result<Option<Tenant>> {
        let row = sqlx::query("SELECT name, index_key, page_key, token_key FROM tenant WHERE name = ?")
            .bind(name.to_owned())
            .fetch_optional(&self.directory)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let secrets = Secrets {
            index_key: exact_bytes(row.try_get("index_key")?)?,
            page_key: exact_bytes(row.try_get("page_key")?)?,
            token_key: row.try_get("token_key")?,
        };
        Ok(Some(Tenant { name: row.try_get::<String, _>("name")?.into(), secrets: Arc::new(secrets) }))
    }

    async fn tenants(&self) -> Result<Vec<String>> {
        let names = sqlx::query_scalar("SELECT name FROM tenant ORDER BY name").fetch_all(&self.directory).await?;
        Ok(names)
    }

    async fn create_tenant(&self, name: &str, secrets: Secrets, now_ms: i64) -> Result<Option<Tenant>> {
        let done = sqlx::query(
            "INSERT INTO tenant (name, created, index_key, page_key, token_key) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(name.to_owned())
        .bind(now_ms)
        .bind(secrets.index_key.to_vec())
        .bind(secrets.page_key.to_vec())
        .bind(secrets.token_key)
        .execute(&self.directory)
        .await?;
        match done.rows_affected() {
            0 => Ok(None),
            _ => self.tenant(name).await,
        }
    }

    async fn open(&self, tenant: &Tenant) -> Result<Arc<dyn Session>> {
        let mut places = self.places.lock().await;
        if let Some(place) = places.get(&tenant.name) {
            return Ok(place.clone());
        }
        let place =
            Arc::new(Place::open(&self.file(&tenant.name), tenant.secrets(), self.clock, self.query_time).await?);
        places.insert(tenant.name.clone(), place.clone());
        Ok(place)
    }

    async fn close(&self) {
        for (_, place) in self.places.lock().await.drain() {
            place.close().await;
        }
        self.directory.close().await;
    }
}

fn exact_bytes<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| sqlx::Error::Decode("a tenant's key has the wrong length".into()).into())
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
        .pragma("mmap_size", "1073741824")
        .pragma("temp_store", "memory")
        .statement_cache_capacity(256)
}
