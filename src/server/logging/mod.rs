//! Log lines on stderr: what happened, never whose record it was.

mod writer;

pub use writer::Flush;

use crate::config::Log;
use anyhow::{Context, Result};
use std::io;
use std::panic::PanicHookInfo;
use std::str::FromStr;
use tracing_subscriber::filter::Targets;
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
    let levels: Targets = settings.log_level.parse().context("the log level cannot be understood")?;
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

/// Tells where a panic came up, and keeps back what it says: that may quote a record.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "a panic: this is a fault of the program");
}
