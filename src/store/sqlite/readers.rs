//! Connections that read one tenant's file. Each can be stopped in the middle of a statement: when its time is up, and
//! when the request that asked is gone.

use crate::{Error, Result};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, Sqlite, SqliteConnection};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

/// The most connections that read one tenant's file at the same time.
const READERS: u32 = 8;
/// How long a query waits for a connection.
const WAIT: Duration = Duration::from_secs(10);
/// Steps of SQLite's machine between two looks at the clock: some 100 µs.
const STEPS: i32 = 4096;
/// The result code of a statement that was stopped (sqlite.org/rescode.html#interrupt).
const INTERRUPTED: &str = "9";

pub(super) struct Readers {
    options: SqliteConnectOptions,
    query_time: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

/// A connection, and until when its statement may run.
struct Reader {
    connection: SqliteConnection,
    deadline: Deadline,
}

/// A time in microseconds since the program's first query. A reader that is dropped and not given back was abandoned
/// in the middle of a statement, which ends thereby.
struct Deadline(Arc<AtomicU64>);

impl Drop for Deadline {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Readers {
    /// Connects when first needed.
    pub(super) fn new(options: SqliteConnectOptions, query_time: Duration) -> Readers {
        let permits = Semaphore::new(READERS as usize);
        Readers { options: options.read_only(true), query_time, permits, idle: Mutex::default() }
    }

    /// Runs a query; [`Error::Timeout`] if it takes too long.
    pub(super) async fn fetch_all(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<Vec<SqliteRow>> {
        let _permit = self.permit().await?;
        let idle = self.idle().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.connect().await?,
        };
        reader.deadline.0.store(micros(self.query_time), Ordering::Relaxed);
        let result = query.fetch_all(&mut reader.connection).await;
        match result {
            Ok(rows) => {
                self.idle().push(reader);
                Ok(rows)
            }
            Err(error) => {
                let code = error.as_database_error().map(|it| it.code());
                if code.is_some() {
                    self.idle().push(reader);
                }
                Err(if code.flatten().as_deref() == Some(INTERRUPTED) { Error::Timeout } else { error.into() })
            }
        }
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
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let until = deadline.clone();
        let may_go_on = move || micros(Duration::ZERO) < until.load(Ordering::Relaxed);
        connection.lock_handle().await?.set_progress_handler(STEPS, may_go_on);
        Ok(Reader { connection, deadline: Deadline(deadline) })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The [`Deadline`] that lies a span from now.
fn micros(span: Duration) -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from((START.elapsed().saturating_add(span)).as_micros()).unwrap_or(u64::MAX)
}
