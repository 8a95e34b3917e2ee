//! A standby that answers reads (PostgreSQL's streaming replication).
//!
//! Every read is at least as new as it would have been on the primary when it began, whoever wrote and on whichever node:
//! the primary tells how far its write-ahead log is, and the standby answers when it has replayed that. Reads that come
//! while the primary is asked share its next answer. A standby that is behind, gone, promoted or another database's is
//! passed over, and the primary answers.

use super::connections::{Connections, Taken};
use crate::{Error, Result};
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long the standby may take to let a read in.
const REACH: Duration = Duration::from_millis(500);
/// How long a read waits for what is not replayed yet, and how often it looks.
const LAG: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(5);
/// How long it is passed over after it was behind, and after anything else.
const REST_BEHIND: Duration = Duration::from_secs(1);
const REST_BROKEN: Duration = Duration::from_secs(5);

/// Where the primary is in its log, and which database it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// All that was acknowledged is before it.
    position: i64,
    cluster: i64,
    database: i64,
}

/// The standby's part of a placement.
pub(super) struct Standby {
    pub(super) reads: Connections,
    marks: tokio::sync::Mutex<Answer>,
    /// Counts who asks and what is asked, so that it is known which came first.
    ticks: AtomicU64,
    /// Until when it is passed over.
    rests: Mutex<Option<Instant>>,
}

/// The last mark, and when it was asked for.
#[derive(Default)]
struct Answer {
    tick: u64,
    mark: Mark,
}

impl Standby {
    pub(super) fn new(reads: Connections) -> Standby {
        Standby { reads, marks: Default::default(), ticks: AtomicU64::new(1), rests: Mutex::default() }
    }

    /// What the standby must have replayed before it answers a read that begins now; `None` if it is passed over.
    pub(super) async fn mark(&self, primary: &Connections) -> Option<Mark> {
        if self.rests().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let came = self.tick();
        let mut last = self.marks.lock().await;
        if last.tick < came {
            let tick = self.tick();
            // Should the primary not answer, it says so to whoever asks it next.
            let mark = ask(primary).await.ok()?;
            *last = Answer { tick, mark };
        }
        Some(last.mark)
    }

    /// A connection on which everything before the mark is seen.
    pub(super) async fn take(&self, mark: Mark) -> Result<Taken<'_>> {
        let taken = timeout(REACH, self.reads.take()).await.map_err(|_| Error::Silent)??;
        match self.followed(taken, mark).await {
            // Connections from before it was gone for a while.
            Err(error) if error.is_connection_lost() => {
                let taken = timeout(REACH, self.reads.take_new()).await.map_err(|_| Error::Silent)??;
                self.followed(taken, mark).await
            }
            done => done,
        }
    }

    /// The same connection, when it has come to the mark.
    async fn followed<'a>(&self, mut taken: Taken<'a>, mark: Mark) -> Result<Taken<'a>> {
        match self.follow(&mut taken.connection, mark).await {
            Ok(()) => return Ok(taken),
            Err(Error::Lagging) if taken.is_in_transaction() => taken.roll_back().await,
            Err(Error::Lagging) => taken.give_back(),
            Err(error) => return Err(error),
        }
        Err(Error::Lagging)
    }

    async fn follow(&self, connection: &mut PgConnection, mark: Mark) -> Result<()> {
        let began = Instant::now();
        loop {
            match timeout(REACH, replayed(connection, mark)).await.map_err(|_| Error::Silent)?? {
                Some(true) => return Ok(()),
                Some(false) if began.elapsed() < LAG => tokio::time::sleep(LOOK).await,
                Some(false) => return Err(Error::Lagging),
                None => return Err(Error::NoStandby),
            }
        }
    }

    /// Whether the primary answers what the standby failed to; it is then passed over for a while.
    pub(super) fn is_left(&self, error: &Error) -> bool {
        if matches!(error, Error::Timeout | Error::TooLarge | Error::Moved) {
            return false;
        }
        let rest = if matches!(error, Error::Lagging) { REST_BEHIND } else { REST_BROKEN };
        let mut rests = self.rests();
        // Of those that failed together one tells.
        if rests.is_none_or(|until| until <= Instant::now()) {
            tracing::warn!(%error, "the read database is passed over for {} s", rest.as_secs());
            *rests = Some(Instant::now() + rest);
        }
        true
    }

    fn rests(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::AcqRel)
    }
}

async fn ask(primary: &Connections) -> Result<Mark> {
    let mut taken = primary.take().await?;
    let work = async {
        let row = sqlx::query(
            "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint, c.system_identifier, d.oid::bigint \
             FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()",
        )
        .fetch_one(&mut taken.connection)
        .await?;
        taken.commit().await?;
        Ok::<_, sqlx::Error>(row)
    };
    let row = timeout(primary.patience(), work).await.map_err(|_| Error::Silent)??;
    taken.give_back();
    Ok(Mark { position: row.try_get(0)?, cluster: row.try_get(1)?, database: row.try_get(2)? })
}

/// Whether a standby has come to the mark; `None` if it is none, or another database's.
async fn replayed(connection: &mut PgConnection, mark: Mark) -> Result<Option<bool>> {
    let row = sqlx::query(
        "SELECT CASE WHEN pg_is_in_recovery() AND c.system_identifier = $2 AND d.oid::bigint = $3 \
           THEN coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn >= $1::bigint, false) END \
         FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()",
    )
    .bind(mark.position)
    .bind(mark.cluster)
    .bind(mark.database)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}
