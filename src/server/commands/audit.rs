//! `medisync audit`: whether a tenant's audit log is as it was written, and how long it is kept.

use super::user::{by_operator, told, within};
use super::{block_on, print, progress_bar};
use crate::audit_time::OwnAuditTime;
use crate::config::{self, File, Span, StoreFlags};
use crate::{database, tenants};
use anyhow::{Context, Result};
use clap::Subcommand;
use engine::{Security, WaitingEvents};
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
the directory of tenants says it was, and at what of it waits on this node's disk. Works while the server runs. Ends with 1 where something is wrong, and says where.")]
    Verify {
        /// The tenant whose log is verified
        #[arg(long, value_name = "NAME")]
        tenant: String,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Say how long a tenant's audit log is kept
    #[command(after_help = "\
Examples:
  medisync audit keep --tenant north --time 3653d
  medisync audit keep --tenant north --default       as the server's --audit-time says
  medisync audit keep --tenant north                 shows it")]
    Keep {
        /// The tenant
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// How long, 30 days at least
        #[arg(long, value_name = "TIME")]
        time: Option<Span>,
        /// As the server says
        #[arg(long, conflicts_with = "time")]
        default: bool,
        #[command(flatten)]
        store: StoreFlags,
    },
}

impl Audit {
    /// Does what was asked.
    pub fn run(self, file: &File) -> Result<ExitCode> {
        match self.action {
            Action::Verify { tenant, store } => block_on(verify(store.resolve(file)?, &tenant)),
            Action::Keep { tenant, time, default, store } => {
                let settings = store.resolve(file)?;
                block_on(keep(settings, &tenant, time, default)).map(|()| ExitCode::SUCCESS)
            }
        }
    }
}

async fn keep(settings: config::Store, name: &str, time: Option<Span>, is_default: bool) -> Result<()> {
    let said = match time {
        Some(time) => Some(OwnAuditTime { millis: Some(time.millis()?) }),
        None => is_default.then(OwnAuditTime::default),
    };
    let own = within(&settings, name, async |session| {
        let Some(said) = said else { return OwnAuditTime::of(&*session).await.map_err(told) };
        let keeping = async { said.keep(&*session).await.map_err(told) };
        by_operator(&*session, (Security::Configuration, "audit-time"), keeping).await?;
        tracing::info!(tenant = name, millis = said.millis, "the audit log is kept for another time");
        Ok(said)
    })
    .await?;
    match own.millis {
        Some(millis) => print(format_args!("the audit log of {name} is kept for {} days", millis / (24 * 3600 * 1000))),
        None => print(format_args!("the audit log of {name} is kept as long as the server's audit-time says")),
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
    let folder = settings.waiting_events()?;
    let waiting = WaitingEvents::of(&folder, name, &*session).await;
    store.close().await;
    let waiting = waiting.with_context(|| format!("cannot read what waits in {}", folder.display()))?;
    tell(name, &verdict?, &waiting)
}

fn tell(name: &str, verdict: &AuditVerdict, waiting: &WaitingEvents) -> Result<ExitCode> {
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
    if waiting.bytes > 0 {
        print(format_args!(
            "{} bytes of events wait on this node's disk; a server takes them into the log",
            waiting.bytes
        ))?;
    }
    if waiting.broken > 0 {
        print(format_args!(
            "of what waits on this node's disk {} pieces are not as they were written",
            waiting.broken
        ))?;
    }
    for file in &waiting.damaged {
        print(format_args!("events that waited could not be read; they are in {}", file.display()))?;
    }
    match verdict.faults.len() + waiting.faults() {
        0 => print("The log is as it was written").map(|()| ExitCode::SUCCESS),
        1 => print("The log is NOT as it was written: 1 fault").map(|()| ExitCode::FAILURE),
        count => print(format_args!("The log is NOT as it was written: {count} faults")).map(|()| ExitCode::FAILURE),
    }
}
