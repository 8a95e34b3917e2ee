//! What can be typed: one command, one file.

mod audit;
mod client;
mod completions;
mod config;
mod erase;
mod import;
mod key;
mod keys;
mod load;
mod mail;
mod marks;
mod migrate;
mod package;
mod patients;
mod reindex;
mod relocate;
mod seal;
mod serve;
mod tenant;
mod terminology;
mod token;
mod user;

use crate::config::{File, Log, LogFlags};
use crate::logging;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// A multi-tenant FHIR R4 server.
#[derive(Parser)]
#[command(name = "medisync", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    /// Settings file (TOML); ./medisync.toml is read if it is there
    #[arg(long, global = true, value_name = "FILE", env = "MEDISYNC_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    log: LogFlags,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  medisync serve --demo --no-auth        try it: a demo hospital at http://127.0.0.1:8080
  medisync tenant create north           a tenant of your own
  medisync token --tenant north --scope \"system/*.cruds\" --expires 8h
  medisync load --tenant north records/  bundles, resources, NDJSON; .gz and .bz2 too
  medisync serve --listen 0.0.0.0:8080

Every setting is a flag, a MEDISYNC_… variable or a key in the settings file, in that order.";

#[derive(Subcommand)]
enum Command {
    /// Answer FHIR requests over HTTP
    Serve(Box<serve::Serve>),
    /// Make, move, erase and list tenants
    Tenant(tenant::Tenant),
    /// Load records from files
    Load(load::Load),
    /// Install and list FHIR packages
    Package(package::Package),
    /// Load large code systems (SNOMED CT, LOINC, RxNorm, ICD-10) and list them
    Terminology(terminology::Terminology),
    /// Issue an access token
    Token(token::Token),
    /// Make and list users who sign in
    User(user::User),
    /// Register, approve and list apps and programs
    Client(client::Client),
    /// Make, list, rotate and revoke API keys
    Key(key::Key),
    /// Verify a tenant's audit log, say how long it is kept
    Audit(audit::Audit),
    /// Add, rotate and list the keys that wrap tenants' keys
    Keys(keys::Keys),
    /// List mails that wait or could not be sent
    Mail(mail::Mail),
    /// Bring the database of every tenant up to date
    Migrate(migrate::Migrate),
    /// Make a tenant's full-text index anew
    Reindex(reindex::Reindex),
    /// Show what a settings file may say
    Config(config::Config),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> Result<ExitCode> {
        // What helps to write a settings file, or needs none, is there whatever is wrong with one.
        let file = match self.command {
            Command::Config(_) | Command::Completions(_) => File::default(),
            _ => File::find(self.config.as_deref())?,
        };
        let log: Log = self.log.resolve(&file)?;
        let _flush = logging::start(&log)?;
        match self.command {
            Command::Serve(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Tenant(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Load(it) => it.run(&file),
            Command::Package(it) => it.run(&file),
            Command::Terminology(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Token(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::User(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Client(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Key(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Audit(it) => it.run(&file),
            Command::Keys(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Mail(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Migrate(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Reindex(it) => it.run(&file).map(|()| ExitCode::SUCCESS),
            Command::Config(it) => it.run(),
            Command::Completions(it) => it.run().map(|()| ExitCode::SUCCESS),
        }
    }
}

/// Prints a line to stdout.
fn print(line: impl std::fmt::Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to stdout")
}

/// A bar that shows on a terminal how many of something are done.
fn progress_bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{bar:40}} {{percent:>3}}% {{pos}} of {{len}} {what} {{msg}}"))
    {
        bar.set_style(style);
    }
    bar
}

/// Runs a command's work to its end.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }
}
