//! A standby that answers reads (PostgreSQL's streaming replication).
//!
//! Every read is at least as new as it would have been on the primary when it began, whoever wrote and on whichever node:
//! the primary tells how far its write-ahead log is, and the standby answers when it has replayed that. Reads that come
//! while the primary is asked share its next answer. A standby that is behind, gone, promoted or another database's is
//! passed over, and the primary answers.
//!
//! While the primary does not answer, the standby answers as it is, to those alone who allow for it ([`Leeway`]).

use super::connections::{Connections, Taken};
use super::runner::{Reading, Tenancy};
use crate::{Error, Freshness, Leeway, Result};
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long the primary may take to tell where it is.
const ASK: Duration = Duration::from_secs(1);
/// How long the standby may take to let a read in.
const REACH: Duration = Duration::from_millis(500);
/// How long a read waits for what is not replayed yet, and how often it looks.
const LAG: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(5);
/// How long it is passed over after it was behind, and after anything else.
const REST_BEHIND: Duration = Duration::from_secs(1);
const REST_BROKEN: Duration = Duration::from_secs(5);

/// Where the primary was in its log at a time, and which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// All that was acknowledged by then is before it,
    position: i64,
    /// in this one of the histories that promoted standbys began: a position in another one says nothing.
    timeline: i64,
    at: Instant,
    cluster: i64,
    database: i64,
}

/// The standby's part of a placement.
pub(super) struct Standby {
    pub(super) reads: Connections,
    marks: tokio::sync::Mutex<Answer>,
    /// The last mark that the primary told.
    last: Mutex<Option<Mark>>,
    /// Counts who asks and what is asked, so that it is known which came first.
    ticks: AtomicU64,
    /// Until when it is passed over.
    rests: Mutex<Option<Instant>>,
}

/// What the primary told last, and when it was asked; no mark if it did not answer.
#[derive(Default)]
struct Answer {
    tick: u64,
    mark: Option<Mark>,
}

/// A standby that is to answer a read.
pub(super) struct StandIn {
    standby: Arc<Standby>,
    demand: Demand,
}

/// What a standby must have replayed.
#[derive(Clone)]
pub(super) enum Demand {
    /// All before the mark.
    All(Mark),
    /// As much as the caller allows for; the mark is the last that is known.
    Some(Mark, Arc<Leeway>),
}

impl StandIn {
    /// Runs statements there.
    pub(super) fn reading<'a>(&'a self, tenancy: &'a Tenancy) -> Reading<'a> {
        Reading { tenancy, connections: &self.standby.reads, after: Some((&self.standby, &self.demand)) }
    }

    /// Whether the primary answers what the standby failed to; it is then passed over for a while.
    pub(super) fn is_left(&self, error: &Error) -> bool {
        self.standby.is_left(error)
    }

    /// Whether it answers only because the primary does not.
    pub(super) fn is_late(&self) -> bool {
        matches!(self.demand, Demand::Some(..))
    }
}

impl Standby {
    /// Of the primary with these connections; where it is now is asked at once.
    pub(super) async fn new(reads: Connections, primary: &Connections) -> Standby {
        let standby = Standby {
            reads,
            marks: Default::default(),
            last: Mutex::default(),
            ticks: AtomicU64::new(1),
            rests: Mutex::default(),
        };
        standby.mark(primary).await;
        standby
    }

    /// What the standby must have replayed before it answers a read that begins now; `None` if it is passed over.
    pub(super) async fn stand_in(
        self: &Arc<Self>,
        primary: &Connections,
        leeway: Option<&Arc<Leeway>>,
    ) -> Option<StandIn> {
        let rests = locked(&self.rests).is_some_and(|until| Instant::now() < until);
        if rests && leeway.is_none() {
            return None;
        }
        let demand = match self.mark(primary).await {
            Some(_) if rests => return None,
            Some(mark) => Demand::All(mark),
            None => Demand::Some((*locked(&self.last))?, leeway?.clone()),
        };
        Some(StandIn { standby: self.clone(), demand })
    }

    /// Where the primary is; `None` if it does not answer, which it then says to whoever asks it next.
    async fn mark(&self, primary: &Connections) -> Option<Mark> {
        let came = self.tick();
        let mut last = self.marks.lock().await;
        if last.tick < came {
            let tick = self.tick();
            let mark = timeout(ASK, ask(primary)).await.ok().and_then(Result::ok);
            *last = Answer { tick, mark };
            if mark.is_some() {
                *locked(&self.last) = mark;
            }
        }
        last.mark
    }

    /// A connection on which everything is seen that is demanded.
    pub(super) async fn take(&self, demand: &Demand) -> Result<Taken<'_>> {
        let taken = timeout(REACH, self.reads.take()).await.map_err(|_| Error::Silent)??;
        match self.followed(taken, demand).await {
            // Connections from before it was gone for a while.
            Err(error) if error.is_connection_lost() => {
                let taken = timeout(REACH, self.reads.take_new()).await.map_err(|_| Error::Silent)??;
                self.followed(taken, demand).await
            }
            done => done,
        }
    }

    /// The same connection, when it has come to what is demanded.
    async fn followed<'a>(&self, mut taken: Taken<'a>, demand: &Demand) -> Result<Taken<'a>> {
        match self.follow(&mut taken.connection, demand).await {
            Ok(()) => return Ok(taken),
            Err(Error::Lagging) if taken.is_in_transaction() => taken.roll_back().await,
            Err(Error::Lagging) => taken.give_back(),
            Err(error) => {
                // That it does not tell in time says nothing of the others.
                if error.is_connection_lost() {
                    taken.lose(&error);
                }
                return Err(error);
            }
        }
        Err(Error::Lagging)
    }

    async fn follow(&self, connection: &mut PgConnection, demand: &Demand) -> Result<()> {
        let began = Instant::now();
        let mark = match demand {
            Demand::All(mark) | Demand::Some(mark, _) => *mark,
        };
        loop {
            let found = timeout(REACH, Replayed::of(connection, mark)).await.map_err(|_| Error::Silent)??;
            let found = found.ok_or(Error::NoStandby)?;
            match demand {
                Demand::Some(_, leeway) if leeway.is_for_access() && !found.is_at_mark => return Err(Error::Lagging),
                Demand::Some(mark, leeway) if leeway.takes(found.freshness(mark.at.elapsed())) => return Ok(()),
                Demand::Some(..) => return Err(Error::Lagging),
                Demand::All(_) if found.is_at_mark => return Ok(()),
                Demand::All(_) if began.elapsed() < LAG => tokio::time::sleep(LOOK).await,
                Demand::All(_) => return Err(Error::Lagging),
            }
        }
    }

    fn is_left(&self, error: &Error) -> bool {
        if matches!(error, Error::Timeout | Error::TooLarge | Error::Moved) {
            return false;
        }
        let rest = if matches!(error, Error::Lagging) { REST_BEHIND } else { REST_BROKEN };
        let mut rests = locked(&self.rests);
        // Of those that failed together one tells.
        if rests.is_none_or(|until| until <= Instant::now()) {
            tracing::warn!(%error, "the read database is passed over for {} s", rest.as_secs());
            *rests = Some(Instant::now() + rest);
        }
        true
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::AcqRel)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the primary is now.
async fn ask(primary: &Connections) -> Result<Mark> {
    match ask_on(primary.take().await?).await {
        // Connections from before it was gone for a while.
        Err(error) if error.is_connection_lost() => ask_on(primary.take_new().await?).await,
        answer => answer,
    }
}

async fn ask_on(mut taken: Taken<'_>) -> Result<Mark> {
    let at = Instant::now();
    let row = sqlx::query(
        "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint, c.system_identifier, d.oid::bigint, \
           ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int::bigint \
         FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()",
    )
    .fetch_one(&mut taken.connection)
    .await?;
    taken.commit().await?;
    taken.give_back();
    let (position, timeline) = (row.try_get(0)?, row.try_get(3)?);
    Ok(Mark { position, timeline, at, cluster: row.try_get(1)?, database: row.try_get(2)? })
}

/// How far a standby has come.
struct Replayed {
    is_at_mark: bool,
    /// How long ago the last transaction was committed that it has, by the databases' clocks.
    since: Option<Duration>,
}

impl Replayed {
    /// `None` if it is no standby, or another database's. One that was ahead of the standby that became the primary is at no mark: it
    /// replayed what counts no more. Of those that follow the new primary the control file tells so with their next
    /// restart point at the latest.
    async fn of(connection: &mut PgConnection, mark: Mark) -> Result<Option<Replayed>> {
        let row = sqlx::query(
            "SELECT CASE WHEN pg_is_in_recovery() AND c.system_identifier = $2 AND d.oid::bigint = $3 \
               THEN coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn >= $1::bigint \
                 AND greatest(p.timeline_id, r.min_recovery_end_timeline) = $4, false) END, \
             ceil(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint \
             FROM pg_control_system() c, pg_control_checkpoint() p, pg_control_recovery() r, pg_database d \
             WHERE d.datname = current_database()",
        )
        .bind(mark.position)
        .bind(mark.cluster)
        .bind(mark.database)
        .bind(mark.timeline)
        .fetch_one(connection)
        .await?;
        let (is_at_mark, since): (Option<bool>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let since = since.map(|it| Duration::from_millis(u64::try_from(it).unwrap_or_default()));
        Ok(is_at_mark.map(|is_at_mark| Replayed { is_at_mark, since }))
    }

    /// What may be missing: what came after the mark, if that is passed, and after the last transaction that is there.
    fn freshness(&self, since_mark: Duration) -> Freshness {
        let since_mark = self.is_at_mark.then_some(since_mark);
        since_mark.into_iter().chain(self.since).min().map_or(Freshness::Unknown, Freshness::Stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_known_the_newest_counts() {
        let seconds = Duration::from_secs;
        for (is_at_mark, since, expected) in [
            (false, None, Freshness::Unknown),
            (false, Some(70), Freshness::Stale(seconds(70))),
            (true, Some(70), Freshness::Stale(seconds(20))),
            (true, Some(5), Freshness::Stale(seconds(5))),
            (true, None, Freshness::Stale(seconds(20))),
        ] {
            let replayed = Replayed { is_at_mark, since: since.map(seconds) };
            assert_eq!(replayed.freshness(seconds(20)), expected);
        }
    }
}
