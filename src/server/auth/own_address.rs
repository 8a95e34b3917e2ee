//! The address to which a user's mails go: it counts once the user has followed a link that was sent there.

use super::account::{self, Account};
use super::kept::{self, Entry, Kept};
use super::secret;
use crate::mail::{self, EmailAddress, Letter, Purpose};
use fhir::Result;
use serde::{Deserialize, Serialize};
use store::Session;

/// How long a link holds, in milliseconds.
const TIME: i64 = 24 * 3600 * 1000;

/// What a link stands for, kept under the hash of its secret.
#[derive(Clone, Serialize, Deserialize)]
struct NewAddress {
    username: String,
    /// The account's id: another one may have the name by then.
    account: String,
    email: EmailAddress,
    began: i64,
}

impl Kept for NewAddress {
    const KIND: &'static str = "new-address";
}

/// A link that holds.
pub struct Held {
    link: Entry<NewAddress>,
    account: Entry<Account>,
}

impl Held {
    /// The address that is confirmed by it.
    pub fn email(&self) -> &EmailAddress {
        &self.link.value.email
    }
}

/// Sends a link to an address that a user says to have.
pub async fn ask(
    session: &dyn Session,
    tenant: &str,
    account: &Entry<Account>,
    email: EmailAddress,
    now: i64,
) -> Result<()> {
    let (post, token) = (mail::post()?, secret::new()?);
    let link = Some(post.link(tenant, "confirm-email", Some(&token)));
    let letter = Letter { purpose: Purpose::NewAddress, to: email.clone(), link, expires: now + TIME };
    let kept = NewAddress { username: account.key.clone(), account: account.value.id.clone(), email, began: now };
    let change = kept::insert(secret::hash(&token), &kept, Some(now + TIME))?;
    kept::decided(post.write(session, tenant, &letter, vec![change], now).await?)
}

/// What a link stands for, if it holds: the account is the same, and was not signed out everywhere since.
pub async fn held(session: &dyn Session, token: &str) -> Result<Option<Held>> {
    let Some(link) = kept::find::<NewAddress>(session, &secret::hash(token)).await? else { return Ok(None) };
    let account = account::find(session, &link.value.username).await?;
    let NewAddress { account: id, began, .. } = &link.value;
    let holds = |it: &Account| it.is_enabled && it.id == *id && it.signed_out < *began;
    Ok(account.filter(|it| holds(&it.value)).map(|account| Held { link, account }))
}

/// Has mails go to the new address, and tells the one before.
pub async fn confirm(session: &dyn Session, tenant: &str, held: Held, now: i64) -> Result<()> {
    let Held { link, mut account } = held;
    let before = account.value.email.replace(link.value.email.clone()).filter(|it| *it != link.value.email);
    let changes = vec![link.delete(), account.replace()?];
    let notice = (Purpose::AddressChanged, before.as_ref());
    kept::decided(mail::commit_with_notice(session, tenant, notice, changes, now).await?)
}
