//! Somebody who has proved a password and still owes a second factor. It opens nothing but the pages that ask for that.

use super::assurance::Proved;
use crate::auth::account::Account;
use crate::auth::kept::{self, Entry, Kept};
use crate::auth::secret;
use fhir::Result;
use serde::{Deserialize, Serialize};
use store::{LedgerChange, Session};

/// How long the second factor may take, in milliseconds.
const TIME: i64 = 10 * 60 * 1000;

/// Half of a sign-in, kept under the hash of its cookie.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    /// The user's name.
    pub account: String,
    /// What was proved.
    pub amr: Vec<String>,
    /// The sign-on by a provider that proved it.
    #[serde(default)]
    pub sign_on: Option<String>,
    /// The sign-in of the same browser that goes on.
    #[serde(default)]
    pub goes_on: Option<String>,
    began: i64,
}

impl Kept for Pending {
    const KIND: &'static str = "half-sign-in";
}

/// Whose sign-in is half done.
pub struct Half {
    /// What was proved.
    pub pending: Entry<Pending>,
    /// The user.
    pub account: Entry<Account>,
}

/// Half of a sign-in: the cookie's value, and the changes that begin it.
pub fn begun(username: &str, proved: impl Into<Proved>, now: i64) -> Result<(String, Vec<LedgerChange>)> {
    let Proved { amr, sign_on, goes_on } = proved.into();
    let cookie = secret::new()?;
    let pending = Pending { account: username.to_owned(), amr, sign_on, goes_on, began: now };
    let begun = kept::insert(secret::hash(&cookie), &pending, Some(now + TIME))?;
    Ok((cookie, vec![begun]))
}

impl Pending {
    /// What was proved, once it is by these methods.
    pub fn proved(&self, amr: Vec<String>) -> Proved {
        Proved { amr, sign_on: self.sign_on.clone(), goes_on: self.goes_on.clone() }
    }
}

/// Whose half of a sign-in a cookie is, if it is somebody's.
pub async fn half(session: &dyn Session, cookie: &str) -> Result<Option<Half>> {
    let Some(pending) = kept::find::<Pending>(session, &secret::hash(cookie)).await? else { return Ok(None) };
    let account = kept::find::<Account>(session, &pending.value.account).await?;
    let holds = |it: &Entry<Account>| it.value.is_enabled && it.value.signed_out < pending.value.began;
    Ok(account.filter(holds).map(|account| Half { pending, account }))
}
