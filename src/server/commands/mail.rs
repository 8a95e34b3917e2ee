//! `medisync mail`

use super::user::{LISTED, Where, told, within};
use super::{block_on, print};
use crate::auth::kept;
use crate::clock;
use crate::config::{self, File};
use crate::mail::outbox::{DeadMail, Mail as Waiting};
use anyhow::Result;
use clap::Subcommand;

/// Arguments of `medisync mail`.
#[derive(clap::Args)]
pub struct Mail {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List mails that wait or could not be sent, without addresses
    #[command(after_help = "Example:\n  medisync mail list --tenant north")]
    List {
        #[command(flatten)]
        at: Where,
    },
}

impl Mail {
    /// Does what was asked.
    pub fn run(self, file: &File) -> Result<()> {
        let Action::List { at } = self.action;
        block_on(list(at.store.resolve(file)?, at.tenant))
    }
}

async fn list(settings: config::Store, tenant: String) -> Result<()> {
    let now = clock::now_ms();
    let (waiting, dead) = within(&settings, &tenant, async |session| {
        let waiting = kept::list::<Waiting>(&*session, LISTED).await.map_err(told)?;
        Ok((waiting, kept::list::<DeadMail>(&*session, LISTED).await.map_err(told)?))
    })
    .await?;
    for entry in waiting {
        let Waiting { purpose, written, wait, .. } = entry.value;
        let next = (wait.next - now).max(0) / 1000;
        let waits = format!("tried {} times, again in {next} s", wait.tries);
        print(format_args!("{}  {purpose}  waits since {} s, {waits}", entry.key, (now - written) / 1000))?;
    }
    for entry in dead {
        let DeadMail { purpose, ended, reason, .. } = entry.value;
        print(format_args!("{}  {purpose}  given up {} s ago: {reason}", entry.key, (now - ended) / 1000))?;
    }
    Ok(())
}
