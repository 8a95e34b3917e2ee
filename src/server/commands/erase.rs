//! `medisync tenant erase` and `medisync tenant erased`

use super::user::told;
use super::{block_on, print};
use crate::certificate::{self, Certificate};
use crate::config::{self, File, Place, StoreFlags};
use crate::tenants::PLATFORM;
use crate::{audit, clock, database, random, tenants};
use anyhow::{Context, Result, bail};
use engine::{Security, SecurityEvent};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use store::{PostgresStore, Store};

/// Arguments of `medisync tenant erase`.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  medisync tenant erase north --reason \"Contract 4711 ended on 2026-10-31\" --certificate north-erased.jws

The tenant's keys are destroyed, its records, accounts, full-text index and files are taken away, and a signed certificate of
that is kept and printed. There is no way back. It asks for the tenant's name again, unless --confirm gives it. An erasure that
was interrupted is finished by the same command. Backups are not reached: see docs/operator.md#erasing-a-tenant.")]
pub struct Erase {
    /// The tenant's name
    name: String,
    /// Why, for the certificate
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The tenant's name again, instead of being asked for it
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// PostgreSQL: also while servers serve it, which stop at once
    #[arg(long)]
    now: bool,
    /// Writes the certificate into a file too
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    store: StoreFlags,
}

/// Arguments of `medisync tenant erased`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync tenant erased
  medisync tenant erased --verify north-erased.jws")]
pub struct ErasedList {
    /// Show a certificate, if this server signed it
    #[arg(long, value_name = "FILE")]
    verify: Option<PathBuf>,
    #[command(flatten)]
    store: StoreFlags,
}

impl Erase {
    /// Erases.
    pub fn run(self, file: &File) -> Result<()> {
        block_on(self.erase(self.store.clone().resolve(file)?))
    }

    async fn erase(&self, settings: config::Store) -> Result<()> {
        if self.reason.trim().is_empty() {
            bail!("say by --reason why; it stands in the certificate");
        }
        let _lock = self.alone(&settings).await?;
        let store = database::open(&settings).await?;
        let done = self.erase_from(&*store).await;
        store.close().await;
        done
    }

    /// Fails while the tenant may be served.
    async fn alone(&self, settings: &config::Store) -> Result<database::Lock> {
        let is_served = match settings.database.place()? {
            Place::Folder(_) => false,
            Place::Postgres => PostgresStore::is_served(settings.database.whole()).await?,
        };
        if is_served && !self.now {
            bail!(
                "servers or commands work on this database; stop them, or give --now to erase {} all the same",
                self.name
            );
        }
        database::lock(settings)
    }

    async fn erase_from(&self, store: &dyn Store) -> Result<()> {
        let name = self.name.as_str();
        let erased = store.erased().await?.into_iter().find(|it| it.name == name);
        let record = match (erased, store.census(name).await?) {
            (Some(it), _) if it.certificate.is_some() => bail!("{name} is erased; `medisync tenant erased` shows it"),
            // Somebody was stopped.
            (Some(it), _) => it.record,
            (None, None) => bail!("there is no tenant `{name}`"),
            (None, Some(census)) => {
                self.confirmed()?;
                // Before it is begun: nothing is erased that the platform's log does not tell of.
                told_to_platform(store, name, 202).await?;
                let begun = Certificate::begun(name, &self.reason, census, clock::now_ms());
                let record = serde_json::to_string(&begun)?;
                store.destroy_keys(name, &record).await.with_context(|| format!("{name} cannot be erased"))?;
                tracing::warn!(tenant = name, "the tenant's keys were destroyed");
                record
            }
        };
        store.clear(name).await.with_context(|| {
            format!("the keys of {name} are destroyed, but not all that it had could be taken away; run this again")
        })?;
        let mut finished: Certificate = serde_json::from_str(&record)?;
        finished.finished = Some(fhir::primitive::datetime::instant(clock::now_ms() * 1000));
        let signed = finished.sign(&certificate::signing_key(store).await?)?;
        store.certify(name, &signed).await?;
        told_to_platform(store, name, 200).await?;
        if let Some(file) = &self.certificate {
            std::fs::write(file, format!("{signed}\n")).with_context(|| format!("cannot write {}", file.display()))?;
        }
        print(serde_json::to_string_pretty(&finished)?)?;
        print(format_args!("erased {name}; the certificate, as it is signed:"))?;
        print(signed)
    }

    /// Fails where the name is not given again.
    fn confirmed(&self) -> Result<()> {
        let again = match &self.confirm {
            Some(name) => name.clone(),
            None => {
                let mut out = std::io::stderr().lock();
                write!(out, "This erases ALL of tenant {}, for good. Type its name to go on: ", self.name)?;
                out.flush()?;
                let mut line = String::new();
                std::io::stdin().lock().read_line(&mut line)?;
                line.trim().to_owned()
            }
        };
        match again == self.name {
            true => Ok(()),
            false => bail!("that is not {}; nothing was erased", self.name),
        }
    }
}

/// Enters in the platform's audit log that a tenant is being erased (202), or is (200). Its own log goes with it.
async fn told_to_platform(store: &dyn Store, name: &str, status: u16) -> Result<()> {
    let platform = match store.tenant(PLATFORM).await? {
        Some(tenant) => tenant,
        None => {
            tenants::create(store, PLATFORM).await?;
            tenants::existing(store, PLATFORM).await?
        }
    };
    let session = store.open(&platform).await?;
    let event = SecurityEvent { status, ..audit::of_operator(Security::Erasure, Some(name)) };
    Ok(session.audit(vec![event.entry(random::id(), clock::now_ms()).map_err(told)?]).await?)
}

impl ErasedList {
    /// Lists, or verifies.
    pub fn run(self, file: &File) -> Result<()> {
        let settings = self.store.resolve(file)?;
        block_on(async {
            let store = database::open(&settings).await?;
            let done = match &self.verify {
                Some(file) => verify(&*store, file).await,
                None => list(&*store).await,
            };
            store.close().await;
            done
        })
    }
}

async fn verify(store: &dyn Store, file: &Path) -> Result<()> {
    let signed = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let verified = Certificate::verify(signed.trim(), &certificate::signing_key(store).await?)?;
    print(serde_json::to_string_pretty(&verified)?)?;
    print("the signature is this server's")
}

async fn list(store: &dyn Store) -> Result<()> {
    for it in store.erased().await? {
        let record: Certificate = serde_json::from_str(&it.record)?;
        let state = if it.certificate.is_some() { "erased" } else { "NOT ALL IS TAKEN AWAY: erase it again" };
        print(format_args!("{}\t{}\t{}\t{state}", it.name, record.keys_destroyed, record.reason))?;
        if let Some(certificate) = it.certificate {
            print(format_args!("\t{certificate}"))?;
        }
    }
    Ok(())
}
