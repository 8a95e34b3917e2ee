//! `medisync audit`: whether a tenant's audit log is as it was written.

use super::{block_on, print, progress_bar};
use crate::config::{self, File, StoreFlags};
use crate::{database, tenants};
use anyhow::{Context, Result};
use clap::Subcommand;
use fhir::primitive::datetime::instant;
use std::process::ExitCode;
use store::AuditVerdict;

/// Arguments of `medisync audit`.
#[derive(clap::Args)]
pub struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Find every change, gap and cut in a tenant's audit log
    #[command(after_help = "\
Example:
  medisync audit verify --tenant north

Reads the whole log, makes every hash of it anew with the tenant's key and compares, and looks whether the log has come to where
the directory of tenants says it was. Works while the server runs. Ends with 1 where something is wrong, and says where.")]
    Verify {
        /// The tenant whose log is verified
        #[arg(long, value_name = "NAME")]
        tenant: String,
        #[command(flatten)]
        store: StoreFlags,
    },
}

impl Audit {
    /// Does what was asked.
    pub fn run(self, file: &File) -> Result<ExitCode> {
        let Action::Verify { tenant, store } = self.action;
        block_on(verify(store.resolve(file)?, &tenant))
    }
}

async fn verify(settings: config::Store, name: &str) -> Result<ExitCode> {
    let store = database::open(&settings).await?;
    let tenant = tenants::existing(&*store, name).await?;
    let session = store.open(&tenant).await.with_context(|| format!("cannot open tenant {name}"))?;
    let bar = progress_bar("events");
    let shown = bar.clone();
    let told = move |done: i64, total: i64| {
        shown.set_length(total.max(done).unsigned_abs());
        shown.set_position(done.unsigned_abs());
    };
    let verdict = session.verify_audit(&told).await.with_context(|| format!("cannot read the audit log of {name}"));
    bar.finish_and_clear();
    store.close().await;
    tell(name, &verdict?)
}

fn tell(name: &str, verdict: &AuditVerdict) -> Result<ExitCode> {
    for fault in &verdict.faults {
        print(format_args!("{fault}"))?;
    }
    let head = &verdict.head;
    let hash: String = head.hash.iter().map(|it| format!("{it:02x}")).collect();
    print(format_args!("{name}: {} events in {} rows, the last with hash {hash}", head.events, head.row))?;
    if head.at > 0 {
        print(format_args!("The directory knew of the log last at {}", instant(head.at.saturating_mul(1000))))?;
    }
    if verdict.dropped > 0 {
        print(format_args!("{} of the events were dropped, as their time was over", verdict.dropped))?;
    }
    if verdict.waiting > 0 {
        print(format_args!("{} events more wait to be chained", verdict.waiting))?;
    }
    match verdict.faults.len() {
        0 => print("The log is as it was written").map(|()| ExitCode::SUCCESS),
        1 => print("The log is NOT as it was written: 1 fault").map(|()| ExitCode::FAILURE),
        count => print(format_args!("The log is NOT as it was written: {count} faults")).map(|()| ExitCode::FAILURE),
    }
}
