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

/// A word that nobody else uses, so that cases do not meet each other's data.
pub fn unique() -> String {
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}-{}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Says why a case did not run.
pub fn skipped(why: &str) {
    // Past the test harness, which swallows what passing cases print.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
