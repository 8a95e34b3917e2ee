//! `medisync terminology`: large code systems, loaded for a tenant from their publishers' own files.

mod files;

use super::{block_on, print};
use crate::clock::Stopwatch;
use crate::config::{self, File, StoreFlags};
use crate::{database, tenants};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use features::{LoadedRows, ReleaseChoices, load_code_system, read_release};
use fhir::terminology::release::{About, Arranged};
use files::ReleaseFiles;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::Arc;
use store::{Session, Store};

/// Arguments of `medisync terminology`.
#[derive(clap::Args)]
pub struct Terminology {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Load a version of a code system from its publisher's files
    #[command(after_help = "\
Examples:
  medisync terminology load --tenant north SnomedCT_InternationalRF2_PRODUCTION_20250101T120000Z.zip
  medisync terminology load --tenant north Loinc_2.80/
  medisync terminology load --tenant north RxNorm_full_01062025.zip
  medisync terminology load --tenant north icd10cm_order_2025.txt
  medisync terminology load --tenant north icd102019en.xml

Takes SNOMED CT (RF2, snapshot), LOINC (Loinc.csv, and if they are there the hierarchy, parts and answer lists), RxNorm (RRF),
ICD-10 (ClaML) and ICD-10-CM (tabular list or order file): a folder, an archive (.zip), or single files. What they are is told by their names
and headers. The version is served when it is whole, in the place of one that was loaded before; other versions stay. With
SQLite the server must not be running on the same data folder. You need the publisher's licence for each tenant.")]
    Load(Box<Load>),
    /// List the versions that are loaded
    List {
        /// The tenant
        #[arg(long, value_name = "NAME")]
        tenant: String,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Take a version away
    Drop {
        /// The code system and its version, as `list` shows them: URL|VERSION
        #[arg(value_name = "URL|VERSION")]
        canonical: String,
        /// The tenant
        #[arg(long, value_name = "NAME")]
        tenant: String,
        #[command(flatten)]
        store: StoreFlags,
    },
}

#[derive(clap::Args)]
struct Load {
    /// The release: a folder, an archive (.zip), or its files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The tenant to load it for
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// URL of the code system, where the files do not tell it (national versions of ICD-10)
    #[arg(long, value_name = "URL")]
    system: Option<String>,
    /// Its version, where the files do not tell it
    #[arg(long, value_name = "VERSION")]
    release: Option<String>,
    /// SNOMED CT: the module of the edition, where the files do not tell it
    #[arg(long, value_name = "ID")]
    edition: Option<String>,
    /// SNOMED CT: the language reference set whose preferred terms are shown; by default American, then British English
    #[arg(long, value_name = "ID")]
    language: Option<String>,
    #[command(flatten)]
    store: StoreFlags,
}

impl Terminology {
    /// Loads, lists or drops.
    pub fn run(self, file: &File) -> Result<()> {
        match self.action {
            Action::Load(it) => {
                let Load { paths, tenant, system, release, edition, language, store } = *it;
                let choices = ReleaseChoices { system, version: release, edition, language };
                block_on(load(store.resolve(file)?, tenant, paths, choices))
            }
            Action::List { tenant, store } => block_on(list(store.resolve(file)?, tenant)),
            Action::Drop { canonical, tenant, store } => {
                block_on(drop_version(store.resolve(file)?, tenant, canonical))
            }
        }
    }
}

async fn open(settings: &config::Store, tenant: &str) -> Result<(Arc<dyn Store>, Arc<dyn Session>)> {
    let store = database::open(settings).await?;
    let found = tenants::existing(&*store, tenant).await?;
    let session = store.open(&found).await.with_context(|| format!("cannot open tenant {tenant}"))?;
    Ok((store, session))
}

async fn load(settings: config::Store, tenant: String, paths: Vec<PathBuf>, choices: ReleaseChoices) -> Result<()> {
    let _lock = database::lock(&settings)?;
    let (store, session) = open(&settings, &tenant).await?;
    let watch = Stopwatch::start();
    let files = ReleaseFiles::find(&paths)?;
    // Reading is all work and no waiting.
    let arranged = tokio::task::spawn_blocking(move || read(files, &choices)).await??;
    let bar = bar("{bar:40} {percent:>3}% writing");
    let shown = bar.clone();
    let told = move |rows: LoadedRows| {
        shown.set_length(rows.total as u64);
        shown.set_position(rows.done as u64);
    };
    let done = load_code_system(&*session, &arranged, &told).await;
    bar.finish_and_clear();
    store.close().await;
    done.context("cannot write the code system")?;
    let (url, version) = arranged.identity();
    let time = watch.elapsed().as_secs_f64();
    print(format_args!("{url}|{version}: {} concepts in {time:.1} s", arranged.len()))
}

fn read(files: ReleaseFiles, choices: &ReleaseChoices) -> Result<Arranged> {
    let bar = bar("{bar:40} {percent:>3}% reading");
    let files = files.shown_by(&bar);
    let arranged = read_release(&files, choices).and_then(fhir::terminology::release::Draft::arranged);
    bar.finish_and_clear();
    Ok(arranged?)
}

/// Shows itself on a terminal only.
fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

async fn list(settings: config::Store, tenant: String) -> Result<()> {
    let (store, session) = open(&settings, &tenant).await?;
    let releases = session.releases().await;
    store.close().await;
    for release in releases? {
        let about = About::read(&release.about)?;
        print(format_args!("{}|{}  {} ({} concepts)", release.url, release.version, about.name, about.count))?;
    }
    Ok(())
}

async fn drop_version(settings: config::Store, tenant: String, canonical: String) -> Result<()> {
    let _lock = database::lock(&settings)?;
    let (store, session) = open(&settings, &tenant).await?;
    let done = drop_from(&*session, &canonical).await;
    store.close().await;
    match done? {
        true => print(format_args!("dropped {canonical}")),
        false => bail!("{canonical} is not loaded; `medisync terminology list --tenant {tenant}` shows what is"),
    }
}

async fn drop_from(session: &dyn Session, canonical: &str) -> Result<bool> {
    let releases = session.releases().await?;
    let named = releases.into_iter().find(|it| format!("{}|{}", it.url, it.version) == canonical);
    let Some(release) = named else { return Ok(false) };
    let is_dropped = session.drop_release(release.number).await?;
    session.sweep_releases(&release.url, release.number + 1).await?;
    Ok(is_dropped)
}
