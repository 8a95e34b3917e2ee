//! `medisync load`: records from files, straight into the store, through the engine's own door.

mod documents;
mod pass;
mod progress;
mod report;
#[cfg(test)]
mod tests;

use super::{block_on, print};
use crate::clock::Stopwatch;
use crate::config::{self, File, LimitFlags, StoreFlags};
use crate::{database, tenants};
use anyhow::{Context, Result, bail};
use documents::Files;
use pass::Pass;
use progress::Progress;
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `medisync load`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync load --tenant north records/
  medisync load --tenant north hospitals.json.bz2 patients.ndjson.gz

Takes Bundles and single resources (.json, .xml) and NDJSON (.ndjson, .jsonl), plain or compressed (.gz, .bz2); of folders every such
file, sorted by name. What was loaded before is passed over, so an interrupted load can just be started again.
What is refused because it refers to something that comes later is tried again at the end.
The server must not be running on the same data folder.")]
pub struct Load {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The tenant to load into
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// Documents loaded at the same time; by default one for each core
    #[arg(long, value_name = "COUNT")]
    parallel: Option<usize>,
    #[command(flatten)]
    store: StoreFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

impl Load {
    /// Loads; fails with exit code 1 if anything was refused.
    pub fn run(self, file: &File) -> Result<ExitCode> {
        let store = self.store.resolve(file)?;
        let limits = self.limits.resolve(file)?;
        let parallel =
            self.parallel.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
        block_on(async {
            let files = Files::find(&self.paths, limits.max_unpacked.0)?;
            let _lock = database::lock(&store)?;
            let report = load(files, &self.tenant, parallel.max(1), &store, &limits).await?;
            print(&report)?;
            Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

async fn load(
    files: Files,
    tenant: &str,
    parallel: usize,
    store: &config::Store,
    limits: &config::Limits,
) -> Result<Report> {
    let database = database::open(store).await?;
    let tenant = tenants::existing(&*database, tenant).await?;
    let engine = Arc::new(database::engine(database.clone(), limits.engine(store)));
    let base = format!("/fhir/{}", tenant.name());
    let context = engine.system_context(&tenant, "load", &base).await.context("cannot open the tenant")?;
    let files = Arc::new(files);
    let watch = Stopwatch::start();
    let progress = Progress::start(&files, watch);
    let mut report = Report::default();
    let mut pass = Pass::first(files.clone());
    loop {
        let outcome = pass.run(&engine, &context, parallel, &progress).await?;
        let has_moved = outcome.has_moved();
        report.take(outcome);
        let again = report.refused();
        // What is refused for want of something that comes later may succeed now; without progress it cannot.
        if again.is_empty() || !has_moved {
            break;
        }
        pass = Pass::again(files.clone(), again);
    }
    progress.finish();
    report.finish(&files, watch.elapsed());
    database.close().await;
    if files.is_empty() {
        bail!("there is nothing to load: no .json, .xml, .ndjson or .jsonl file, plain or .gz or .bz2");
    }
    Ok(report)
}
