//! A user's sign-in in one browser. The browser holds a random cookie; the server keeps its hash.

use super::account::Account;
use super::device::Device;
use super::factor::assurance::{self, Proved};
use super::federation::SignOn;
use super::kept::{self, Entry, Kept};
use super::session_limits::SessionLimits;
use super::sign_ins::{self, SignIn};
use super::standing::{self, Side, Standing};
use super::{factor, roles, secret};
use crate::random;
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
    /// What the sign-in is called.
    #[serde(default)]
    pub sid: Option<String>,
    /// The Organization or Location that the user chose here to act in. Whoever chose another one since, elsewhere, acts there.
    #[serde(default)]
    pub place: Option<String>,
    /// The resource that the user, a Person, chose to act as.
    #[serde(default)]
    pub acts_as: Option<String>,
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
    /// All whom the user can act as now.
    pub standings: Vec<Standing>,
}

/// A sign-in by these methods: the cookie's value, and the changes that begin it.
pub async fn begun(
    session: &dyn Session,
    account: &Entry<Account>,
    proved: impl Into<Proved>,
    device: Device,
    now: i64,
) -> Result<(String, Vec<LedgerChange>)> {
    begun_at(session, account, proved, device, (now, now)).await
}

/// The same of somebody who signed in elsewhere at a time before now.
pub async fn begun_at(
    session: &dyn Session,
    account: &Entry<Account>,
    proved: impl Into<Proved>,
    device: Device,
    (began, now): (i64, i64),
) -> Result<(String, Vec<LedgerChange>)> {
    let (cookie, limits) = (secret::new()?, SessionLimits::of(session).await?);
    let (key, Proved { amr, sign_on, goes_on }) = (secret::hash(&cookie), proved.into());
    let sid = goes_on.unwrap_or_else(random::id);
    let sign_in = SignIn {
        subject: account.value.id.clone(),
        began,
        device,
        sign_on: sign_on.clone(),
        visit: Some(key.clone()),
        granted: Vec::new(),
    };
    let name = sign_ins::key(&account.key, &sid);
    let begun = sign_ins::begin(session, name, sign_in, limits.until(began, i64::MAX / 2)).await?;
    let account = account.key.clone();
    let visit = Visit { account, began, amr, sign_on, sid: Some(sid), place: None, acts_as: None, seen: now };
    Ok((cookie, vec![begun, kept::insert(key, &visit, Some(limits.until(began, now)))?]))
}

/// Whether the sign-in that is kept under this key holds.
pub async fn holds(session: &dyn Session, key: &str, now: i64) -> Result<bool> {
    let Some(visit) = kept::find::<Visit>(session, key).await? else { return Ok(false) };
    let visit = visit.value;
    let until = SessionLimits::of(session).await?.until(visit.began, visit.seen);
    Ok(now < until
        && SignOn::holds(session, visit.sign_on.as_deref()).await?
        && sign_ins::holds(session, &visit.account, visit.sid.as_deref()).await?)
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
    let is_kept = is_enough && SignOn::holds(session, visit.value.sign_on.as_deref()).await?;
    if !is_kept || !sign_ins::holds(session, &account.key, visit.value.sid.as_deref()).await? {
        return Ok(None);
    }
    if seen + limits.noted() <= now {
        visit.value.seen = now;
        // Another request of the same browser may have noted it just now.
        kept::write(session, vec![visit.replace_until(Some(limits.until(began, now)))?]).await?;
    }
    let standings = standing::all(session, &account.value, now).await?;
    Ok(Some(Visitor { visit, account, standings }))
}

impl Visitor {
    /// The Organization or Location that the user acts in.
    pub fn place(&self) -> Option<&str> {
        let account = &self.account.value;
        let chosen = self.visit.value.place.as_deref().map(|here| account.place.as_deref().unwrap_or(here));
        roles::acting(account, chosen)
    }

    /// How the user stands who acts as they chose; `None` where they have yet to choose, or are nobody any more.
    pub fn standing(&self) -> Option<&Standing> {
        standing::chosen(&self.standings, self.visit.value.acts_as.as_deref())
    }

    /// The resource that the user acts as; the account's own where none is settled.
    pub fn fhir_user(&self) -> &str {
        self.standing().map_or(&self.account.value.fhir_user, |it| &it.fhir_user)
    }

    /// The page on which the user has yet to choose, before anything is granted: whom to act as, or where.
    pub fn undecided(&self) -> Option<&'static str> {
        match self.standing() {
            None if self.standings.len() > 1 => Some("acting"),
            // Patients have no clinic of their own to act in.
            Some(Standing { side: Side::Patient, .. }) => None,
            _ => (self.place().is_none() && !roles::places(&self.account.value).is_empty()).then_some("clinics"),
        }
    }
}

/// The name of the sign-in of a browser, if it is this user's: it goes on when the user signs in there once more.
pub async fn going_on(session: &dyn Session, cookie: &str, username: &str) -> Result<Option<String>> {
    let visit = kept::find::<Visit>(session, &secret::hash(cookie)).await?.map(|it| it.value);
    let Some(sid) = visit.filter(|it| it.account == username).and_then(|it| it.sid) else { return Ok(None) };
    Ok(sign_ins::holds(session, username, Some(&sid)).await?.then_some(sid))
}

/// Ends a browser's visit, and the sign-in that it is, unless that goes on.
pub async fn end(session: &dyn Session, cookie: &str, goes_on: Option<&str>) -> Result<()> {
    // Its use may be noted meanwhile.
    for _ in 0..8 {
        let Some(visit) = kept::find::<Visit>(session, &secret::hash(cookie)).await? else { return Ok(()) };
        let mut changes = vec![visit.delete()];
        if let Some(sid) = visit.value.sid.as_deref().filter(|it| goes_on != Some(*it)) {
            changes.extend(sign_ins::leave(session, &visit.value.account, sid).await?);
        }
        if kept::write(session, changes).await? {
            return Ok(());
        }
    }
    Err(Failure::new(IssueType::Transient, "The sign-in is being used by others; try again."))
}
