//! `medisync migrate`

use super::{block_on, print, progress_bar};
use crate::config::{self, File, Place, StoreFlags};
use crate::{database, tenants};
use anyhow::{Context, Result, bail};
use store::{Upgraded, Upgrading};

/// Arguments of `medisync migrate`. A server does the same when it starts or when a tenant is first asked for; this
/// does it for all before one starts.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync migrate --database sqlite:/var/lib/medisync
  medisync migrate --database postgres://owner@db.example.org/medisync

On PostgreSQL give a login that may make schemas and roles. Servers may then use another one, which was granted the roles
medisync_data and medisync_directory.")]
pub struct Migrate {
    #[command(flatten)]
    store: StoreFlags,
}

impl Migrate {
    /// Brings every schema up to date; on SQLite, opening a tenant does.
    pub fn run(self, file: &File) -> Result<()> {
        block_on(migrate(self.store.resolve(file)?))
    }
}

async fn migrate(settings: config::Store) -> Result<()> {
    match settings.database.place()? {
        Place::Folder(_) => migrate_folder(&settings).await,
        Place::Postgres => {
            let bar = progress_bar("schemas");
            let told = |it: Upgrading| {
                bar.set_length(it.total as u64);
                bar.set_position(it.done as u64);
            };
            let upgraded = database::migrate(&settings, &told).await;
            bar.finish_and_clear();
            tell(&upgraded?)?;
            let store = database::open(&settings).await?;
            let wrapped = database::wrap_keys(&*store, &settings).await;
            store.close().await;
            wrapped?;
            print(format_args!("up to date: {}", settings.database))
        }
    }
}

/// Fails where some schemas are not up to date, and names them.
fn tell(upgraded: &Upgraded) -> Result<()> {
    let (schemas, failed) = (upgraded.schemas, &upgraded.failed);
    if failed.is_empty() {
        return print(format_args!("{schemas} schemas of records are up to date"));
    }
    let lines: Vec<String> =
        failed.iter().map(|(name, cause)| format!("\n  {name}: {}", database::with_advice(cause))).collect();
    bail!("{schemas} schemas are up to date; run it again once these can be brought up to date:{}", lines.concat())
}

async fn migrate_folder(settings: &config::Store) -> Result<()> {
    let _lock = database::lock(settings)?;
    let store = database::open(settings).await?;
    database::wrap_keys(&*store, settings).await?;
    let names = store.tenants().await?;
    for (i, name) in names.iter().enumerate() {
        let tenant = tenants::existing(&*store, name).await?;
        store.open(&tenant).await.with_context(|| format!("cannot bring tenant {name} up to date"))?;
        print(format_args!("{}/{} {name}", i + 1, names.len()))?;
    }
    store.close().await;
    print(format_args!("up to date: {} tenants", names.len()))
}
