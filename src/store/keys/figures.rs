//! How often writes were refused for the sake of keys, for who watches this process. Whose they were the log tells.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static REFUSED: AtomicU64 = AtomicU64::new(0);

/// A write was refused, as the directory has older keys than the records.
pub(super) fn refused() {
    REFUSED.fetch_add(1, Relaxed);
}

/// How many writes were refused, as the directory has older keys than the records.
pub fn older_keys() -> u64 {
    REFUSED.load(Relaxed)
}
