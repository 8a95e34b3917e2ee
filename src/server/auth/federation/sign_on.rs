//! A sign-in by a provider: the attempt, and what is kept of it once it has succeeded.

use crate::auth::kept::{self, Kept};
use crate::auth::{sealed, secret};
use crate::random;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{LedgerChange, Session, Tenant};

/// How long somebody may take at the provider, in milliseconds.
pub const TIME: i64 = 10 * 60 * 1000;
/// How often a change is tried while others make theirs.
const RACES: usize = 8;

/// An attempt, kept under the hash of its `state`. What the provider and nobody else is to know of it is made of the state
/// and the tenant's key, so that nothing of it lies here.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// The provider's id.
    pub provider: String,
    /// The hash of the browser's cookie: it comes back to the same one.
    pub browser: String,
    /// What goes on afterwards, an address below the issuer.
    pub next: String,
}

impl Kept for Attempt {
    const KIND: &'static str = "attempt";
}

impl Attempt {
    /// The nonce of the id token (OpenID Connect Core section 3.1.2.1).
    pub fn nonce(tenant: &Tenant, state: &str) -> String {
        secret::derived(&tenant.secrets().page_key, &format!("nonce of {state}"))
    }

    /// PKCE's secret (RFC 7636 section 4.1).
    pub fn verifier(tenant: &Tenant, state: &str) -> String {
        secret::derived(&tenant.secrets().page_key, &format!("verifier of {state}"))
    }
}

/// A sign-in by a provider, kept under a random name. Visits that came about by it, and what was granted in them for no
/// longer, hold as long as it does.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignOn {
    /// The provider's id.
    pub provider: String,
    /// The user's name here.
    #[serde(default)]
    account: String,
    /// The id token, sealed: it is shown again when the user signs out.
    id_token: String,
}

impl Kept for SignOn {
    const KIND: &'static str = "sign-on";
}

/// The sign-ons of a provider's session, kept under a hash of its name.
#[derive(Default, Serialize, Deserialize)]
struct ProviderSession {
    sign_ons: Vec<String>,
}

impl Kept for ProviderSession {
    const KIND: &'static str = "provider-session";
}

const PURPOSE: &str = "id token of a sign-on";

fn session_key(provider: &str, session: &str) -> String {
    secret::hash(&format!("{} {provider} {session}", provider.len()))
}

impl SignOn {
    /// Keeps a sign-in by a provider, in a session that the provider may have named; gives the sign-on's name.
    pub async fn begin(
        ledger: &dyn Session,
        tenant: &Tenant,
        (provider, session, id_token): (&str, Option<&str>, &str),
        account: &str,
        until: i64,
    ) -> Result<String> {
        let name = random::id();
        let id_token = sealed::seal(&tenant.secrets().page_key, PURPOSE, id_token.as_bytes())?;
        let sign_on = SignOn { provider: provider.to_owned(), account: account.to_owned(), id_token };
        for _ in 0..RACES {
            let mut changes = vec![kept::insert(name.clone(), &sign_on, Some(until))?];
            if let Some(session) = session {
                changes.push(in_session(ledger, session_key(provider, session), &name, until).await?);
            }
            if kept::write(ledger, changes).await? {
                return Ok(name);
            }
        }
        Err(Failure::new(IssueType::Transient, "Others sign in by the same session just now; try again."))
    }

    /// Whether what came about by a sign-on still holds; what came about otherwise does.
    pub async fn holds(ledger: &dyn Session, name: Option<&str>) -> Result<bool> {
        match name {
            None => Ok(true),
            Some(name) => Ok(kept::find::<SignOn>(ledger, name).await?.is_some()),
        }
    }

    /// The id token.
    pub fn id_token(&self, tenant: &Tenant) -> Result<String> {
        let opened = sealed::open(&tenant.secrets().page_key, PURPOSE, &self.id_token)?;
        let opened = opened.ok_or_else(|| Failure::internal("the id token of a sign-on cannot be decrypted"))?;
        String::from_utf8(opened).map_err(Failure::internal)
    }

    /// Ends a sign-on.
    pub async fn end(ledger: &dyn Session, name: &str) -> Result<()> {
        if let Some(sign_on) = kept::find::<SignOn>(ledger, name).await? {
            // It never changes: whoever is faster ends it as well.
            kept::write(ledger, vec![sign_on.delete()]).await?;
        }
        Ok(())
    }

    /// The names of the sign-ons of a provider's session that hold, for each user.
    pub async fn of_session(
        ledger: &dyn Session,
        provider: &str,
        session: &str,
    ) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let key = session_key(provider, session);
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let known = kept::find::<ProviderSession>(ledger, &key).await?;
        for name in known.map(|it| it.value.sign_ons).unwrap_or_default() {
            if let Some(sign_on) = kept::find::<SignOn>(ledger, &name).await? {
                found.entry(sign_on.value.account).or_default().insert(name);
            }
        }
        Ok(found)
    }
}

/// The change that adds a sign-on to a provider's session.
async fn in_session(ledger: &dyn Session, key: String, name: &str, until: i64) -> Result<LedgerChange> {
    match kept::find::<ProviderSession>(ledger, &key).await? {
        None => kept::insert(key, &ProviderSession { sign_ons: vec![name.to_owned()] }, Some(until)),
        Some(mut entry) => {
            entry.value.sign_ons.push(name.to_owned());
            entry.replace_until(Some(until))
        }
    }
}
