//! Log lines on stderr: what happened, never whose record it was.

mod writer;

pub use writer::Flush;

use crate::config::Log;
use anyhow::{Context, Result};
use std::io;
use std::panic::PanicHookInfo;
use std::str::FromStr;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;
use writer::Lines;

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "text" => Ok(Format::Text),
            "json" => Ok(Format::Json),
            other => Err(format!("`{other}` is not a log format; the formats are text and json")),
        }
    }
}

/// Starts logging; to be called once. What is logged is written by the time the [`Flush`] is dropped.
pub fn start(settings: &Log) -> Result<Flush> {
    let levels = capped(&settings.log_level.parse().context("the log level cannot be understood")?);
    let (lines, flush) = Lines::start(io::stderr())?;
    let registry = tracing_subscriber::registry();
    match settings.log_format {
        Format::Text => {
            let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(lines);
            registry.with(layer.with_filter(levels)).init();
        }
        Format::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(lines);
            registry.with(layer.with_filter(levels)).init();
        }
    }
    std::panic::set_hook(Box::new(panicked));
    Ok(flush)
}

/// The parts of this program.
const OWN: [&str; 6] = ["medisync", "features", "engine", "store", "convert", "fhir"];

/// What may be written of what was asked for: all of this program's own, and of what others wrote nothing below `info`. They
/// log what they are handed, which is requests, mails and keys.
fn capped(asked: &Targets) -> Targets {
    let usual = asked.default_level().unwrap_or(LevelFilter::OFF);
    let is_own = |target: &str| OWN.contains(&target.split("::").next().unwrap_or_default());
    let levels = Targets::new().with_default(usual.min(LevelFilter::INFO)).with_targets(OWN.map(|it| (it, usual)));
    let asked = asked.iter().map(|(target, level)| match is_own(target) {
        true => (target.to_owned(), level),
        false => (target.to_owned(), level.min(LevelFilter::INFO)),
    });
    levels.with_targets(asked)
}

/// Tells where a panic came up, and keeps back what it says: that may quote a record.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "a panic: this is a fault of the program");
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn what_others_wrote_tells_no_details() {
        for (asked, target, level, is_written) in [
            ("trace", "medisync::http::edge", Level::TRACE, true),
            ("trace", "store", Level::TRACE, true),
            ("trace", "sqlx::query", Level::DEBUG, false),
            ("trace", "lettre", Level::INFO, true),
            ("info,lettre=trace", "lettre", Level::DEBUG, false),
            ("info,store=debug", "store::sqlite", Level::DEBUG, true),
            ("info,store=debug", "engine", Level::DEBUG, false),
            ("warn", "sqlx", Level::INFO, false),
            ("warn,engine=off", "engine", Level::ERROR, false),
        ] {
            let levels = capped(&asked.parse().unwrap());
            assert_eq!(levels.would_enable(target, &level), is_written, "{asked}: {target} at {level}");
        }
    }
}
