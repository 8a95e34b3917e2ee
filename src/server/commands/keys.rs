//! `medisync keys`

use super::seal::Seal;
use super::{block_on, print, progress_bar};
use crate::config::{self, File, StoreFlags};
use crate::{clock, database, master, tenants};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{KeyFile, Stale, Store};

/// After so long every server has seen a new data key.
const KNOWN: Duration = Duration::from_secs(3);

/// Arguments of `medisync keys`.
#[derive(clap::Args)]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Tell by which master keys tenants' keys are wrapped
    List {
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Add a new master key to the file of master keys
    #[command(after_help = "\
Example:
  medisync keys add --master-key file:/etc/medisync/master.keys

Copy the file to every server, which finds the new key by itself; then `medisync keys rotate` wraps tenants' keys by it.")]
    Add {
        /// What the key is called [default: made- and the date]
        #[arg(long)]
        id: Option<String>,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Wrap all tenants' keys by the newest master key, while they are served
    #[command(after_help = "\
Examples:
  medisync keys rotate                  all tenants' keys are wrapped by the newest master key
  medisync keys rotate --tenant north   north gets a new data key, and all is encrypted by it

One that was interrupted is started again and goes on. A key of Vault's is rotated there first: vault write -f transit/keys/KEY/rotate.")]
    Rotate {
        /// Gives this tenant a new data key instead
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Say what of a tenant's resources is kept encrypted, and which elements the search index has hashes of, or show it
    Seal(Seal),
}

impl Keys {
    /// Does what was asked.
    pub fn run(self, file: &File) -> Result<()> {
        match self.action {
            Action::List { store } => block_on(list(store.resolve(file)?)),
            Action::Add { id, store } => add(id, &store.resolve(file)?),
            Action::Rotate { tenant: None, store } => block_on(rotate(store.resolve(file)?)),
            Action::Rotate { tenant: Some(name), store } => block_on(rotate_data_key(name, store.resolve(file)?)),
            Action::Seal(it) => it.run(file),
        }
    }
}

async fn list(settings: config::Store) -> Result<()> {
    let store = database::open(&settings).await?;
    let all = store.wrapped_by().await?;
    store.close().await;
    let mut counts = BTreeMap::new();
    for (_, by) in all {
        *counts.entry(by.unwrap_or_else(|| "none".to_owned())).or_insert(0) += 1;
    }
    counts.into_iter().try_for_each(|(by, count)| print(format_args!("{by}\t{count}")))
}

fn add(id: Option<String>, settings: &config::Store) -> Result<()> {
    let path = master::file(settings)?.with_context(|| {
        format!("the master key {} is not in a file: make the new one where it is", settings.master_key)
    })?;
    let id = id.unwrap_or_else(|| format!("made-{}", clock::today()));
    KeyFile::add(&path, &id, crate::random::fill).context("no key was added; --id gives it another id")?;
    print(format_args!(
        "added master key {id} to {}; keep a copy of the file, give it to every server, then run `medisync keys rotate`",
        path.display()
    ))
}

async fn rotate(settings: config::Store) -> Result<()> {
    if master::is_none(&settings)? {
        bail!("there is no master key to wrap by; give --master-key");
    }
    let store = database::open(&settings).await?;
    let bar = progress_bar("tenants");
    let shown = bar.clone();
    let wrapped = store
        .rewrap(Stale::All, &move |it| {
            shown.set_length(it.total as u64);
            shown.set_position(it.done as u64);
        })
        .await;
    bar.finish_and_clear();
    store.close().await;
    let wrapped = wrapped.context("not all keys are wrapped anew; run it again to go on")?;
    print(format_args!("the keys of {} tenants are wrapped by the newest master key now", wrapped.done))
}

async fn rotate_data_key(name: String, settings: config::Store) -> Result<()> {
    let store = database::open(&settings).await?;
    let rotated = async {
        tenants::existing(&*store, &name).await?;
        let number = store.rotate_data_key(&name).await.context("no new key was made")?;
        let told = || format!("data key {number} is made, but not all is encrypted by it yet; run it again");
        Ok::<_, anyhow::Error>((number, reseal(&*store, &name).await.with_context(told)?))
    };
    let rotated = rotated.await;
    store.close().await;
    let (number, done) = rotated?;
    print(format_args!("{name} encrypts by data key {number}; {done} entries and resources were encrypted anew"))
}

/// Encrypts anew what is to be; how many entries and versions that were.
pub(super) async fn reseal(store: &dyn Store, name: &str) -> store::Result<usize> {
    // By then every server writes by what was changed.
    tokio::time::sleep(KNOWN).await;
    let bar = progress_bar("entries and resources");
    let shown = bar.clone();
    let done = store.reseal(name, &move |done| shown.set_position(done as u64)).await;
    bar.finish_and_clear();
    done
}
