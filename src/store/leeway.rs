//! How old an answer may be while the primary database does not answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a caller allows of a read (RFC 9111 section 5.2.1.2, `max-stale`), and what came of it.
#[derive(Debug)]
pub struct Leeway {
    /// The oldest that is taken; any age where there is none.
    most: Option<Duration>,
    /// Whether access is decided by what is read.
    decides: bool,
    freshness: Arc<Mutex<Freshness>>,
}

/// How old what was read is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Nothing is missing that was acknowledged when the read began.
    #[default]
    Current,
    /// Nothing is missing that was acknowledged so long ago.
    Stale(Duration),
    /// What is missing cannot be told.
    Unknown,
}

impl Leeway {
    /// Of so much at the most, or of any age.
    pub fn new(most: Option<Duration>) -> Leeway {
        Leeway { most, decides: false, freshness: Arc::default() }
    }

    /// The same for what access is decided by: however old it may be, nothing is missing that was acknowledged as far as this
    /// node knows. So what was revoked before it last heard from the primary stays revoked.
    pub fn for_access(&self) -> Leeway {
        Leeway { most: self.most, decides: true, freshness: self.freshness.clone() }
    }

    /// Whether nothing may be missing that is known to have been acknowledged.
    pub(crate) fn is_for_access(&self) -> bool {
        self.decides
    }

    /// How old the oldest is of what was read so far.
    pub fn freshness(&self) -> Freshness {
        *self.kept()
    }

    /// Whether something of this age may be told. Then it is remembered.
    pub(crate) fn takes(&self, found: Freshness) -> bool {
        let is_taken = match (found, self.most) {
            (Freshness::Current, _) | (_, None) => true,
            (Freshness::Stale(age), Some(most)) => age <= most,
            (Freshness::Unknown, Some(_)) => false,
        };
        if is_taken {
            let mut kept = self.kept();
            *kept = found.max(*kept);
        }
        is_taken
    }

    fn kept(&self) -> MutexGuard<'_, Freshness> {
        self.freshness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stale(seconds: u64) -> Freshness {
        Freshness::Stale(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_too_old_is_not_taken() {
        let leeway = Leeway::new(Some(Duration::from_secs(10)));
        let taken = [Freshness::Current, stale(10), stale(11), Freshness::Unknown].map(|it| leeway.takes(it));
        assert_eq!(taken, [true, true, false, false]);
        assert_eq!(leeway.freshness(), stale(10));
    }

    #[test]
    fn the_oldest_is_told() {
        let leeway = Leeway::new(None);
        assert_eq!(leeway.freshness(), Freshness::Current);
        for (found, oldest) in [(stale(7), stale(7)), (stale(3), stale(7)), (Freshness::Unknown, Freshness::Unknown)] {
            assert!(leeway.takes(found));
            assert_eq!(leeway.freshness(), oldest);
        }
    }
}
