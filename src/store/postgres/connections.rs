//! Connections to one database, each clean when it is taken: one whose work was broken off, because the caller went away
//! or the database failed, is never used again, so that nothing of a request is left for the next one.
//!
//! sqlx's own pool asks the database after each use whether a connection is still good, which costs as much as a read.

use super::target::Target;
use crate::{Error, Result};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

/// How long a request waits for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// Beyond what the database itself allows a statement, an answer that has not come is not waited for.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Connections {
    target: Target,
    /// What is run on a new connection: the role, where tables are looked for, how statements are planned. Past a pooler it
    /// is run in each transaction, and begins it.
    setup: String,
    most: u32,
    /// How long a statement may take.
    statement_time: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<(PgConnection, i32)>>,
}

/// A connection in use. Dropped before it is given back, it is closed: the database ends what it was doing.
pub(super) struct Taken<'a> {
    pub(super) connection: PgConnection,
    /// The process that serves it.
    pub(super) pid: i32,
    home: &'a Connections,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    /// At most so many, made when first needed.
    pub(super) fn new(target: Target, setup: &str, most: u32, statement_time: Duration) -> Connections {
        let setup = format!(
            "SET statement_timeout = {}; SET lock_timeout = '5s'; \
             SET idle_in_transaction_session_timeout = '60s'; SET client_connection_check_interval = '1s'; \
             {setup}SELECT pg_backend_pid()",
            statement_time.as_millis()
        );
        let setup = match target.is_pooled {
            // Whoever had the session before may have left statements of the same names in it.
            true => format!("BEGIN; DEALLOCATE ALL; {}", setup.replace("SET ", "SET LOCAL ")),
            false => setup,
        };
        let permits = Semaphore::new(most as usize);
        Connections { target, setup, most, statement_time, permits, idle: Mutex::default() }
    }

    /// A connection that was used before, or a new one.
    pub(super) async fn take(&self) -> Result<Taken<'_>> {
        let permit = self.permit().await?;
        let idle = self.idle().pop();
        match idle {
            Some((connection, pid)) if !self.target.is_pooled => {
                Ok(Taken { connection, pid, home: self, _permit: permit })
            }
            Some((mut connection, _)) => match self.set_up(&mut connection).await {
                Ok(pid) => Ok(Taken { connection, pid, home: self, _permit: permit }),
                Err(_) => {
                    self.idle().clear();
                    self.connect(permit).await
                }
            },
            None => self.connect(permit).await,
        }
    }

    /// A new connection, after one that was used before turned out to be broken: then the others are, too.
    pub(super) async fn take_new(&self) -> Result<Taken<'_>> {
        self.idle().clear();
        let permit = self.permit().await?;
        self.connect(permit).await
    }

    /// The longest that an answer is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.statement_time + GRACE
    }

    /// Waits for the work under way and closes all connections.
    pub(super) async fn close(&self) {
        // Fails only where it is closed already.
        let all = self.permits.acquire_many(self.most).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for (connection, _) in idle {
            // What was committed is committed, however the connection ends.
            let _ = connection.close().await;
        }
    }

    async fn connect<'a>(&'a self, permit: SemaphorePermit<'a>) -> Result<Taken<'a>> {
        let connected = tokio::time::timeout(WAIT, self.target.options.connect()).await;
        let mut connection = connected.map_err(|_| sqlx::Error::PoolTimedOut)??;
        let pid = self.set_up(&mut connection).await?;
        Ok(Taken { connection, pid, home: self, _permit: permit })
    }

    /// Sets what all statements go by; the process that serves them.
    async fn set_up(&self, connection: &mut PgConnection) -> Result<i32> {
        let work = sqlx::raw_sql(AssertSqlSafe(self.setup.as_str())).fetch_one(connection);
        let row = tokio::time::timeout(WAIT, work).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(row.try_get(0)?)
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

    fn idle(&self) -> MutexGuard<'_, Vec<(PgConnection, i32)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken<'_> {
    /// Whether it is in a transaction from the beginning, so that all of it goes to one session.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.home.target.is_pooled
    }

    /// Ends the transaction that it is in from the beginning, if it is.
    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        if self.is_in_transaction() {
            sqlx::raw_sql("COMMIT").execute(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Makes the connection free for the next. Only what is in no transaction may be given back.
    pub(super) fn give_back(self) {
        self.home.idle().push((self.connection, self.pid));
    }

    /// Ends the transaction under way, all undone; a connection that cannot is closed.
    pub(super) async fn roll_back(mut self) {
        let work = sqlx::raw_sql("ROLLBACK").execute(&mut self.connection);
        if let Ok(Ok(_)) = tokio::time::timeout(WAIT, work).await {
            self.give_back();
        }
    }
}
