//! `medisync config`: what can stand in a settings file.

use super::print;
use crate::config::{self, File};
use anyhow::Result;
use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;

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
    /// Check settings files, and tell all that is wrong with each
    #[command(after_help = "\
Examples:
  medisync config check medisync.toml

The exit code is 0 if nothing is wrong with any of them.")]
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

impl Config {
    /// Prints what is asked for; of settings files those alone are read that are to be checked.
    pub fn run(&self) -> Result<ExitCode> {
        let Action::Check { files } = &self.action else {
            print(serde_json::to_string_pretty(&config::schema())?)?;
            return Ok(ExitCode::SUCCESS);
        };
        let mut code = ExitCode::SUCCESS;
        for file in files {
            match File::find(Some(file)) {
                Ok(_) => print(format_args!("{}: nothing is wrong", file.display()))?,
                Err(problems) => {
                    print(format_args!("{problems:#}"))?;
                    code = ExitCode::FAILURE;
                }
            }
        }
        Ok(code)
    }
}
