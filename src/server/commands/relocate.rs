//! `medisync tenant move`

use super::{block_on, print, progress_bar};
use crate::config::{self, File, Place, Region, Residence, SecondUrl, Span, StoreFlags};
use crate::{database, master};
use anyhow::{Result, bail};
use indicatif::ProgressBar;
use store::{Move, Moving, Placement};

/// Arguments of `medisync tenant move`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync tenant move north --to schema
  medisync tenant move north --to database --url postgres://medisync@eu.example.org/north --region eu
  medisync tenant move north --to pool

The tenant is read and written meanwhile, by any number of servers; writes wait for the last step only. Whatever goes wrong,
the former place serves on, and the same command goes on from where it was. Give a login that may make schemas.")]
pub struct Relocate {
    /// Which tenant
    name: String,
    /// Where to: pool, schema or database
    #[arg(long, value_name = "PLACEMENT")]
    to: Placement,
    /// The other database, for `--to database`
    #[arg(long, value_name = "URL", env = "MEDISYNC_URL", hide_env_values = true, default_value = "none")]
    url: SecondUrl,
    /// What the new place's region is called, such as eu
    #[arg(long, value_name = "LABEL", default_value = "none")]
    region: Region,
    /// A standby of the other database that answers reads and searches
    #[arg(long, value_name = "URL", env = "MEDISYNC_STANDBY", hide_env_values = true, default_value = "none")]
    standby: SecondUrl,
    /// Leave the records at the former place, closed
    #[arg(long)]
    keep: bool,
    /// The longest that writes may wait
    #[arg(long, value_name = "TIME", default_value = "3s")]
    pause: Span,
    #[command(flatten)]
    store: StoreFlags,
}

impl Relocate {
    /// Moves; a bar on a terminal shows how far it has come.
    pub fn run(self, file: &File) -> Result<()> {
        let settings = self.store.resolve(file)?;
        if !matches!(settings.database.place()?, Place::Postgres) {
            bail!("placements are PostgreSQL's: give --database postgres://…; SQLite has a file for each tenant");
        }
        let residence = Residence { placement: self.to, url: self.url, region: self.region, standby: self.standby };
        let (tenant, keep, pause) = (self.name, self.keep, self.pause.duration());
        block_on(async {
            let keeper = master::keeper(&settings).await?;
            relocate(settings, Move { tenant, to: residence.of_tenant(), keep, pause, keeper }).await
        })
    }
}

async fn relocate(settings: config::Store, order: Move) -> Result<()> {
    let bar = progress_bar("resources");
    let shown = bar.clone();
    let told = move |it: Moving| show(&shown, it);
    let moved = database::relocate(&settings, &order, &told).await;
    bar.finish_and_clear();
    let moved = moved?;
    if let Some(why) = moved.left {
        print(format_args!("what is left at the former place could not be taken away: {why}"))?;
    }
    let (name, to, rows) = (order.tenant, order.to.placement, moved.rows);
    print(format_args!(
        "moved {name} to {to}: {rows} rows are the same on both sides; writes waited for {} ms",
        moved.pause.as_millis()
    ))
}

/// Takes away what moves left behind, and fails where something stays.
pub async fn sweep(settings: config::Store) -> Result<()> {
    let mut left = 0;
    for (tenant, failure) in database::sweep(&settings).await? {
        match failure {
            None => print(format_args!("{tenant} has nothing left elsewhere"))?,
            Some(cause) => {
                left += 1;
                print(format_args!("what {tenant} has elsewhere could not be taken away: {cause}"))?;
            }
        }
    }
    match left {
        0 => Ok(()),
        left => bail!("{left} tenants still have something elsewhere; run this again"),
    }
}

fn show(bar: &ProgressBar, it: Moving) {
    match it {
        Moving::Copying(done, total) => {
            bar.set_length(total.max(done));
            bar.set_position(done);
        }
        Moving::CaughtUp(resources) => bar.set_message(format!("and {resources} that changed meanwhile")),
        Moving::Verified(rows) => bar.set_message(format!("{rows} rows are the same")),
        Moving::Paused | Moving::Closed | Moving::Pointed | Moving::Opened => bar.set_message("the place is switched"),
        Moving::Done => bar.set_message("done"),
    }
}
