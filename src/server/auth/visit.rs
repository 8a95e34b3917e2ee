//! A user's sign-in in one browser. The browser holds a random cookie; the server keeps its hash.

use super::account::{self, Account};
use super::factor::assurance::{self, Proved};
use super::federation::SignOn;
use super::kept::{self, Entry, Kept};
use super::session_limits::SessionLimits;
use super::{factor, secret};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::{LedgerChange, Session};

/// A sign-in, kept under the hash of its cookie.
#[derive(Clone, Serialize, Deserialize)]
pub struct Visit {
    /// The user's name.
    pub account: String,
    /// When the user signed in, in milliseconds since the epoch.
    pub began: i64,
    /// By what (RFC 8176).
    #[serde(default = "assurance::password")]
    pub amr: Vec<String>,
    /// The sign-on by a provider that it holds as long as.
    #[serde(default)]
    pub sign_on: Option<String>,
    seen: i64,
}

impl Kept for Visit {
    const KIND: &'static str = "visit";
}

/// Who is signed in.
pub struct Visitor {
    /// The sign-in.
    pub visit: Entry<Visit>,
    /// The user.
    pub account: Entry<Account>,
}

/// A sign-in by these methods: the cookie's value, and the change that begins it.
pub async fn begun(
    session: &dyn Session,
    username: &str,
    proved: impl Into<Proved>,
    now: i64,
) -> Result<(String, LedgerChange)> {
    begun_at(session, username, proved, (now, now)).await
}

/// The same of somebody who signed in elsewhere at a time before now.
pub async fn begun_at(
    session: &dyn Session,
    username: &str,
    proved: impl Into<Proved>,
    (began, now): (i64, i64),
) -> Result<(String, LedgerChange)> {
    let cookie = secret::new()?;
    let Proved { amr, sign_on } = proved.into();
    let visit = Visit { account: account::folded(username), began, amr, sign_on, seen: now };
    let until = SessionLimits::of(session).await?.until(began, now);
    Ok((cookie.clone(), kept::insert(secret::hash(&cookie), &visit, Some(until))?))
}

/// Whether the sign-in that is kept under this key holds.
pub async fn holds(session: &dyn Session, key: &str, now: i64) -> Result<bool> {
    let Some(visit) = kept::find::<Visit>(session, key).await? else { return Ok(false) };
    let until = SessionLimits::of(session).await?.until(visit.value.began, visit.value.seen);
    Ok(now < until && SignOn::holds(session, visit.value.sign_on.as_deref()).await?)
}

/// Who is signed in by a cookie, if somebody is, by all that the tenant and the user's own factors demand.
pub async fn visitor(session: &dyn Session, cookie: &str, now: i64) -> Result<Option<Visitor>> {
    let Some(mut visit) = kept::find::<Visit>(session, &secret::hash(cookie)).await? else { return Ok(None) };
    let Some(account) = kept::find::<Account>(session, &visit.value.account).await? else { return Ok(None) };
    let limits = SessionLimits::of(session).await?;
    let (began, seen) = (visit.value.began, visit.value.seen);
    if limits.until(began, seen) <= now || began <= account.value.signed_out || !account.value.is_enabled {
        return Ok(None);
    }
    // Whom a provider made, only the provider signs in.
    let is_by_provider = account.value.provider.is_none() || visit.value.sign_on.is_some();
    let is_enough = is_by_provider && factor::suffice(session, &account, &visit.value.amr).await?;
    if !is_enough || !SignOn::holds(session, visit.value.sign_on.as_deref()).await? {
        return Ok(None);
    }
    if seen + limits.noted() <= now {
        visit.value.seen = now;
        // Another request of the same browser may have noted it just now.
        kept::write(session, vec![visit.replace_until(Some(limits.until(began, now)))?]).await?;
    }
    Ok(Some(Visitor { visit, account }))
}

/// Ends a sign-in.
pub async fn end(session: &dyn Session, cookie: &str) -> Result<()> {
    // Its use may be noted meanwhile.
    for _ in 0..8 {
        let Some(visit) = kept::find::<Visit>(session, &secret::hash(cookie)).await? else { return Ok(()) };
        if kept::write(session, vec![visit.delete()]).await? {
            return Ok(());
        }
    }
    Err(Failure::new(IssueType::Transient, "The sign-in is being used by others; try again."))
}
