//! `medisync config`: what can stand in a settings file.

use super::print;
use crate::config;
use anyhow::Result;
use clap::Subcommand;

/// Arguments of `medisync config`.
#[derive(clap::Args)]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the JSON Schema of the settings file, for editors that complete and check by it
    #[command(after_help = "\
Examples:
  medisync config schema > medisync.schema.json

A settings file that begins with `#:schema ./medisync.schema.json` is completed and checked by editors that know TOML
schemas. The server checks the file by the types that the schema is made of when it starts.")]
    Schema,
}

impl Config {
    /// Prints what is asked for; no settings file is read.
    pub fn run(&self) -> Result<()> {
        match self.action {
            Action::Schema => print(serde_json::to_string_pretty(&config::schema())?),
        }
    }
}
