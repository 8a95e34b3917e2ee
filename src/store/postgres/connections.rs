//! Connections to one database, each clean when it is taken: one whose work was broken off, because the caller went away
//! or the database failed, is never used again, so that nothing of a request is left for the next one.
//!
//! sqlx's own pool asks the database after each use whether a connection is still good, which costs as much as a read.

use super::budget::{Budget, Open, Rest};
use super::target::Target;
use crate::{Error, Result};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
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
    /// How long a statement may take.
    statement_time: Duration,
    permits: Semaphore,
    /// What all connections to the database have in common, and those of this schema that nobody uses.
    budget: Arc<Budget>,
    rest: Arc<Rest>,
}

/// A connection in use. Dropped before it is given back, it is closed: the database ends what it was doing.
pub(super) struct Taken<'a> {
    open: Open,
    home: &'a Connections,
    _permit: SemaphorePermit<'a>,
}

impl Deref for Taken<'_> {
    type Target = Open;

    fn deref(&self) -> &Open {
        &self.open
    }
}

impl DerefMut for Taken<'_> {
    fn deref_mut(&mut self) -> &mut Open {
        &mut self.open
    }
}

impl Connections {
    /// At most as many as the budget allows, made when first needed.
    pub(super) fn new(target: Target, setup: &str, budget: &Arc<Budget>, statement_time: Duration) -> Connections {
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
        let permits = Semaphore::new(budget.most as usize);
        Connections { target, setup, statement_time, permits, budget: budget.clone(), rest: budget.rest() }
    }

    /// A connection that was used before, or a new one.
    pub(super) async fn take(&self) -> Result<Taken<'_>> {
        let permit = self.permit().await?;
        let Some(mut open) = self.rest.take() else { return self.connect(permit).await };
        if self.target.is_pooled {
            match self.set_up(&mut open.connection).await {
                Ok(pid) => open.pid = pid,
                Err(_) => {
                    self.rest.clear();
                    drop(open);
                    return self.connect(permit).await;
                }
            }
        }
        Ok(Taken { open, home: self, _permit: permit })
    }

    /// A new connection, after one that was used before turned out to be broken: then the others are, too.
    pub(super) async fn take_new(&self) -> Result<Taken<'_>> {
        self.rest.clear();
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
        let all = self.permits.acquire_many(self.budget.most).await;
        self.permits.close();
        drop(all);
        for open in self.rest.clear() {
            // What was committed is committed, however the connection ends.
            let _ = open.connection.close().await;
        }
    }

    async fn connect<'a>(&'a self, permit: SemaphorePermit<'a>) -> Result<Taken<'a>> {
        let place = self.budget.place(WAIT).await?;
        let connected = tokio::time::timeout(WAIT, self.target.options.connect()).await;
        let mut connection = connected.map_err(|_| sqlx::Error::PoolTimedOut)??;
        let pid = self.set_up(&mut connection).await?;
        Ok(Taken { open: Open::new(connection, pid, place), home: self, _permit: permit })
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
        self.home.budget.give_back(&self.home.rest, self.open);
    }

    /// Ends the transaction under way, all undone; a connection that cannot is closed.
    pub(super) async fn roll_back(mut self) {
        let work = sqlx::raw_sql("ROLLBACK").execute(&mut self.connection);
        if let Ok(Ok(_)) = tokio::time::timeout(WAIT, work).await {
            self.give_back();
        }
    }
}
