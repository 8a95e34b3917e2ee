//! How many requests a minute are answered: for a tenant, a client, a user and an address.
//!
//! Each is counted in memory, minute by minute. Where nodes share a database, a node counts alone up to a sixteenth of a
//! limit; for more it takes a share out of the limit ([`lease`]), which all nodes see. So a request costs no look at the
//! database but for one in so many of whoever makes many, and all nodes together let in no more than the limit and a
//! sixteenth of it for each of them.

mod kept;
mod lease;
mod limits;
pub mod operation;
mod refusals;

pub use kept::{By, OwnLimits};
pub use limits::{Limits, Rate, Who};
pub use refusals::{Refusals, Untold};

use rustc_hash::FxHashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::Mutex as Turn;

/// What a limit is for, in milliseconds.
pub const WINDOW: i64 = 60 * 1000;
/// A node's share of a limit is one in so many.
const SHARES: u32 = 16;
/// Counts are kept in so many parts, each with a lock of its own.
const PARTS: usize = 16;
/// The most that one part counts at a time; who comes on top is counted for the tenant only.
const MOST: usize = 8192;
/// How long a tenant's own limits are remembered, in milliseconds.
const LEARNT: i64 = 5_000;
/// The most tenants whose limits are remembered.
const MOST_LEARNT: usize = 4096;

/// All counts of this node.
pub struct Rates {
    server: Limits,
    /// Whether other nodes may count too.
    is_shared: bool,
    hasher: RandomState,
    parts: [Part; PARTS],
    own: RwLock<FxHashMap<Box<str>, (i64, Limits)>>,
    refused: [AtomicU64; Who::ALL.len()],
    /// What the audit log is told of that.
    pub refusals: Refusals,
    leases: AtomicU64,
}

#[derive(Default)]
struct Part {
    counts: Mutex<Counts>,
    /// Whose it is to ask for another share.
    turn: Turn<()>,
}

/// What was counted within a minute.
#[derive(Default)]
struct Counts {
    window: i64,
    of: FxHashMap<u64, Count>,
}

/// What somebody has spent.
#[derive(Clone, Copy)]
struct Count {
    spent: u32,
    /// What this node may let be spent before it asks the others.
    allowed: u32,
    /// What all nodes were seen to have taken out of the limit; none before they were asked.
    taken: Option<u32>,
    /// Whether there is no more to take.
    is_closed: bool,
}

/// For whom something is counted: one number, as what it is made of may be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

/// What comes of an attempt to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was spent; this much is left, as far as this node knows.
    Left(u32),
    /// There is not as much left.
    Over,
    /// The other nodes must be asked.
    Ask,
}

impl Rates {
    /// Counts by these limits; `is_shared` with other nodes.
    pub fn new(server: Limits, is_shared: bool) -> Rates {
        Rates {
            server,
            is_shared,
            hasher: RandomState::new(),
            parts: Default::default(),
            own: RwLock::default(),
            refused: Default::default(),
            refusals: Refusals::default(),
            leases: AtomicU64::new(0),
        }
    }

    /// The key of somebody in a tenant.
    pub fn key(&self, tenant: &str, who: Who, name: &str) -> Key {
        Key(self.hasher.hash_one((tenant, who, name)))
    }

    /// The limits of a tenant, as they were a few seconds ago at the most; `None` where they are to be learnt.
    pub fn limits(&self, tenant: &str, now: i64) -> Option<Limits> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.get(tenant).filter(|(until, _)| now < *until).map(|(_, limits)| *limits)
    }

    /// The limits that a tenant had when that was last known; else the server's.
    pub fn last(&self, tenant: &str) -> Limits {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.get(tenant).map_or(self.server, |(_, limits)| *limits)
    }

    /// Remembers what a tenant says of its limits.
    pub fn learn(&self, tenant: &str, own: &OwnLimits, now: i64) -> Limits {
        let limits = own.within(&self.server);
        let mut all = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_LEARNT {
            all.clear();
        }
        all.insert(tenant.into(), (now + LEARNT, limits));
        limits
    }

    /// The server's limits: those of whoever asks for no tenant that there is.
    pub fn of_nobody(&self) -> Limits {
        self.server
    }

    /// Spends so much of a limit at a time, if it is there.
    pub fn spend(&self, key: Key, who: Who, limit: u32, weight: u32, now: i64) -> Spent {
        let mut counts = self.counts(key, now);
        // Tenants are known ones, and few; names and addresses can be made up.
        if counts.of.len() >= MOST && who != Who::Tenant && !counts.of.contains_key(&key.0) {
            return Spent::Left(limit);
        }
        let allowed = if self.is_shared { share(limit) } else { limit };
        let count = counts.of.entry(key.0).or_insert(Count { spent: 0, allowed, taken: None, is_closed: false });
        let spent = count.spent.saturating_add(weight);
        if spent <= count.allowed {
            count.spent = spent;
            let others = count.taken.map_or(0, |it| it.saturating_sub(count.allowed));
            return Spent::Left(limit.saturating_sub(others.saturating_add(spent)));
        }
        if self.is_shared && !count.is_closed { Spent::Ask } else { Spent::Over }
    }

    /// Counts what is spent on this node alone, where there is nothing that other nodes see it by; see [`Rates::is_spent`].
    pub fn note(&self, key: Key, weight: u32, now: i64) {
        let mut counts = self.counts(key, now);
        if counts.of.len() >= MOST && !counts.of.contains_key(&key.0) {
            return;
        }
        let count = counts.of.entry(key.0).or_insert(Count { spent: 0, allowed: 0, taken: None, is_closed: false });
        count.spent = count.spent.saturating_add(weight);
    }

    /// Whether somebody has nothing left.
    pub fn is_spent(&self, key: Key, limit: u32, now: i64) -> bool {
        self.counts(key, now).of.get(&key.0).is_some_and(|it| it.spent >= limit)
    }

    /// Notes that a request was refused.
    pub fn refuse(&self, who: Who) {
        if let Some(count) = self.refused.get(who as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// How many requests were refused for whose sake, and how many shares were taken.
    pub fn figures(&self) -> (impl Iterator<Item = (Who, u64)>, u64) {
        let refused = Who::ALL.into_iter().zip(self.refused.iter().map(|it| it.load(Relaxed)));
        (refused, self.leases.load(Relaxed))
    }

    fn part(&self, key: Key) -> &Part {
        // The index is within, whatever the key is.
        #[allow(clippy::indexing_slicing)]
        &self.parts[key.0 as usize % PARTS]
    }

    /// The counts of this minute.
    fn counts(&self, key: Key, now: i64) -> MutexGuard<'_, Counts> {
        let mut counts = self.part(key).counts.lock().unwrap_or_else(PoisonError::into_inner);
        let window = window(now);
        if counts.window != window {
            counts.window = window;
            counts.of.clear();
        }
        counts
    }
}

/// What a node takes out of a limit at a time.
fn share(limit: u32) -> u32 {
    (limit / SHARES).max(1)
}

/// The minute of a time.
fn window(now: i64) -> i64 {
    now.div_euclid(WINDOW)
}

/// The seconds until counts begin anew.
pub fn reset(now: i64) -> i64 {
    (WINDOW - now.rem_euclid(WINDOW) + 999).div_euclid(1000)
}

#[cfg(test)]
mod tests;
