//! How chaining goes in this process, for who watches it. Which tenant's log it is about the log tells.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static CHAINED: AtomicU64 = AtomicU64::new(0);
static MISSED: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);
static UNTRUE: AtomicU64 = AtomicU64::new(0);

/// A row was added to a chain.
pub(crate) fn chained() {
    CHAINED.fetch_add(1, Relaxed);
}

/// Somebody else chained, or kept others from it.
pub(crate) fn missed() {
    MISSED.fetch_add(1, Relaxed);
}

/// The database refused.
pub(crate) fn failed() {
    FAILED.fetch_add(1, Relaxed);
}

/// Something was met that is not what was written.
pub(crate) fn untrue() {
    UNTRUE.fetch_add(1, Relaxed);
}

/// How often each of these was: `chained`, `missed` as somebody else held the lock, `failed`, `untrue`.
pub fn audit_figures() -> [(&'static str, u64); 4] {
    let of = |it: &AtomicU64| it.load(Relaxed);
    [("chained", of(&CHAINED)), ("missed", of(&MISSED)), ("failed", of(&FAILED)), ("untrue", of(&UNTRUE))]
}
