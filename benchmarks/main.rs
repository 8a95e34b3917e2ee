//! How fast the server is: one command, one table. Each figure stands beside limits that are taken in the same run,
//! and beside the server's CPU time, as wall-clock figures of a shared machine wander.
//!
//! `scripts/bench` builds what is needed and starts this program.
// The table is this program's output, and time what it measures.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

mod auth;
mod client;
mod guard;
mod limits;
mod load;
mod place;
mod process;
mod records;
mod request;
mod run;
mod scale;
mod table;
mod tenants;
mod terminology;
mod workloads;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use load::Load;
use place::{Cluster, Places};
use run::Plan;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tenants::Tenants;

/// Measures MediSync against what its parts could do at best.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures and prints the table.
    Run(Run),
    /// Measures the same requests on more and more records, and prints how their cost grows.
    Scale {
        /// How often the records are loaded, each time under new ids.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 10])]
        sizes: Vec<usize>,
        #[command(flatten)]
        run: Run,
    },
    /// Makes many tenants on PostgreSQL, and prints what that costs.
    Tenants(Many),
    /// Measures what tokens, limits and code flows cost, and prints it.
    Auth(Run),
    /// Measures the same requests with tokens, limits, access rules and audit, and without.
    Guard(Run),
    /// Loads a large code system and measures a call of each operation on it.
    Terminology {
        /// How many made-up concepts it has.
        #[arg(long, default_value_t = 1_000_000)]
        concepts: u64,
        #[command(flatten)]
        run: Run,
    },
    /// Serves as one of the limits.
    Limit {
        #[command(subcommand)]
        limit: Limit,
    },
}

#[derive(clap::Args)]
struct Run {
    /// The server's program.
    #[arg(long)]
    server: PathBuf,
    /// Folder with Synthea's transaction Bundles (.json.bz2).
    #[arg(long)]
    records: PathBuf,
    /// The store to measure.
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// The script that starts a private PostgreSQL.
    #[arg(long)]
    postgres: PathBuf,
    /// Fewer records and shorter runs.
    #[arg(long)]
    quick: bool,
    /// Connections of the load.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Serve without the audit log, which the limits do not have either.
    #[arg(long)]
    no_audit: bool,
    /// The day, as the table says it.
    #[arg(long)]
    date: String,
}

#[derive(clap::Args)]
struct Many {
    /// The server's program.
    #[arg(long)]
    server: PathBuf,
    /// The script that starts a private PostgreSQL.
    #[arg(long)]
    postgres: PathBuf,
    /// Tenants in the shared tables.
    #[arg(long, default_value_t = 10_000)]
    pool: usize,
    /// Tenants in schemas of their own.
    #[arg(long, default_value_t = 1000)]
    schemas: usize,
    /// The most tenants that are asked in turn.
    #[arg(long, default_value_t = 10_000)]
    in_turn: usize,
    /// A hundred tenants, twenty schemas, and shorter runs.
    #[arg(long)]
    quick: bool,
    /// Connections of the load.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// The day, as the tables say it.
    #[arg(long)]
    date: String,
}

/// So many tenants are what the many are compared with.
const FEW: usize = 10;

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    /// The embedded store.
    Sqlite,
    /// A private PostgreSQL.
    Postgres,
}

#[derive(Subcommand)]
enum Limit {
    /// Answers from memory.
    Memory {
        /// What to answer.
        answers: PathBuf,
    },
    /// Answers from a copy of the server's file, by hand-written statements.
    Sqlite {
        /// The copy to read and write.
        file: PathBuf,
        /// A file whose resources are written again.
        models: PathBuf,
        /// Requests in a commit.
        #[arg(long)]
        group: usize,
    },
    /// Answers from the server's own database, by hand-written statements.
    Postgres {
        /// URL of the database to read and write.
        url: String,
        /// URL of a database whose resources are written again.
        models: String,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        // One thread suffices for the load, and leaves the rest of the machine to the server.
        Command::Run(run) => {
            print!("{}", one_thread()?.block_on(run.plan()?.run())?);
            Ok(())
        }
        Command::Scale { sizes, run } => {
            print!("{}", one_thread()?.block_on(run.plan()?.scale(&sizes))?);
            Ok(())
        }
        Command::Tenants(many) => {
            print!("{}", one_thread()?.block_on(many.plan()?.run())?);
            Ok(())
        }
        Command::Auth(run) => {
            print!("{}", one_thread()?.block_on(auth::run(&run.plan()?))?);
            Ok(())
        }
        Command::Guard(run) => {
            print!("{}", one_thread()?.block_on(guard::run(&run.plan()?))?);
            Ok(())
        }
        Command::Terminology { concepts, run } => {
            print!("{}", one_thread()?.block_on(run.plan()?.terminology(concepts))?);
            Ok(())
        }
        Command::Limit { limit } => tokio::runtime::Runtime::new()?.block_on(async {
            match limit {
                Limit::Memory { answers } => limits::memory::run(&answers).await,
                Limit::Sqlite { file, models, group } => limits::sqlite::run(&file, &models, group).await,
                Limit::Postgres { url, models } => limits::postgres::run(&url, &models).await,
            }
        }),
    }
}

fn one_thread() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn load(connections: usize, is_quick: bool) -> Load {
    let (warm_up, length) = if is_quick { (100, 300) } else { (300, 2000) };
    Load { connections, warm_up: Duration::from_millis(warm_up), length: Duration::from_millis(length) }
}

impl Many {
    fn plan(self) -> Result<Tenants> {
        Ok(Tenants {
            server: self.server,
            places: Places::Postgres(Arc::new(Cluster::start(&self.postgres)?)),
            pool: [FEW, if self.quick { 100 } else { self.pool }],
            schemas: [FEW, if self.quick { 20 } else { self.schemas }],
            in_turn: self.in_turn,
            load: load(self.connections, self.quick),
            date: self.date,
        })
    }
}

impl Run {
    fn plan(self) -> Result<Plan> {
        let places = match self.database {
            Database::Sqlite => Places::Sqlite,
            Database::Postgres => Places::Postgres(Arc::new(Cluster::start(&self.postgres)?)),
        };
        Ok(Plan {
            server: self.server,
            places,
            records: self.records,
            patients: if self.quick { 20 } else { usize::MAX },
            load: load(self.connections, self.quick),
            is_audited: !self.no_audit,
            parallel: if self.quick { vec![4] } else { vec![4, 2, 8] },
            date: self.date,
        })
    }
}
