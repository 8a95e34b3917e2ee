//! `medisync migrate`

use super::{block_on, print};
use crate::config::{self, File, StoreFlags};
use crate::{database, tenants};
use anyhow::{Context, Result};

/// Arguments of `medisync migrate`. A server does the same for a tenant when it is first asked for; this does it for
/// all before one starts.
#[derive(clap::Args)]
pub struct Migrate {
    #[command(flatten)]
    store: StoreFlags,
}

impl Migrate {
    /// Opens every tenant, which brings its schema up to date.
    pub fn run(self, file: &File) -> Result<()> {
        block_on(migrate(self.store.resolve(file)?))
    }
}

async fn migrate(settings: config::Store) -> Result<()> {
    let _lock = database::lock(&settings)?;
    let store = database::open(&settings).await?;
    let names = store.tenants().await?;
    for (i, name) in names.iter().enumerate() {
        let tenant = tenants::existing(&*store, name).await?;
        store.open(&tenant).await.with_context(|| format!("cannot bring tenant {name} up to date"))?;
        print(format_args!("{}/{} {name}", i + 1, names.len()))?;
    }
    store.close().await;
    print(format_args!("up to date: {} tenants", names.len()))
}
