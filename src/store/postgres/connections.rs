//! Connections to one database, each clean when it is taken: one whose work was broken off, because the caller went away
//! or the database failed, is never used again, so that nothing of a request is left for the next one.
//!
//! sqlx's own pool asks the database after each use whether a connection is still good, which costs as much as a read.

use super::budget::{Budget, GOODBYE, Open, Rest};
use super::target::Target;
use crate::{Error, Result};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};
use tokio::time::{Instant, timeout};

/// How long a request waits for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// How long it waits where one before it waited in vain and another one is waiting: what a request does one after the other, each
/// waiting its time, would add up to more than anybody waits for an answer.
const BRIEF: Duration = Duration::from_millis(500);
/// How long that holds after the last one that waited in vain: where nobody asked meanwhile, the database may long be back.
const LATELY: Duration = Duration::from_secs(10);
/// After so long without any connection it is told that there is none.
const HUNGER: Duration = Duration::from_secs(3);
/// How old a connection may grow: an address may lead to another database by now, of which the old one does not tell.
const AGE: Duration = Duration::from_secs(300);
/// What connections are set to whatever the database, the login or the server's configuration say. Who waits behind somebody's commit
/// must see it then, and a node whose machine is gone, which tells nobody, must not keep its locks.
const SETTINGS: &str = "SET default_transaction_isolation = 'read committed'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET client_connection_check_interval = '1s'; \
     SET tcp_user_timeout = '10s'; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; ";
/// Beyond what the database itself allows a statement, an answer that has not come is not waited for.
const GRACE: Duration = Duration::from_secs(5);

/// What connections are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Changes, and reads of all that was acknowledged: the database takes writes. One that takes none any more may still answer, while
    /// others write elsewhere; and an address may lead to a standby for a while.
    Truth,
    /// Reads of a standby.
    Copies,
}

impl Purpose {
    /// Whether a session is of no use, as SQL.
    fn useless(self) -> &'static str {
        match self {
            Purpose::Truth => "current_setting('transaction_read_only')::bool",
            Purpose::Copies => "false",
        }
    }
}

pub(super) struct Connections {
    target: Target,
    /// What is run on a new connection: the role, where tables are looked for, how statements are planned. Past a pooler it
    /// is run in each transaction, and begins it.
    setup: String,
    /// How long a statement may take.
    statement_time: Duration,
    permits: Semaphore,
    pub(super) age: Duration,
    pub(super) hunger: Duration,
    pub(super) wait: Duration,
    pub(super) brief: Duration,
    pub(super) lately: Duration,
    starved: Mutex<Option<Starved>>,
    /// Whoever has it waits long all the same, so that a database that is slow to connect to is found again.
    trial: Semaphore,
    /// What all connections to the database have in common, and those of this schema that nobody uses.
    budget: Arc<Budget>,
    rest: Arc<Rest>,
}

/// Since when nobody has had a connection who wanted one, and when somebody last waited in vain.
#[derive(Clone, Copy)]
struct Starved {
    since: Instant,
    last: Instant,
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
    pub(super) fn new(
        target: Target,
        setup: &str,
        budget: &Arc<Budget>,
        statement_time: Duration,
        purpose: Purpose,
    ) -> Connections {
        let setup = format!(
            "SET statement_timeout = {}; {SETTINGS}{setup}SELECT pg_backend_pid(), {}",
            statement_time.as_millis(),
            purpose.useless()
        );
        let setup = match target.is_pooled {
            // Whoever had the session before may have left statements of the same names in it.
            true => {
                let within = setup.replace("SET ", "SET LOCAL ");
                format!("BEGIN ISOLATION LEVEL READ COMMITTED; DEALLOCATE ALL; {within}")
            }
            false => setup,
        };
        let permits = Semaphore::new(budget.most as usize);
        let (budget, rest) = (budget.clone(), budget.rest());
        let (starved, trial) = (Mutex::default(), Semaphore::new(1));
        Connections {
            target,
            setup,
            statement_time,
            permits,
            age: AGE,
            hunger: HUNGER,
            wait: WAIT,
            brief: BRIEF,
            lately: LATELY,
            starved,
            trial,
            budget,
            rest,
        }
    }

    /// A connection that was used before, or a new one.
    pub(super) async fn take(&self) -> Result<Taken<'_>> {
        self.in_time(async {
            let permit = self.permit().await?;
            let Some(mut open) = self.rest.take(self.age) else { return self.connect(permit).await };
            if self.target.is_pooled {
                match self.set_up(&mut open.connection).await {
                    Ok(pid) => open.pid = pid,
                    Err(error) => {
                        self.budget.lose(open, &error);
                        return self.connect(permit).await;
                    }
                }
            }
            Ok(Taken { open, home: self, _permit: permit })
        })
        .await
    }

    /// A new connection, after one that was used before turned out to be broken.
    pub(super) async fn take_new(&self) -> Result<Taken<'_>> {
        self.in_time(async { self.connect(self.permit().await?).await }).await
    }

    /// Uses none of the connections to the database again that there are: they are broken, or lead to what is the primary no more.
    pub(super) fn forget(&self) {
        self.budget.forget();
    }

    /// Fails where nobody has had a connection for some seconds, and nobody gets one now.
    pub(super) async fn verify(&self) -> Result<()> {
        if self.starved().is_some_and(|it| it.since.elapsed() > self.hunger) {
            let taken = self.take().await?;
            match taken.is_in_transaction() {
                true => taken.roll_back().await,
                false => taken.give_back(),
            }
        }
        Ok(())
    }

    fn starved(&self) -> Option<Starved> {
        *self.starved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a connection as long as may be, and remembers whether there was one.
    async fn in_time<'a>(&self, taking: impl Future<Output = Result<Taken<'a>>>) -> Result<Taken<'a>> {
        let is_starved = self.starved().is_some_and(|it| it.last.elapsed() < self.lately);
        let trial = is_starved.then(|| self.trial.try_acquire());
        let wait = if matches!(trial, Some(Err(_))) { self.brief } else { self.wait };
        let taken = timeout(wait, taking).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()));
        let mut starved = self.starved.lock().unwrap_or_else(PoisonError::into_inner);
        match &taken {
            Ok(_) => *starved = None,
            Err(_) => {
                let last = Instant::now();
                *starved = Some(Starved { since: starved.map_or(last, |it| it.since), last });
            }
        }
        drop(starved);
        taken
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
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
        let close = async {
            for open in self.rest.clear() {
                // What was committed is committed, however the connection ends.
                let _ = open.connection.close().await;
            }
        };
        let _ = timeout(GOODBYE, close).await;
    }

    async fn connect<'a>(&'a self, permit: SemaphorePermit<'a>) -> Result<Taken<'a>> {
        let place = self.budget.place(WAIT).await?;
        let since = Instant::now();
        let mut connection = self.target.options.connect().await?;
        let pid = self.set_up(&mut connection).await?;
        Ok(Taken { open: Open::new(connection, pid, since, place), home: self, _permit: permit })
    }

    /// Sets what all statements go by; the process that serves them. Fails with [`Error::ReadOnly`] where the session is of no use.
    async fn set_up(&self, connection: &mut PgConnection) -> Result<i32> {
        let row = sqlx::raw_sql(AssertSqlSafe(self.setup.as_str())).fetch_one(connection).await?;
        if row.try_get(1)? {
            return Err(Error::ReadOnly);
        }
        Ok(row.try_get(0)?)
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>> {
        match self.permits.try_acquire() {
            Ok(permit) => Ok(permit),
            Err(TryAcquireError::Closed) => Err(Error::Closed),
            Err(TryAcquireError::NoPermits) => self.permits.acquire().await.map_err(|_| Error::Closed),
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
        if let Ok(Ok(_)) = timeout(WAIT, work).await {
            self.give_back();
        }
    }

    /// Closes the connection, which failed so, and gives up what is lost with it.
    pub(super) fn lose(self, error: &Error) {
        self.home.budget.lose(self.open, error);
    }

    /// Ends the transaction that failed so; a connection that is lost is closed.
    pub(super) async fn fail(self, error: &Error) {
        match error.is_connection_lost() {
            true => self.lose(error),
            false => self.roll_back().await,
        }
    }
}
