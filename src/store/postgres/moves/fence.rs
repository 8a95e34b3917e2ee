//! The switch: the former place is closed, the pointer turned, the new place opened.
//!
//! A write begins with the function `enter` of the migrations, which takes a lock that writers share, and then looks
//! whether the place is closed. Whoever holds the lock alone has nobody writing besides, and whoever comes later finds what he left.
//! Reads look at their beginning whether the place is closed. So a node that has heard of nothing neither writes nor reads
//! what does not count any more, and what it is told is where to ask: the directory.

use super::side::Side;
use super::{Directory, Mover, Moving, remnants, verify};
use crate::postgres::schema;
use crate::postgres::target::Target;
use crate::{Error, Result};
use sqlx::{AssertSqlSafe, Connection};
use std::time::Duration;
use tokio::time::Instant;

/// The lock that writers of a tenant share, as in the function `enter`.
const WRITERS: i32 = 1_802_723_940;
/// Rows that are taken away at a time.
const LOT: i64 = 5_000;

/// Whoever waits for the lock holds up all who come to write: not for long, and again after a rest in which they go on.
pub(super) const ATTEMPT: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_secs(1);
/// How long the writes under way may take that are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Begins a transaction in which nobody else writes, and tells since when nobody could; `None`, with nothing begun, if others
/// write for too long. A session that is idle in it for longer than it may hold them up, or for a minute, is ended.
pub(super) async fn alone(side: &mut Side, pause: Duration) -> Result<Option<Instant>> {
    let number = side.number;
    let (wait, idle) = (pause.min(ATTEMPT).as_millis().max(1), pause.max(PATIENCE).as_millis());
    let lock = format!(
        "SET LOCAL idle_in_transaction_session_timeout = {idle}; SET LOCAL lock_timeout = {wait}; \
         SELECT pg_advisory_xact_lock({WRITERS}, {number})"
    );
    let begun = Instant::now();
    loop {
        let since = Instant::now();
        side.begin(Side::SHARED_VIEW).await?;
        match side.simple(&lock).await {
            Err(error) if is_held(&error) => side.roll_back().await?,
            done => return done.map(|()| Some(since)),
        }
        if begun.elapsed() > PATIENCE {
            return Ok(None);
        }
        tokio::time::sleep(REST).await;
    }
}

/// The same, which fails where others write for too long.
pub(super) async fn hold(side: &mut Side, pause: Duration) -> Result<()> {
    alone(side, pause).await?.map(drop).ok_or(Error::Silent)
}

fn is_held(error: &Error) -> bool {
    let Error::Database(cause) = error else { return false };
    // lock_not_available
    crate::error::postgres_code(cause).as_deref() == Some("55P03")
}

/// Refuses every statement on the tenant from the end of the transaction on.
pub(super) async fn close(side: &mut Side, attempt: i64) -> Result<()> {
    let number = side.number;
    let close = format!(
        "INSERT INTO closed AS c VALUES ({number}, {attempt}) ON CONFLICT (tenant) \
         DO UPDATE SET attempt = greatest(c.attempt, excluded.attempt)"
    );
    side.simple(&close).await
}

/// Lets statements on the tenant in again, unless somebody closed the place who took the tenant in hand later.
pub(super) async fn open(side: &mut Side, attempt: i64) -> Result<()> {
    side.at_once(&format!("DELETE FROM closed WHERE attempt <= {attempt}")).await
}

/// Opens the place that the directory has for a tenant, for which a mover closed it who then died.
pub(in super::super) async fn reopen(directory: &Directory, target: &Target, name: &str) -> Result<()> {
    let Some(entry) = directory.take(name).await? else { return Ok(()) };
    let mut side = Side::open(&entry.spot, target, &entry.owner()).await?;
    open(&mut side, entry.attempt).await?;
    // Its work is done, however it ends.
    let _ = side.connection.close().await;
    Ok(())
}

/// Ends the transaction that has the last changes and closes the former place, and turns the pointer.
pub(super) async fn turn(mover: &mut Mover<'_>) -> Result<()> {
    mover.from.commit().await?;
    (mover.told)(Moving::Closed);
    let pointed = match mover.directory.point(&mover.entry, &mover.order.to, mover.order.keep).await {
        Ok(pointed) => pointed,
        // Whether it was turned is unknown; who takes the tenant in hand now waits for it, or comes before it for good.
        Err(error) if error.is_connection_lost() => mover.directory.take(&mover.order.tenant).await?,
        Err(error) => return Err(error),
    };
    let turned = pointed.filter(|it| it.residence == mover.entry.residence + 1);
    let Some(entry) = turned else {
        return Err(Error::CannotMove("it was broken off between two steps; try again".into()));
    };
    mover.entry = entry;
    (mover.told)(Moving::Pointed);
    open(&mut mover.to, mover.entry.attempt).await?;
    (mover.told)(Moving::Opened);
    Ok(())
}

impl Mover<'_> {
    /// Takes away what was left behind, by this move and by those before, but for what is to be kept.
    pub(super) async fn clear(&mut self) -> Result<()> {
        self.from.at_once("DELETE FROM leaving; DELETE FROM reindexed").await?;
        remnants::clear(self.directory, self.target, &self.entry).await
    }
}

impl Side {
    /// Takes all of the tenant's rows away, some at a time. That it is closed stays known.
    pub(super) async fn purge(&mut self) -> Result<()> {
        self.verify_owner().await?;
        self.purge_audit().await?;
        for table in verify::tables(self).await?.into_iter().filter(|it| !it.starts_with("audit_")) {
            let delete = format!("DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} LIMIT {LOT}))");
            loop {
                self.begin(Side::SHARED_VIEW).await?;
                let gone = self.execute(sqlx::query(AssertSqlSafe(delete.clone()))).await?;
                self.commit().await?;
                if gone == 0 {
                    break;
                }
            }
        }
        self.at_once("DELETE FROM leaving; DELETE FROM reindexed; DELETE FROM resident; DELETE FROM arriving").await
    }

    /// Drops a schema with all that is in it, as its owner.
    pub(super) async fn drop_schema(&mut self, schema: &str) -> Result<()> {
        self.verify_owner().await?;
        let drop = format!(
            "BEGIN; SET LOCAL ROLE NONE; SET LOCAL lock_timeout = '5s'; DROP SCHEMA IF EXISTS {} CASCADE; COMMIT",
            schema::quoted(schema)?
        );
        self.simple(&drop).await
    }
}
