//! A user's sign-ins, each under a name of its own (`sid`, OpenID Connect Back-Channel Logout 1.0 section 2.1): how they are listed,
//! and how one ends with all that came about by it. What was granted in a sign-in holds as long as it is kept here.

use super::device::Device;
use super::grant::Grant;
use super::kept::{self, Entry, Kept};
use super::logout;
use super::visit::Visit;
use crate::clock;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{LedgerChange, Session};

/// The most sign-ins of a user that are looked at.
const MOST: usize = 1000;
/// How many grants a sign-in has before those that ended are looked for.
const MANY: usize = 16;
/// How much longer a sign-in is kept than what was granted in it, so that it is not written at each refresh, in milliseconds.
const SPARE: i64 = 24 * 3600 * 1000;
/// How often a change is tried while others make theirs.
const RACES: usize = 8;

/// A sign-in, kept under the user's name and its own.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// What tokens call the user.
    pub subject: String,
    /// When the user signed in, in milliseconds since the epoch.
    pub began: i64,
    /// What it came from.
    pub device: Device,
    /// The sign-on by a provider that it came about by.
    pub sign_on: Option<String>,
    /// The key of the visit that it is; none once the user has signed out.
    pub visit: Option<String>,
    /// What was granted in it.
    pub granted: Vec<Granted>,
}

impl Kept for SignIn {
    const KIND: &'static str = "sign-in";
}

/// Something that was granted in a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The grant's name.
    pub grant: String,
    /// To which client.
    pub client: String,
    /// Who signed the id token, if there was one.
    pub issuer: Option<String>,
}

/// The key of a user's sign-in. No user's name has a space in it.
pub fn key(username: &str, sid: &str) -> String {
    format!("{username} {sid}")
}

/// Whether a user's sign-in was not ended; what came about without one holds.
pub async fn holds(session: &dyn Session, username: &str, sid: Option<&str>) -> Result<bool> {
    match sid {
        None => Ok(true),
        Some(sid) => Ok(session.entry(SignIn::KIND, &key(username, sid)).await?.is_some()),
    }
}

/// A user's sign-ins, each with its name.
pub async fn all(session: &dyn Session, username: &str) -> Result<Vec<Entry<SignIn>>> {
    kept::beginning(session, &key(username, ""), MOST).await
}

/// The name of a sign-in.
pub fn sid(entry: &Entry<SignIn>) -> &str {
    entry.key.rsplit_once(' ').map_or("", |(_, sid)| sid)
}

/// Keeps a sign-in until a time; one that is kept already goes on with another visit.
pub async fn begin(session: &dyn Session, key: String, sign_in: SignIn, until: i64) -> Result<LedgerChange> {
    match kept::find::<SignIn>(session, &key).await? {
        None => kept::insert(key, &sign_in, Some(until)),
        Some(mut entry) => {
            let granted = std::mem::take(&mut entry.value.granted);
            entry.value = SignIn { granted, ..sign_in };
            match entry.is_expired_by(until) {
                true => entry.replace_until(Some(until)),
                false => entry.replace(),
            }
        }
    }
}

/// Notes what was granted in a sign-in, which is kept as long as that; `issuer` signed an id token for it.
pub async fn note(session: &dyn Session, name: &str, grant: &Grant, issuer: Option<String>, until: i64) -> Result<()> {
    let (Some(username), Some(sid)) = (&grant.account, &grant.sid) else { return Ok(()) };
    for _ in 0..RACES {
        let Some(mut entry) = kept::find::<SignIn>(session, &key(username, sid)).await? else { return Ok(()) };
        if entry.value.granted.iter().any(|it| it.grant == name) && !entry.is_expired_by(until) {
            return Ok(());
        }
        if entry.value.granted.len() >= MANY {
            entry.value.granted = living(session, &entry.value).await?;
        }
        entry.value.granted.retain(|it| it.grant != name);
        let (grant, client) = (name.to_owned(), grant.client.clone());
        entry.value.granted.push(Granted { grant, client, issuer: issuer.clone() });
        let change = match entry.is_expired_by(until) {
            true => entry.replace_until(Some(until + SPARE))?,
            false => entry.replace()?,
        };
        if kept::write(session, vec![change]).await? {
            return Ok(());
        }
    }
    Err(raced())
}

/// What was granted in a sign-in and has not ended.
pub async fn living(session: &dyn Session, sign_in: &SignIn) -> Result<Vec<Granted>> {
    let mut living = Vec::new();
    for granted in &sign_in.granted {
        if super::grant::moved(session, &granted.grant).await?.is_some() {
            living.push(granted.clone());
        }
    }
    Ok(living)
}

/// The changes that end a sign-in with all that came about by it, of which its apps are told.
async fn end_changes(session: &dyn Session, entry: &Entry<SignIn>, now: i64) -> Result<Vec<LedgerChange>> {
    let mut changes = logout::notices(session, entry, now).await?;
    changes.push(entry.delete());
    Ok(changes)
}

/// The changes that end all sign-ins of a user.
pub async fn end_all(session: &dyn Session, username: &str) -> Result<Vec<LedgerChange>> {
    let (now, mut changes) = (clock::now_ms(), Vec::new());
    for entry in all(session, username).await? {
        changes.extend(end_changes(session, &entry, now).await?);
    }
    Ok(changes)
}

/// Ends a sign-in of a user with all that came about by it.
pub async fn end(session: &dyn Session, username: &str, sid: &str) -> Result<()> {
    for _ in 0..RACES {
        let Some(entry) = kept::find::<SignIn>(session, &key(username, sid)).await? else { return Ok(()) };
        if kept::write(session, end_changes(session, &entry, clock::now_ms()).await?).await? {
            return Ok(());
        }
    }
    Err(raced())
}

/// The changes with which a user signs out: apps are told, and what was granted for longer than the sign-in (`offline_access`)
/// goes on (Back-Channel Logout section 2.7).
pub async fn leave(session: &dyn Session, username: &str, sid: &str) -> Result<Vec<LedgerChange>> {
    let Some(mut entry) = kept::find::<SignIn>(session, &key(username, sid)).await? else { return Ok(Vec::new()) };
    let mut changes = logout::notices(session, &entry, clock::now_ms()).await?;
    entry.value.granted = living(session, &entry.value).await?;
    entry.value.visit = None;
    changes.push(if entry.value.granted.is_empty() { entry.delete() } else { entry.replace()? });
    Ok(changes)
}

/// Signs a user out wherever that came about by one of these sign-ons.
pub async fn leave_sign_ons(session: &dyn Session, username: &str, ended: &BTreeSet<String>) -> Result<()> {
    for entry in all(session, username).await? {
        if !entry.value.sign_on.as_ref().is_some_and(|it| ended.contains(it)) {
            continue;
        }
        let mut is_written = false;
        for _ in 0..RACES {
            is_written = kept::write(session, leave(session, username, sid(&entry)).await?).await?;
            if is_written {
                break;
            }
        }
        kept::decided(is_written)?;
    }
    Ok(())
}

/// Whether the visit that a sign-in is still holds.
pub async fn is_open(session: &dyn Session, sign_in: &SignIn, now: i64) -> Result<bool> {
    match &sign_in.visit {
        None => Ok(false),
        Some(key) => {
            Ok(kept::find::<Visit>(session, key).await?.is_some() && super::visit::holds(session, key, now).await?)
        }
    }
}

fn raced() -> Failure {
    Failure::new(IssueType::Transient, "The sign-in is being changed by others; try again.")
}
