//! Places in the audit log (see [`crate::AuditPlace`]): times in microseconds, made unique.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Gives places of one tenant's log, each once. What waits for the log elsewhere has even ones and what is written at once odd ones: a
/// command that writes beside the server goes on behind what the file has, and cannot know what waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamps(Arc<AtomicI64>);

impl Stamps {
    /// The places of so many events that wait, from this millisecond on.
    pub(super) fn waiting(&self, now_ms: i64, count: usize) -> impl Fn(usize) -> i64 + use<> {
        let first = self.take(now_ms, count, 0);
        move |i| first + 2 * i as i64
    }

    /// The place of an event that is written now.
    pub(super) fn written(&self, now_ms: i64) -> i64 {
        self.take(now_ms, 1, 1)
    }

    /// Gives none from here or before.
    pub(super) fn pass(&self, place: i64) {
        self.0.fetch_max(place, Ordering::Relaxed);
    }

    fn take(&self, now_ms: i64, count: usize, odd: i64) -> i64 {
        // The least behind all that were given, of the right kind.
        let first = |last: i64| {
            let least = (last + 1).max(now_ms * 1000);
            least + (least + odd) % 2
        };
        let last = |before: i64| first(before) + 2 * (count as i64 - 1).max(0);
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| Some(last(it)));
        first(before.unwrap_or_else(|it| it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_rise_and_are_of_two_kinds() {
        let stamps = Stamps::default();
        let waiting = stamps.waiting(5, 3);
        let waiting: Vec<i64> = (0..3).map(waiting).collect();
        assert_eq!(waiting, [5000, 5002, 5004]);
        assert_eq!(stamps.written(5), 5005);
        assert_eq!(stamps.written(4), 5007);
        stamps.pass(6000);
        assert_eq!((stamps.waiting(5, 1)(0), stamps.written(5), stamps.written(7)), (6002, 6003, 7001));
    }
}
