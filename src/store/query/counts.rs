//! How many rows an index range has, which walks were in vain, and which rows are made, remembered: what way a search takes rests on it, what
//! it finds does not.

use super::built::Made;
use super::sql::{Bind, Sql};
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ranges remembered of one tenant; with more, all are forgotten.
const RANGES: usize = 4096;
/// How many milliseconds a count holds: others may write, too.
const AGE: i64 = 60_000;
/// A count holds until as many resources were written as this part of it …
const SHARE: i64 = 8;
/// … and so many more.
const WRITES: i64 = 64;

/// The counts of one tenant's index ranges.
pub(crate) struct Counts {
    clock: fn() -> i64,
    ranges: Mutex<FxHashMap<u64, Counted>>,
    /// Resources written since this was made.
    written: AtomicI64,
    /// Whether pairs are known to be made, and rows of all kinds.
    made: [AtomicBool; 2],
}

struct Counted {
    rows: i64,
    /// Where counting was given up.
    most: i64,
    at: i64,
    written: i64,
}

impl Counts {
    /// None yet; the clock tells milliseconds.
    pub(crate) fn new(clock: fn() -> i64) -> Counts {
        Counts { clock, ranges: Mutex::default(), written: AtomicI64::default(), made: Default::default() }
    }

    /// The time now.
    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Tells that resources were written.
    pub(crate) fn wrote(&self, resources: usize) {
        self.written.fetch_add(resources as i64, Ordering::Relaxed);
    }

    /// The rows of a range, at most `most`, if that is known.
    pub(super) fn get(&self, range: u64, most: i64, now: i64) -> Option<i64> {
        let ranges = self.ranges();
        let counted = ranges.get(&range)?;
        let is_enough = counted.rows < counted.most || most <= counted.most;
        let written = self.written.load(Ordering::Relaxed) - counted.written;
        let is_fresh = now.saturating_sub(counted.at) < AGE && written <= counted.rows / SHARE + WRITES;
        (is_enough && is_fresh).then_some(counted.rows.min(most))
    }

    /// Remembers that a range has so many rows, counted up to `most`.
    pub(super) fn put(&self, range: u64, rows: i64, most: i64, now: i64) {
        let written = self.written.load(Ordering::Relaxed);
        let mut ranges = self.ranges();
        if ranges.len() >= RANGES {
            ranges.clear();
        }
        ranges.insert(range, Counted { rows, most, at: now, written });
    }

    /// Remembers that these are made, which stays so.
    pub(super) fn put_made(&self, made: Made) {
        self.flag(made).store(true, Ordering::Relaxed);
    }

    /// Whether these are known to be made.
    pub(super) fn is_made(&self, made: Made) -> bool {
        self.flag(made).load(Ordering::Relaxed)
    }

    fn flag(&self, made: Made) -> &AtomicBool {
        let [pairs, all] = &self.made;
        match made {
            Made::Pairs => pairs,
            Made::All => all,
        }
    }

    /// Remembers that a walk found no page.
    pub(super) fn put_vain(&self, walk: u64, now: i64) {
        self.put(walk, 0, 1, now);
    }

    /// Whether a walk found no page lately.
    pub(super) fn is_vain(&self, walk: u64, now: i64) -> bool {
        self.get(walk, 1, now).is_some()
    }

    fn ranges(&self) -> MutexGuard<'_, FxHashMap<u64, Counted>> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a range is remembered by.
pub(super) fn range(select: &Sql) -> u64 {
    let mut hasher = FxHasher::default();
    select.text.hash(&mut hasher);
    for bind in &select.binds {
        match bind {
            Bind::Int(it) => it.hash(&mut hasher),
            Bind::Real(it) => it.to_bits().hash(&mut hasher),
            Bind::Text(it) => it.hash(&mut hasher),
            Bind::Bytes(it) => it.hash(&mut hasher),
            Bind::Ints(it) => it.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_good_for_what_it_counted() {
        let (counts, now) = (Counts::new(|| 0), 7);
        assert_eq!(counts.get(1, 10, now), None);
        counts.put(1, 100, 100, now);
        assert_eq!(counts.get(1, 10, now), Some(10));
        assert_eq!(counts.get(1, 100, now), Some(100));
        assert_eq!(counts.get(1, 101, now), None, "there may be more");
        counts.put(2, 7, 100, now);
        assert_eq!(counts.get(2, 1000, now), Some(7), "all were counted");
    }

    #[test]
    fn a_count_ages_with_time_and_writes() {
        let (counts, now) = (Counts::new(|| 0), 7);
        counts.put(1, 0, 100, now);
        counts.put(2, 8000, 10_000, now);
        assert_eq!(counts.get(2, 10_000, now + AGE), None);
        counts.wrote(1000);
        assert_eq!(counts.get(1, 100, now), None);
        assert_eq!(counts.get(2, 10_000, now), Some(8000), "little was written beside so many");
        counts.wrote(1000);
        assert_eq!(counts.get(2, 10_000, now), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (counts, now) = (Counts::new(|| 0), 7);
        for range in 0..3 * RANGES as u64 {
            counts.put(range, 1, 2, now);
        }
        assert!(counts.ranges().len() <= RANGES);
    }

    #[test]
    fn a_walk_in_vain_is_forgotten_again() {
        let (counts, now) = (Counts::new(|| 0), 7);
        assert!(!counts.is_vain(1, now));
        counts.put_vain(1, now);
        assert!(counts.is_vain(1, now) && !counts.is_vain(2, now));
        assert!(!counts.is_vain(1, now + AGE));
    }

    #[test]
    fn ranges_differ_by_their_values() {
        let select = |key: i64| {
            let mut sql = Sql::new("SELECT rid FROM key WHERE key = ?");
            sql.bind(key);
            range(&sql)
        };
        assert_eq!(select(1), select(1));
        assert_ne!(select(1), select(2));
    }
}
