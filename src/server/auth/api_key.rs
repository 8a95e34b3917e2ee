//! API keys: for systems that cannot do OAuth. A key is shown once, and kept as a hash; it is sent where access tokens are.

use super::kept::{self, Entry, Kept};
use super::secret;
use crate::random;
use engine::{Caller, Scopes};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::Session;

/// What keys begin with, so that people and programs that look for leaked secrets know them.
const PREFIX: &str = "msk_";
/// How often the use of a key is written down, in milliseconds.
const NOTED: i64 = 60 * 1000;
/// The longest that a key can hold, and overlap with the one before, in milliseconds: ten years.
const LONGEST: i64 = 10 * 366 * 24 * 3600 * 1000;

/// A key, kept under its id until it expires. Times are in milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
pub struct ApiKey {
    /// What people call it.
    pub name: String,
    /// What it allows: scopes on resources.
    pub scope: String,
    /// When it was made.
    pub created: i64,
    /// Until when it holds.
    pub expires: i64,
    /// When it was last seen, to the minute.
    pub last_used: Option<i64>,
    /// A hash of its secret.
    hash: String,
    /// A hash of the secret before, and until when that is taken too.
    earlier: Option<(String, i64)>,
}

impl Kept for ApiKey {
    const KIND: &'static str = "api-key";
}

impl ApiKey {
    /// Whether this was made of the key's secret, or of the one before as long as that is taken.
    fn is_of(&self, hash: &str, now: i64) -> bool {
        let is_earlier = || self.earlier.as_ref().is_some_and(|(it, until)| it == hash && now < *until);
        now < self.expires && (self.hash == hash || is_earlier())
    }
}

/// What a caller shows of a key: its id and a hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    id: String,
    hash: String,
}

/// Reads what was sent as a token; `None` if it is no API key.
pub fn read(token: &str) -> Option<Shown> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    Some(Shown { id: id.to_owned(), hash: secret::hash(secret) })
}

/// The caller that a key speaks for, the key's scope, and until when it may; fails with 401 unless the key holds.
pub async fn caller(session: &dyn Session, shown: &Shown, now: i64) -> Result<(Caller, String, i64)> {
    let ApiKey { scope, expires, .. } = living(session, shown, now).await?;
    let subject = format!("api-key:{}", shown.id);
    let caller = Caller { subject, scopes: Scopes::parse(&scope, None).0, ..Caller::default() };
    Ok((caller, scope, expires))
}

/// The key that is shown, whose use is noted now and then; fails with 401 unless it holds.
pub async fn living(session: &dyn Session, shown: &Shown, now: i64) -> Result<ApiKey> {
    let found = kept::find::<ApiKey>(session, &shown.id).await?;
    let refused = || Failure::new(IssueType::Unknown, "The API key is unknown, has expired or was revoked.");
    let mut entry = found.filter(|it| it.value.is_of(&shown.hash, now)).ok_or_else(refused)?;
    if entry.value.last_used.is_none_or(|it| it + NOTED <= now) {
        entry.value.last_used = Some(now);
        match kept::write(session, vec![entry.replace()?]).await {
            Ok(true) => tracing::info!(key = shown.id, "an API key is used"),
            // Another node may have noted it just now.
            Ok(false) => {}
            // It was found in a copy of the database, which itself does not answer: a later use is noted.
            Err(failure) if failure.status == 503 => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(entry.value)
}

/// Makes a key; gives its id, and the key itself, which is not kept.
pub async fn create(
    session: &dyn Session,
    name: String,
    scope: String,
    now: i64,
    time: i64,
) -> Result<(String, String)> {
    let (id, secret) = (random::id(), secret::new()?);
    let expires = now + checked(time)?;
    let key =
        ApiKey { name, scope, created: now, expires, last_used: None, hash: secret::hash(&secret), earlier: None };
    kept::write(session, vec![kept::insert(id.clone(), &key, Some(expires))?]).await?;
    let key = format!("{PREFIX}{id}_{secret}");
    Ok((id, key))
}

/// A new secret for a key, which holds for so long; the one before is taken too for a while. Gives the key.
pub async fn rotate(session: &dyn Session, id: &str, now: i64, time: i64, overlap: i64) -> Result<String> {
    let mut entry = existing(session, id).await?;
    let secret = secret::new()?;
    let before = std::mem::replace(&mut entry.value.hash, secret::hash(&secret));
    // The one before holds no longer by this than it did.
    entry.value.earlier = Some((before, entry.value.expires.min(now + checked(overlap)?)));
    entry.value.expires = now + checked(time)?;
    let change = entry.replace_until(Some(entry.value.expires))?;
    decided(kept::write(session, vec![change]).await?)?;
    Ok(format!("{PREFIX}{id}_{secret}"))
}

/// Ends a key.
pub async fn revoke(session: &dyn Session, id: &str) -> Result<()> {
    // The use of the key may be noted meanwhile.
    for _ in 0..8 {
        if kept::write(session, vec![existing(session, id).await?.delete()]).await? {
            return Ok(());
        }
    }
    decided(false)
}

async fn existing(session: &dyn Session, id: &str) -> Result<Entry<ApiKey>> {
    let none = || Failure::new(IssueType::NotFound, "There is no such API key.");
    kept::find::<ApiKey>(session, id).await?.ok_or_else(none)
}

fn checked(time: i64) -> Result<i64> {
    match time {
        0..=LONGEST => Ok(time),
        _ => Err(Failure::new(IssueType::Value, "An API key holds ten years at the most.")),
    }
}

fn decided(is_written: bool) -> Result<()> {
    match is_written {
        true => Ok(()),
        false => Err(Failure::new(IssueType::Transient, "The API key is being changed by others; try again.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_from_other_tokens() {
        let shown = read("msk_1-2_a_b-c").unwrap();
        assert_eq!((shown.id.as_str(), shown.hash), ("1-2", secret::hash("a_b-c")));
        for other in ["msk_", "msk_1-2", "a.b.c", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_secret_holds_for_its_time() {
        let key = ApiKey {
            name: "lab".into(),
            scope: "system/*.rs".into(),
            created: 0,
            expires: 100,
            last_used: None,
            hash: "new".into(),
            earlier: Some(("old".into(), 50)),
        };
        for (hash, now, holds) in [
            ("new", 0, true),
            ("new", 99, true),
            ("new", 100, false),
            ("old", 49, true),
            ("old", 50, false),
            ("x", 0, false),
        ] {
            assert_eq!(key.is_of(hash, now), holds, "{hash} {now}");
        }
    }
}
