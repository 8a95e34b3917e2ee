//! Search parameters that a tenant made (search.html#searchparameter): what they have beyond the standard's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What a tenant's own search parameter has beyond one of the standard's.
#[derive(Clone, Debug)]
pub struct Own {
    /// Tells this making of the parameter from every other: entries of a former one are never taken for its own.
    pub generation: Box<str>,
    /// Set while resources that were there before it are still being indexed: it is not served yet.
    pub building: Option<Arc<Progress>>,
}

/// How far the resources that were there before are indexed.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicI64,
    total: AtomicI64,
}

impl Progress {
    /// So many of so many.
    pub fn set(&self, done: i64, total: i64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    /// How many of how many. What was created meanwhile is passed as well, and not counted.
    pub fn get(&self) -> (i64, i64) {
        let total = self.total.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed).min(total), total)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, total) = self.get();
        write!(f, "{done} of {total} resources are done")
    }
}
