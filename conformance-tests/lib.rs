//! Black-box tests over HTTP against any FHIR R4 base.
//!
//! The harness: [`Client`] speaks to one FHIR base, [`Program`] runs the `medisync` program, and
//! [`samples`] makes small resources. The cases are under `tests/`, a file for each section of the
//! standard. What a case expects is what the standard says, never what a server happens to do.

mod answer;
mod bundle;
mod client;
mod labelled;
pub mod network;
mod planted;
pub mod postgres;
mod program;
pub mod records;
pub mod samples;
pub mod verdicts;

pub use answer::Answer;
pub use bundle::Bundle;
pub use client::{Call, Client, encode};
pub use labelled::Labelled;
pub use planted::file_names;
pub use program::{Program, Server, foreign_base, program};

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long is waited for what happens by itself: much longer than it takes on a machine that is busy with all cases at once.
const PATIENCE: Duration = Duration::from_secs(180);

/// A word that nobody else uses, so that cases do not meet each other's data.
pub fn unique() -> String {
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}-{}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Asks again and again until there is something.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Says why a case did not run.
pub fn skipped(why: &str) {
    // Past the test harness, which swallows what passing cases print.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
