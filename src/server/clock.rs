//! The only place that reads the time (clippy.toml keeps it so).

use std::time::{Duration, Instant, SystemTime};

/// Milliseconds since the epoch.
#[allow(clippy::disallowed_methods)]
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |it| it.as_millis() as i64)
}

/// The current date in UTC, `YYYY-MM-DD`.
pub fn today() -> String {
    let mut instant = fhir::primitive::datetime::instant(now_ms() * 1000);
    instant.truncate("YYYY-MM-DD".len());
    instant
}

/// Measures how long something takes.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
