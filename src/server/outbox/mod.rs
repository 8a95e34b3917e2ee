//! What waits in tenants' ledgers until it is sent elsewhere, such as mails: kept by the same commit as what caused it, so that
//! neither is there without the other. Whoever sends it takes it for a while; a node that is killed meanwhile leaves it to
//! the next.

mod sender;

pub use sender::{Sender, Wake};

use crate::auth::kept::{self, Entry, Kept};
use crate::random;
use fhir::Result;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use store::{LedgerChange, Session, Tenant};

/// How long something is tried, in milliseconds.
pub const TRIED: i64 = 24 * 3600 * 1000;
/// How long whoever sends something has it, in milliseconds: longer than a try takes.
const TAKEN: i64 = 60 * 1000;
/// The first wait before another try and the longest, in milliseconds; each further one doubles it.
const FIRST: i64 = 30 * 1000;
const LONGEST: i64 = 3600 * 1000;

/// How something stands that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wait {
    /// How often it was tried.
    pub tries: u32,
    /// Not before then it is tried again, in milliseconds since the epoch.
    pub next: i64,
}

impl Wait {
    /// Of what is to be sent at once.
    pub fn new(now: i64) -> Wait {
        Wait { tries: 0, next: now }
    }
}

/// What can wait to be sent.
pub trait Waiting: Kept + Clone + Send + Sync + 'static {
    /// How it stands.
    fn wait(&mut self) -> &mut Wait;
}

/// Why something did not go. It tells nothing of whom it was for, nor what the other side said beside a number.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Words for an operator.
    pub reason: String,
    /// Whether to try again is of no use.
    pub is_permanent: bool,
    /// Whether it would be no other with the next one.
    pub is_of_server: bool,
}

/// How one kind of what waits is sent.
pub trait Carrier: Send + Sync + 'static {
    /// What it sends.
    type Item: Waiting;
    /// What the log calls one.
    const NAME: &'static str;

    /// Sends one, which has this name, once more if need be.
    fn send(
        &self,
        tenant: &Tenant,
        session: &dyn Session,
        name: &str,
        item: &Self::Item,
    ) -> impl Future<Output = std::result::Result<(), Refusal>> + Send;

    /// What is kept of one that is given up.
    fn given_up(&self, name: &str, item: &Self::Item, reason: &str, now: i64) -> Result<Option<LedgerChange>>;

    /// What became of them so far.
    fn figures(&self) -> &'static Figures;
}

/// How many were sent, put off and given up since the start.
#[derive(Default)]
pub struct Figures {
    sent: AtomicU64,
    put_off: AtomicU64,
    dead: AtomicU64,
}

impl Figures {
    /// What became of how many.
    pub fn all(&self) -> [(&'static str, u64); 3] {
        [("sent", &self.sent), ("put_off", &self.put_off), ("dead", &self.dead)].map(|(it, n)| (it, n.load(Relaxed)))
    }
}

/// The name of something that waits: what was written first comes first.
pub fn name(now: i64) -> String {
    format!("{now:013}-{}", random::id())
}

/// Takes something to send it; gives it as it is then, or none where somebody else has it.
async fn take<T: Waiting>(session: &dyn Session, mut entry: Entry<T>, now: i64) -> Result<Option<Entry<T>>> {
    let wait = entry.value.wait();
    wait.next = now + TAKEN;
    wait.tries = wait.tries.saturating_add(1);
    let change = entry.replace()?;
    match kept::write(session, vec![change]).await? {
        true => kept::find(session, &entry.key).await,
        false => Ok(None),
    }
}

/// Leaves something for later, or gives it up for good; `true` if it is given up.
async fn failed<C: Carrier>(
    carrier: &C,
    session: &dyn Session,
    mut entry: Entry<C::Item>,
    refusal: &Refusal,
    now: i64,
) -> Result<bool> {
    let next = now + pause(entry.value.wait().tries);
    let is_over = refusal.is_permanent || entry.is_expired_by(next);
    let changes = match is_over {
        false => {
            entry.value.wait().next = next;
            vec![entry.replace()?]
        }
        true => {
            let left = carrier.given_up(&entry.key, &entry.value, &refusal.reason, now)?;
            left.into_iter().chain([entry.delete()]).collect()
        }
    };
    kept::write(session, changes).await?;
    Ok(is_over)
}

/// How long to wait after so many tries, in milliseconds.
fn pause(tries: u32) -> i64 {
    FIRST.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        assert_eq!([1, 2, 3, 8, u32::MAX].map(pause), [30_000, 60_000, 120_000, 3_600_000, 3_600_000]);
    }
}
