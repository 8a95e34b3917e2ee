//! Log lines on stderr: what happened, never whose record it was.

use crate::config::Log;
use anyhow::{Context, Result};
use std::io;
use std::str::FromStr;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

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

/// Starts logging; to be called once.
pub fn start(settings: &Log) -> Result<()> {
    let levels: Targets = settings.log_level.parse().context("the log level cannot be understood")?;
    let registry = tracing_subscriber::registry();
    match settings.log_format {
        Format::Text => {
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(io::stderr);
            registry.with(lines.with_filter(levels)).init();
        }
        Format::Json => {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr);
            registry.with(lines.with_filter(levels)).init();
        }
    }
    Ok(())
}
