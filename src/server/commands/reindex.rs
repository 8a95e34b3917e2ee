//! `medisync reindex`: makes what can be made again from the records.

use super::{block_on, print, progress_bar};
use crate::clock::Stopwatch;
use crate::config::{self, File, StoreFlags};
use crate::{database, tenants};
use anyhow::{Context, Result};

/// Arguments of `medisync reindex`.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  medisync reindex --tenant north --text

A server keeps the full-text index up to date by itself, and makes it when it is first asked for. This makes it anew, for
instance before the first search or after the data folder was damaged.
The server must not be running on the same data folder, or, with PostgreSQL, on the same --text-folder.")]
pub struct Reindex {
    /// The tenant whose index is made anew
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The full-text index (_text, _content, :text, :fuzzy, :phonetic)
    #[arg(long, required = true)]
    text: bool,
    #[command(flatten)]
    store: StoreFlags,
}

impl Reindex {
    /// Makes the index anew; a bar on a terminal shows how far it has come.
    pub fn run(self, file: &File) -> Result<()> {
        block_on(reindex(self.store.resolve(file)?, &self.tenant))
    }
}

async fn reindex(settings: config::Store, name: &str) -> Result<()> {
    let _lock = database::lock_with_texts(&settings)?;
    let store = database::open(&settings).await?;
    let tenant = tenants::existing(&*store, name).await?;
    let session = store.open(&tenant).await.with_context(|| format!("cannot open tenant {name}"))?;
    let watch = Stopwatch::start();
    let bar = progress_bar("resources");
    let shown = bar.clone();
    let told = move |it: store::Indexed| {
        shown.set_length(it.total.unsigned_abs());
        shown.set_position(it.done.unsigned_abs());
    };
    let done = session.rebuild_text(&told).await.with_context(|| format!("cannot index the texts of tenant {name}"));
    bar.finish_and_clear();
    store.close().await;
    done?;
    print(format_args!("{} resources indexed in {:.1} s", bar.position(), watch.elapsed().as_secs_f64()))
}
