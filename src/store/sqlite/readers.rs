//! Connections that read one tenant's file. Each can be stopped in the middle of a statement: when its time is up, and
//! when the request that asked is gone.

use crate::{Error, Result};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, Sqlite, SqliteConnection};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

/// The most connections that read one tenant's file at the same time.
const READERS: u32 = 8;
/// How long a query waits for a connection.
const WAIT: Duration = Duration::from_secs(10);
/// Steps of SQLite's machine between two looks at whether to go on: some 100 µs.
const STEPS: i32 = 4096;

pub(super) struct Readers {
    options: SqliteConnectOptions,
    query_time: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

struct Reader {
    connection: SqliteConnection,
    _stop: Stop,
}

/// Stops the statement of a connection when dropped: a reader that is not given back was abandoned in the middle of one.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Readers {
    /// Connects when first needed.
    pub(super) fn new(options: SqliteConnectOptions, query_time: Duration) -> Readers {
        let permits = Semaphore::new(READERS as usize);
        Readers { options: options.read_only(true), query_time, permits, idle: Mutex::default() }
    }

    /// How long a query may take.
    pub(super) fn query_time(&self) -> Duration {
        self.query_time
    }

    /// Runs a query; [`Error::Timeout`] if it takes too long.
    pub(super) async fn fetch_all(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<Vec<SqliteRow>> {
        let _permit = self.permit().await?;
        let idle = self.idle().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.connect().await?,
        };
        let work = query.fetch_all(&mut reader.connection);
        let result = tokio::time::timeout(self.query_time, work).await.map_err(|_| Error::Timeout)?;
        // A connection is as good as new after an error of the database's own.
        if result.as_ref().err().is_none_or(|it| it.as_database_error().is_some()) {
            self.idle().push(reader);
        }
        Ok(result?)
    }

    /// Runs a query for one row, or none.
    pub(super) async fn fetch_optional(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<Option<SqliteRow>> {
        Ok(self.fetch_all(query).await?.pop())
    }

    /// Runs a query for one row.
    pub(super) async fn fetch_one(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<SqliteRow> {
        Ok(self.fetch_optional(query).await?.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// Waits for the queries under way and closes all connections.
    pub(super) async fn close(&self) {
        // Fails only where it is closed already.
        let all = self.permits.acquire_many(READERS).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for reader in idle {
            // Nothing was written here, so nothing is lost if closing fails.
            let _ = reader.connection.close().await;
        }
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>> {
        match self.permits.try_acquire() {
            Ok(permit) => Ok(permit),
            Err(TryAcquireError::Closed) => Err(Error::Closed),
            Err(TryAcquireError::NoPermits) => match tokio::time::timeout(WAIT, self.permits.acquire()).await {
                Ok(permit) => permit.map_err(|_| Error::Closed),
                Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
            },
        }
    }

    async fn connect(&self) -> Result<Reader> {
        let mut connection = self.options.connect().await?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let may_go_on = move || !stopped.load(Ordering::Relaxed);
        connection.lock_handle().await?.set_progress_handler(STEPS, may_go_on);
        Ok(Reader { connection, _stop: Stop(stop) })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
