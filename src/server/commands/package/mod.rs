//! `medisync package`: FHIR packages (FHIR NPM Package Specification), installed as a tenant's own resources.

mod archive;
mod install;
mod manifest;
mod record;
mod registry;
mod resolve;
mod source;
#[cfg(test)]
mod tests;

use super::{block_on, print};
use crate::config::{self, File, LimitFlags, NetworkFlags, PackageFlags, StoreFlags};
use crate::outgoing::Outgoing;
use crate::{database, tenants};
use anyhow::{Context, Result};
use archive::Archive;
use clap::Subcommand;
use engine::Engine;
use registry::Registry;
use resolve::{Resolved, resolve};
use source::Sources;
use std::process::ExitCode;

/// Arguments of `medisync package`.
#[derive(clap::Args)]
pub struct Package {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Install packages: profiles, extensions, value sets and what else has a canonical URL
    #[command(after_help = "\
Examples:
  medisync package install --tenant north hl7.fhir.uv.ips-2.0.0.tgz
  medisync package install --tenant north hl7.fhir.uv.ips@2.0.0
  medisync package install --tenant north medisync.fhir.r4

Takes a FHIR package (.tgz) from a file, or by name from the folder of packages, or else from the registry; medisync.fhir.r4
is built in: the profiles that every tenant has, to be read and searched as its resources. What the tenant has already, by URL
and version, is left as it is; so a package can be installed again. Packages that it depends on are installed before it; those
that cannot be had are named. With SQLite the server must not be running on the same data folder.")]
    Install {
        /// Files, or names as NAME or NAME@VERSION
        #[arg(required = true, value_name = "PACKAGE")]
        packages: Vec<String>,
        /// The tenant to install for
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Leave out the packages that they depend on
        #[arg(long)]
        no_dependencies: bool,
        #[command(flatten)]
        source: PackageFlags,
        #[command(flatten)]
        network: NetworkFlags,
        #[command(flatten)]
        store: Box<StoreFlags>,
        #[command(flatten)]
        limits: LimitFlags,
    },
    /// List the packages that are installed
    List {
        /// The tenant
        #[arg(long, value_name = "NAME")]
        tenant: String,
        #[command(flatten)]
        store: StoreFlags,
    },
}

impl Package {
    /// Installs or lists; an installation fails with exit code 1 if anything was refused.
    pub fn run(self, file: &File) -> Result<ExitCode> {
        match self.action {
            Action::Install { packages, tenant, no_dependencies, source, network, store, limits } => {
                let sources = sources(&source.resolve(file)?, network.resolve(file)?)?;
                let (store, limits) = (store.resolve(file)?, limits.resolve(file)?);
                block_on(async {
                    // What is wrong with a package is told before anything is written.
                    let mut named = Vec::with_capacity(packages.len());
                    for it in &packages {
                        named.push(sources.open(it).await?);
                    }
                    let sources = Some(&sources).filter(|_| !no_dependencies);
                    install(named, sources, &tenant, store, limits).await
                })
            }
            Action::List { tenant, store } => {
                block_on(list(&tenant, store.resolve(file)?, LimitFlags::default().resolve(file)?))
            }
        }
    }
}

fn sources(packages: &config::Packages, network: config::Network) -> Result<Sources> {
    let registry = match packages.package_registry.url() {
        Some(url) => Some(Registry::new(url, Outgoing::new(&network)?)),
        None => None,
    };
    Ok(Sources::new(packages.package_folder.clone(), registry))
}

async fn install(
    named: Vec<Archive>,
    sources: Option<&Sources>,
    tenant: &str,
    store: config::Store,
    limits: config::Limits,
) -> Result<ExitCode> {
    let _lock = database::lock(&store)?;
    let (engine, context) = open(tenant, &store, &limits).await?;
    let resolved = match sources {
        Some(sources) => resolve(named, sources, &record::installed(&engine, &context).await?).await?,
        None => Resolved { archives: named, failed: Vec::new() },
    };
    resolved.failed.iter().try_for_each(print)?;
    let archives = resolved.archives;
    let mut is_clean = true;
    for archive in &archives {
        let report = install::install(&engine, &context, archive).await?;
        is_clean &= report.is_clean();
        print(&report)?;
    }
    let names = record::missing(&engine, &context, archives.iter().map(|it| &it.manifest)).await?;
    names.iter().try_for_each(print)?;
    engine.store().close().await;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list(tenant: &str, store: config::Store, limits: config::Limits) -> Result<ExitCode> {
    let (engine, context) = open(tenant, &store, &limits).await?;
    let installed = record::installed(&engine, &context).await?;
    engine.store().close().await;
    installed.iter().try_for_each(print)?;
    Ok(ExitCode::SUCCESS)
}

async fn open(tenant: &str, store: &config::Store, limits: &config::Limits) -> Result<(Engine, engine::Context)> {
    let database = database::open(store).await?;
    let tenant = tenants::existing(&*database, tenant).await?;
    let engine = database::engine(database, limits.engine(store));
    let base = format!("/fhir/{}", tenant.name());
    let context = engine.system_context(&tenant, "package", &base).await.context("cannot open the tenant")?;
    Ok((engine, context))
}
