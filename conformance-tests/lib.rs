//! Black-box tests over HTTP against any FHIR R4 base.
//!
//! The harness: [`Client`] speaks to one FHIR base, [`Program`] runs the `medisync` program, and
//! [`samples`] makes small resources. The cases are under `tests/`, a file for each section of the
//! standard. What a case expects is what the standard says, never what a server happens to do.

mod answer;
mod bundle;
mod client;
mod labelled;
mod program;
pub mod records;
pub mod samples;

pub use answer::Answer;
pub use bundle::Bundle;
pub use client::{Call, Client, encode};
pub use labelled::Labelled;
pub use program::{Program, Server, foreign_base, program};

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A word that nobody else uses, so that cases do not meet each other's data.
pub fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_nanos();
    format!("{now:x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Says why a case did not run.
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
