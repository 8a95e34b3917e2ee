//! `medisync key`

use super::user::{LISTED, Where, entered, told, within};
use super::{block_on, print, token};
use crate::auth::api_key::{self, ApiKey};
use crate::auth::kept;
use crate::clock;
use crate::config::{self, File, Span};
use anyhow::{Result, bail};
use clap::Subcommand;
use engine::Security;

/// Arguments of `medisync key`.
#[derive(clap::Args)]
pub struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make an API key for a system that cannot do OAuth; prints it once
    #[command(after_help = "\
Example:
  medisync key create --tenant north --name \"Laboratory\" --scope \"system/Observation.crus\" --expires 90d")]
    Create {
        #[command(flatten)]
        at: Where,
        /// What people call it
        #[arg(long)]
        name: String,
        /// What it allows: SMART scopes, separated by spaces
        #[arg(long, value_name = "SCOPES")]
        scope: String,
        /// How long it holds
        #[arg(long, value_name = "TIME", default_value = "365d")]
        expires: Span,
    },
    /// List the keys: id, name, until when, when last used, scopes
    List {
        #[command(flatten)]
        at: Where,
    },
    /// Print a new key in place of another, which is taken too for a while
    Rotate {
        #[command(flatten)]
        at: Where,
        /// Its id
        id: String,
        /// How long the new one holds
        #[arg(long, value_name = "TIME", default_value = "365d")]
        expires: Span,
        /// How long the one before is taken too
        #[arg(long, value_name = "TIME", default_value = "7d")]
        overlap: Span,
    },
    /// End a key
    Revoke {
        #[command(flatten)]
        at: Where,
        /// Its id
        id: String,
    },
}

impl Key {
    /// Does what was asked.
    pub fn run(self, file: &File) -> Result<()> {
        match self.action {
            Action::Create { at, name, scope, expires } => {
                token::check(&scope, None)?;
                block_on(create(at.store.resolve(file)?, at.tenant, (name, scope), expires))
            }
            Action::List { at } => block_on(list(at.store.resolve(file)?, at.tenant)),
            Action::Rotate { at, id, expires, overlap } => {
                block_on(rotate(at.store.resolve(file)?, at.tenant, id, expires, overlap))
            }
            Action::Revoke { at, id } => block_on(revoke(at.store.resolve(file)?, at.tenant, id)),
        }
    }
}

async fn create(settings: config::Store, tenant: String, about: (String, String), expires: Span) -> Result<()> {
    let (name, scope) = about;
    if !(1..=100).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        bail!("a key's name has 1 to 100 characters");
    }
    let time = expires.millis()?;
    let (id, key) = entered(&settings, &tenant, (Security::Configuration, &name.clone()), async |session| {
        api_key::create(&*session, name, scope, clock::now_ms(), time).await.map_err(told)
    })
    .await?;
    tracing::info!(tenant, key = id, "an API key was made");
    print(key)
}

async fn list(settings: config::Store, tenant: String) -> Result<()> {
    let all = within(&settings, &tenant, async |session| kept::list::<ApiKey>(&*session, LISTED).await.map_err(told));
    for entry in all.await? {
        let ApiKey { name, scope, expires, last_used, .. } = entry.value;
        let used = last_used.map_or_else(|| "never used".to_owned(), |it| format!("used {}", instant(it)));
        print(format_args!("{}  {name}  until {}  {used}  {scope}", entry.key, instant(expires)))?;
    }
    Ok(())
}

async fn rotate(settings: config::Store, tenant: String, id: String, expires: Span, overlap: Span) -> Result<()> {
    let (time, overlap) = (expires.millis()?, overlap.millis()?);
    let key = entered(&settings, &tenant, (Security::Configuration, &id), async |session| {
        api_key::rotate(&*session, &id, clock::now_ms(), time, overlap).await.map_err(told)
    })
    .await?;
    tracing::info!(tenant, key = id, "an API key was made in place of another");
    print(key)
}

async fn revoke(settings: config::Store, tenant: String, id: String) -> Result<()> {
    entered(&settings, &tenant, (Security::Configuration, &id), async |session| {
        api_key::revoke(&*session, &id).await.map_err(told)
    })
    .await?;
    tracing::info!(tenant, key = id, "an API key was revoked");
    Ok(())
}

fn instant(millis: i64) -> String {
    fhir::primitive::datetime::instant(millis.saturating_mul(1000))
}
