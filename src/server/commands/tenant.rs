//! `medisync tenant`

use super::{block_on, print};
use crate::config::{self, File, StoreFlags};
use crate::{database, tenants};
use anyhow::{Result, bail};
use clap::Subcommand;

/// Arguments of `medisync tenant`.
#[derive(clap::Args)]
pub struct Tenant {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a tenant, with a database and keys of its own
    #[command(after_help = "Example:\n  medisync tenant create north-clinic")]
    Create {
        /// Lower-case letters, digits and hyphens, a letter first
        name: String,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// List the tenants' names
    List {
        #[command(flatten)]
        store: StoreFlags,
    },
}

impl Tenant {
    /// Makes or lists.
    pub fn run(self, file: &File) -> Result<()> {
        match self.action {
            Action::Create { name, store } => block_on(create(name, store.resolve(file)?)),
            Action::List { store } => block_on(list(store.resolve(file)?)),
        }
    }
}

async fn create(name: String, settings: config::Store) -> Result<()> {
    let store = database::open(&settings).await?;
    let made = tenants::create(&*store, &name).await?;
    store.close().await;
    match made {
        Some(_) => print(format_args!("created tenant {name}; its FHIR base is /fhir/{name}")),
        None => bail!("there is a tenant `{name}` already"),
    }
}

async fn list(settings: config::Store) -> Result<()> {
    let store = database::open(&settings).await?;
    let names = store.tenants().await?;
    store.close().await;
    names.iter().try_for_each(print)
}
