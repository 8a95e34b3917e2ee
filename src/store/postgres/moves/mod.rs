//! A tenant's records move to another placement while they are read and written (docs/operator.md#placements).
//!
//! 1. *Copy*: all resources in the order of their rows, some at a time, each lot as one moment has it.
//! 2. *Catch up*: round after round, each as one moment has it, the change log from where the last one ended, and
//!    the resources that it names. When little is left, all tables are counted and digested on both sides, as of that moment.
//! 3. *Switch*: writes wait, the last changes are copied and verified, the former place is *closed*, so that every
//!    statement on the tenant is refused there, the directory points to the new one, and that is opened.
//!
//! The copy says how far it is within the transactions that write it, so a move that was broken off goes on where it was.
//! Until the directory points elsewhere the former place serves; one that was closed for a mover who died is opened again by
//! the nodes, who take the tenant in hand (`attempt`), so that he can no longer turn the pointer should he live after all.
//!
//! Nothing here sees another tenant's rows: both sides are worked on with the role and the policies of requests.

mod audit;
mod copy;
mod erase;
mod fence;
mod log;
mod releases;
mod remnants;
mod reseal;
mod side;
mod verify;

use super::directory::{Directory, Entry};
use super::residence::Residence;
use super::schema::{self, Kind};
use super::target::Target;
use crate::{Error, Keeper, Result};
use copy::State;
pub(super) use fence::reopen;
pub use remnants::Swept;
pub(super) use remnants::sweep;
pub(super) use reseal::{FENCED, reseal};
use side::Side;
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// When a round took at most this part of the time that writes may wait, the rest is copied while they do.
const PART: u32 = 3;
/// So many rounds are made to come there; a tenant that is written faster than it is copied comes there never.
const ROUNDS: usize = 20;
/// How often the switch is tried that takes longer than writes may wait.
const SWITCHES: u32 = 5;

/// How long the database may take to free a tenant.
const GOODBYE: Duration = Duration::from_secs(10);

/// What is to be moved, and where to.
#[derive(Clone, Debug)]
pub struct Move {
    /// The tenant's name.
    pub tenant: String,
    /// Where it is to be kept; without a region the one that it has, if that is known of the place.
    pub to: Residence,
    /// Whether the former place's records are left there, closed.
    pub keep: bool,
    /// The longest that writes wait for the switch.
    pub pause: Duration,
    /// Unwraps the tenant's keys, which its audit log is moved by.
    pub keeper: Arc<Keeper>,
}

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moving {
    /// Resources are copied: so many of so many.
    Copying(u64, u64),
    /// The change log was followed up to a moment; so many resources had changed.
    CaughtUp(usize),
    /// Both sides were the same at a moment: so many rows.
    Verified(u64),
    /// Writes wait.
    Paused,
    /// The former place refuses every statement.
    Closed,
    /// The directory points to the new place.
    Pointed,
    /// The new place is open.
    Opened,
    /// What was left behind is gone, or stays as was asked.
    Done,
}

/// What became of a move.
#[derive(Clone, Debug)]
pub struct Moved {
    /// How many rows were compared, the index's included.
    pub rows: u64,
    /// How long writes waited.
    pub pause: Duration,
    /// Why something was left behind at the former place, which nobody asks any more.
    pub left: Option<String>,
}

type Told<'a> = &'a (dyn Fn(Moving) + Send + Sync);

/// Moves a tenant, with the rights of the URL's login. Fails with the former place still serving.
pub(super) async fn run(url: &str, order: &Move, told: Told<'_>) -> Result<Moved> {
    order.to.verify()?;
    let target: Target = url.parse()?;
    let directory = Directory::open(&target).await?;
    let moved = with_directory(&directory, &target, order, told).await;
    directory.close().await;
    moved
}

async fn with_directory(directory: &Directory, target: &Target, order: &Move, told: Told<'_>) -> Result<Moved> {
    let number = directory.find(&order.tenant).await?.ok_or_else(|| unknown(order))?.number;
    let alone = hold(target, number).await?;
    let moved = in_hand(directory, target, order, told).await;
    release(alone).await;
    moved
}

fn unknown(order: &Move) -> Error {
    Error::CannotMove(format!("there is no tenant {}", order.tenant))
}

/// What is done while nobody else has the tenant in hand.
async fn in_hand(directory: &Directory, target: &Target, order: &Move, told: Told<'_>) -> Result<Moved> {
    let entry = directory.take(&order.tenant).await?.ok_or_else(|| unknown(order))?;
    let to = order.to.spot(entry.number);
    if to == entry.spot {
        return Err(Error::CannotMove("it is there already".into()));
    }
    for spot in [&entry.spot, &to] {
        let place = spot.target(target)?;
        if place.is_pooled {
            return Err(Error::CannotMove("give URLs past the pooler for both of its places".into()));
        }
        schema::migrate(&place, &spot.schema, Kind::Records).await?;
    }
    let owner = entry.owner();
    let (mut from, mut arrival) =
        (Side::open(&entry.spot, target, &owner).await?, Side::open(&to, target, &owner).await?);
    if from.identity().await? == arrival.identity().await? {
        return Err(Error::CannotMove("it is there already, by another URL".into()));
    }
    directory.note(&entry, &to).await?;
    let mut mover = Mover {
        from,
        to: arrival,
        keeps_transactions: entry.spot.database == to.database,
        directory,
        target,
        entry,
        order,
        told,
    };
    // Should an earlier mover have died between the two steps of a switch.
    fence::open(&mut mover.from, mover.entry.attempt).await?;
    let moved = mover.run().await;
    if let Err(error) = &moved {
        mover.give_up(error).await;
    }
    moved
}

/// A connection that holds what one mover of a tenant has at a time, or who else takes all of its records in hand. It is given
/// up for one whose machine does not answer any more.
async fn hold(target: &Target, number: i32) -> Result<PgConnection> {
    const CLASS: i32 = 1_802_723_941;
    const ALIVE: &str = "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4";
    if target.is_pooled {
        return Err(Error::Pooled);
    }
    let mut connection = target.options.connect().await?;
    sqlx::raw_sql(ALIVE).execute(&mut connection).await?;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)").bind(CLASS).bind(number);
    match lock.fetch_one(&mut connection).await? {
        true => Ok(connection),
        false => Err(Error::CannotMove("somebody moves it already, or encrypts it anew".into())),
    }
}

/// Gives up what [`hold`] holds, before the connection ends: the database sees that a moment later only, and who comes next would find
/// the tenant in somebody's hand.
async fn release(mut alone: PgConnection) {
    // Where that fails the lock goes with the connection, however it ends.
    let _ = timeout(GOODBYE, sqlx::raw_sql("SELECT pg_advisory_unlock_all()").execute(&mut alone)).await;
    let _ = alone.close().await;
}

struct Mover<'a> {
    from: Side,
    to: Side,
    /// Both places are in one database, whose transactions the change log tells.
    keeps_transactions: bool,
    directory: &'a Directory,
    target: &'a Target,
    /// As it was when this mover took the tenant in hand.
    entry: Entry,
    order: &'a Move,
    told: Told<'a>,
}

impl Mover<'_> {
    async fn run(&mut self) -> Result<Moved> {
        verify::knows_all_tables(&mut self.from).await?;
        let mut state = self.begin().await?;
        self.copy_all(&mut state).await?;
        for _ in 0..SWITCHES {
            let rows = self.compare(&mut state).await?;
            // Comparing all took its time.
            self.catch_up(&mut state).await?;
            if let Some(pause) = self.switch(&mut state).await? {
                let left = self.clear().await.err().map(|it| it.to_string());
                (self.told)(Moving::Done);
                return Ok(Moved { rows, pause, left });
            }
        }
        Err(Error::CannotMove("the last changes took longer than writes may wait; try when less is written".into()))
    }

    /// Rounds until little is left.
    async fn catch_up(&mut self, state: &mut State) -> Result<()> {
        self.rounds(state, false).await.map(|_| ())
    }

    /// The same; then both sides are compared as of the last round's moment. How many rows they have.
    async fn compare(&mut self, state: &mut State) -> Result<u64> {
        self.rounds(state, true).await
    }

    async fn rounds(&mut self, state: &mut State, is_compared: bool) -> Result<u64> {
        for _ in 0..ROUNDS {
            let since = Instant::now();
            self.from.begin(Side::SNAPSHOT).await?;
            let done = self.round(state).await?;
            let is_last = since.elapsed() <= self.order.pause / PART;
            (self.told)(Moving::CaughtUp(done.resources.len()));
            let rows = if is_last && is_compared { verify::all(&mut self.from, &mut self.to).await? } else { 0 };
            self.from.commit().await?;
            self.to.save(state.after(&done)).await?;
            if is_last && is_compared {
                (self.told)(Moving::Verified(rows));
            }
            if is_last {
                return Ok(rows);
            }
        }
        Err(Error::CannotMove("it is written faster than it is copied; try when less is written".into()))
    }

    /// The last changes and the turn of the pointer. `None` if that took longer than writes may wait: they go on.
    async fn switch(&mut self, state: &mut State) -> Result<Option<Duration>> {
        let Some(since) = fence::alone(&mut self.from, self.order.pause).await? else { return Ok(None) };
        match timeout_at(since + self.order.pause, self.finish(state)).await {
            Ok(finished) => finished?,
            Err(_) => {
                // Its answer is still to come on the old connections.
                self.reconnect().await?;
                return Ok(None);
            }
        }
        fence::turn(self).await?;
        Ok(Some(since.elapsed()))
    }

    /// Copies what was written last; nobody writes until the transaction ends, which closes the place.
    async fn finish(&mut self, state: &mut State) -> Result<()> {
        (self.told)(Moving::Paused);
        let done = self.round(state).await?;
        verify::touched(&mut self.from, &mut self.to, &done).await?;
        self.to.save(state.after(&done)).await?;
        fence::close(&mut self.from, self.entry.attempt).await
    }

    /// Opens whatever place the directory has. The copy stays, to go on from, unless it is not the same.
    async fn give_up(&mut self, cause: &Error) {
        if let Error::CopyDiffers { .. } = cause {
            // Where that fails, the next mover finds the same and tries it again.
            let _ = self.reject().await;
        }
        // Where that fails, the nodes do it when they find the place closed.
        let _ = reopen(self.directory, self.target, &self.order.tenant).await;
    }

    async fn reconnect(&mut self) -> Result<()> {
        self.from.reconnect().await?;
        self.to.reconnect().await
    }
}
