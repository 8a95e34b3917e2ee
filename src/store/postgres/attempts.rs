//! Work that others are in the way of is undone whole by the database, and done again whole.

use crate::error::postgres_code;
use crate::{CommitError, Error};
use std::time::Duration;

/// How often something is tried.
pub(super) const TRIES: u32 = 12;

/// How long to wait after so many attempts: longer each time.
pub(super) fn rest(attempt: u32) -> Duration {
    Duration::from_millis(u64::from(attempt * attempt))
}

/// Whether it was a serialisation failure or a deadlock: nothing was changed, and the same may succeed at once.
pub(super) fn is_in_the_way(error: &sqlx::Error) -> bool {
    matches!(postgres_code(error).as_deref(), Some("40001" | "40P01"))
}

/// How long somebody may wait behind others while the database refuses theirs.
const LINE: Duration = Duration::from_secs(10);

/// Who waits behind a write that failed so is told with it, after having waited for so long at least, as the last of many would else
/// wait as many times as long as a request may take: at once where the database did not answer, or no connection to it was to be had;
/// after a while where it was locked, full or slow; not at all where the write itself was refused.
pub(super) fn told_after(error: &CommitError) -> Option<Duration> {
    let CommitError::Store(error) = error else { return None };
    match error {
        Error::OutcomeUnknown | Error::Silent | Error::Database(sqlx::Error::PoolTimedOut) => Some(Duration::ZERO),
        error => error.is_passing().then_some(LINE),
    }
}

/// Counts attempts.
#[derive(Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    /// After which rest what failed so is to be tried again, if it is.
    pub(super) fn after(&mut self, error: &Error) -> Option<Duration> {
        self.0 += 1;
        let is_again = matches!(error, Error::Database(cause) if is_in_the_way(cause));
        (is_again && self.0 < TRIES).then(|| rest(self.0))
    }
}
