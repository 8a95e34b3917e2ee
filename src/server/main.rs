//! The program `medisync`: joins the parts and shows them to the world.

mod act;
mod audit;
mod audit_time;
mod auth;
mod certificate;
mod clock;
mod commands;
mod config;
mod database;
mod demo;
mod http;
mod logging;
mod mail;
mod master;
mod outbox;
mod outgoing;
mod pages;
mod random;
mod rates;
mod tenants;

use clap::Parser;
use std::process::ExitCode;

/// A request makes hundreds of small allocations, which the system's allocator is slow at (docs/decisions/0008-crates.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // Behind a closed stderr there is nobody to tell.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("medisync: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}
