//! `medisync client`

use super::user::{LISTED, Where, entered, told, within};
use super::{block_on, print};
use crate::auth::client::{Client as Registered, ClientAuth, IdTokenAlgorithm};
use crate::auth::{kept, leaving, ring, scope, secret};
use crate::config::{self, File};
use crate::{clock, random};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use engine::Security;
use std::path::PathBuf;

/// Arguments of `medisync client`.
#[derive(clap::Args)]
pub struct Client {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Args)]
struct New {
    /// What people are told
    #[arg(long)]
    name: String,
    /// Where answers may go, for an app that people sign in to; may be given several times
    #[arg(long = "redirect", value_name = "URI")]
    redirects: Vec<String>,
    /// Where people may go on who sign out from within the app; may be given several times
    #[arg(long = "signed-out", value_name = "URI")]
    signed_out: Vec<String>,
    /// Where it is told that a user has signed out (OpenID Connect Back-Channel Logout)
    #[arg(long, value_name = "URI")]
    backchannel_logout: Option<String>,
    /// By what its id tokens are signed
    #[arg(long, value_name = "ALGORITHM", value_enum, default_value_t)]
    id_tokens: IdTokenAlgorithm,
    /// The most it is granted
    #[arg(long, value_name = "SCOPES")]
    scope: String,
    /// It can keep no secret: it runs in a browser or on a phone
    #[arg(long, conflicts_with = "jwks")]
    public: bool,
    /// Introspection tells it of every token, as a resource server needs; others are told of their own
    #[arg(long, conflicts_with = "public")]
    introspection: bool,
    /// Its public keys (a JWK Set), by which it signs; without --redirect it is a program that acts for nobody
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where its public keys are; instead of --jwks
    #[arg(long, value_name = "URL", conflicts_with_all = ["jwks", "public"])]
    jwks_uri: Option<String>,
}

#[derive(Subcommand)]
enum Action {
    /// Register an app or program; prints its id, and its secret if it has one
    #[command(after_help = "\
Examples:
  medisync client create --tenant north --name \"Growth chart\" --public \\
    --redirect https://growth.example.org/ --scope \"launch/patient openid fhirUser offline_access patient/*.rs\"
  medisync client create --tenant north --name Warehouse --jwks keys.json --scope \"system/*.rs\"")]
    Create {
        #[command(flatten)]
        at: Where,
        #[command(flatten)]
        new: New,
    },
    /// List the apps and programs
    List {
        #[command(flatten)]
        at: Where,
    },
    /// Let one that registered itself be used
    Approve {
        #[command(flatten)]
        at: Where,
        /// Its id
        id: String,
    },
    /// Take one away, with all that it was granted and the state that it keeps here
    Remove {
        #[command(flatten)]
        at: Where,
        /// Its id
        id: String,
    },
}

impl Client {
    /// Does what was asked.
    pub fn run(self, file: &File) -> Result<()> {
        match self.action {
            Action::Create { at, new } => block_on(create(at.store.resolve(file)?, at.tenant, new)),
            Action::List { at } => block_on(list(at.store.resolve(file)?, at.tenant)),
            Action::Approve { at, id } => block_on(approve(at.store.resolve(file)?, at.tenant, id)),
            Action::Remove { at, id } => block_on(remove(at.store.resolve(file)?, at.tenant, id)),
        }
    }
}

async fn create(settings: config::Store, tenant: String, new: New) -> Result<()> {
    let mut client = client(new)?;
    let (id, made_up) = (random::id(), secret::new().map_err(told)?);
    client.secret = client.auth.has_secret().then(|| secret::hash(&made_up));
    client.check().map_err(told)?;
    let change = kept::insert(id.clone(), &client, None).map_err(told)?;
    entered(&settings, &tenant, (Security::Configuration, &id), async |session| {
        ring::provide(&*session, client.id_tokens, clock::now_ms()).await.map_err(told)?;
        kept::write(&*session, vec![change]).await.map_err(told)
    })
    .await?;
    print(format_args!("client_id {id}"))?;
    match client.auth.has_secret() {
        true => print(format_args!("client_secret {made_up}")),
        false => Ok(()),
    }
}

fn client(new: New) -> Result<Registered> {
    if let Some(unknown) = new.scope.split_whitespace().find(|it| !scope::is_known(it)) {
        bail!("this server has no scope {unknown}");
    }
    let jwks = match &new.jwks {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Some(serde_json::from_str(&text).with_context(|| format!("{} is no JWK Set", file.display()))?)
        }
    };
    let has_keys = jwks.is_some() || new.jwks_uri.is_some();
    let auth = match (new.public, has_keys) {
        (true, _) => ClientAuth::None,
        (false, true) => ClientAuth::PrivateKeyJwt,
        (false, false) => ClientAuth::ClientSecretBasic,
    };
    let grants: &[&str] = match new.redirects.is_empty() {
        true => &["client_credentials"],
        false => &["authorization_code", "refresh_token"],
    };
    Ok(Registered {
        name: new.name,
        redirect_uris: new.redirects,
        post_logout_redirect_uris: new.signed_out,
        id_tokens: new.id_tokens,
        backchannel_logout_uri: new.backchannel_logout,
        grant_types: grants.iter().map(|it| (*it).to_owned()).collect(),
        auth,
        secret: None,
        jwks,
        jwks_uri: new.jwks_uri,
        scope: new.scope,
        is_approved: true,
        is_self_made: false,
        introspects: new.introspection,
        created: clock::now_ms(),
    })
}

async fn list(settings: config::Store, tenant: String) -> Result<()> {
    let all =
        within(&settings, &tenant, async |session| kept::list::<Registered>(&*session, LISTED).await.map_err(told));
    for entry in all.await? {
        let client = entry.value;
        let state = if client.is_approved { "" } else { "  waits for approval" };
        print(format_args!("{}  {}  {}  {}{state}", entry.key, client.name, client.auth.name(), client.scope))?;
    }
    Ok(())
}

async fn approve(settings: config::Store, tenant: String, id: String) -> Result<()> {
    change(settings, tenant, id, |mut entry| {
        entry.value.is_approved = true;
        entry.value.is_self_made = false;
        entry.replace()
    })
    .await
}

async fn remove(settings: config::Store, tenant: String, id: String) -> Result<()> {
    entered(&settings, &tenant, (Security::Configuration, &id), async |session| {
        match leaving::client(&*session, &id).await.map_err(told)? {
            true => Ok(()),
            false => bail!("there is no client `{id}`"),
        }
    })
    .await
}

async fn change(
    settings: config::Store,
    tenant: String,
    id: String,
    step: impl FnOnce(kept::Entry<Registered>) -> fhir::Result<store::LedgerChange>,
) -> Result<()> {
    entered(&settings, &tenant, (Security::Configuration, &id), async |session| {
        let entry = kept::find::<Registered>(&*session, &id).await.map_err(told)?;
        let entry = entry.with_context(|| format!("there is no client `{id}`"))?;
        if !kept::write(&*session, vec![step(entry).map_err(told)?]).await.map_err(told)? {
            bail!("the client is being changed by somebody else; try again");
        }
        Ok(())
    })
    .await
}
