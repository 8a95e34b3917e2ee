//! Shares of a limit, which nodes take out of one number in the tenant's ledger.

use super::{Key, Rates, WINDOW, share, window};
use crate::auth::kept::{self, Kept};
use crate::auth::secret;
use fhir::Result;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering::Relaxed;
use store::Session;

/// How often a share is asked for where other nodes ask at the same time.
const RACES: usize = 16;

/// What was taken out of a limit within a minute, kept under a hash of whose it is.
#[derive(Serialize, Deserialize)]
struct Taken {
    window: i64,
    taken: u32,
}

impl Kept for Taken {
    const KIND: &'static str = "spent";
}

/// A share that was asked for.
struct Share {
    /// What the node got.
    got: u32,
    /// What all nodes have taken.
    taken: u32,
}

impl Rates {
    /// Takes another share of a limit, if there is one left; `name` says whose it is. The node then spends again.
    pub async fn lease(&self, session: &dyn Session, key: Key, name: &str, limit: u32, weight: u32, now: i64) {
        let _turn = self.part(key).turn.lock().await;
        // Whoever had the turn before may have got enough for both.
        let Some(count) = self.counts(key, now).of.get(&key.0).copied() else { return };
        if count.is_closed || count.spent.saturating_add(weight) <= count.allowed {
            return;
        }
        // What the node has spent alone counts from now on.
        let alone = if count.taken.is_none() { count.allowed } else { 0 };
        let wanted = share(limit).max(weight);
        let share = match take(session, name, limit, alone, wanted, now).await {
            Ok(share) => share,
            Err(failure) => {
                // Requests are not to fail for the sake of counting them.
                tracing::warn!(status = failure.status, "rate limits: the other nodes' counts cannot be read");
                Share { got: wanted, taken: count.taken.unwrap_or_default() }
            }
        };
        self.leases.fetch_add(1, Relaxed);
        if let Some(count) = self.counts(key, now).of.get_mut(&key.0) {
            count.allowed = count.allowed.saturating_add(share.got);
            count.taken = Some(share.taken);
            count.is_closed = share.got < weight;
        }
    }
}

/// Adds to what was taken what a node has spent alone, and takes what is wanted, or what is left of it.
async fn take(session: &dyn Session, name: &str, limit: u32, alone: u32, wanted: u32, now: i64) -> Result<Share> {
    let (key, window) = (secret::hash(name), window(now));
    let until = Some((window + 2) * WINDOW);
    for _ in 0..RACES {
        let entry = kept::find::<Taken>(session, &key).await?;
        let before = entry.as_ref().filter(|it| it.value.window == window).map_or(0, |it| it.value.taken);
        let counted = before.saturating_add(alone);
        let got = wanted.min(limit.saturating_sub(counted));
        let taken = Taken { window, taken: counted.saturating_add(got) };
        let total = taken.taken;
        let change = match entry {
            Some(mut entry) => {
                entry.value = taken;
                entry.replace_until(until)?
            }
            None => kept::insert(key.clone(), &taken, until)?,
        };
        if kept::write(session, vec![change]).await? {
            return Ok(Share { got, taken: total });
        }
    }
    // Many ask at once: there is hardly anything left.
    Ok(Share { got: 0, taken: limit })
}
