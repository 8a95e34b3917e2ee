//! Forgotten passwords: a link to the user's address, by which another one is chosen. Asking for it changes nothing for the
//! user, and there is never one asked for in vain: a link that was sent goes on to hold while no further one is.

use super::account::{self, Account};
use super::kept::{self, Entry, Kept};
use super::{logout, secret, sign_ins};
use crate::mail::{self, EmailAddress, Letter, Purpose};
use fhir::Result;
use serde::{Deserialize, Serialize};
use store::Session;

/// How long a link holds, and how long no other one is sent, in milliseconds.
const TIME: i64 = 30 * 60 * 1000;
const PAUSE: i64 = 5 * 60 * 1000;

/// What a link stands for, kept under the hash of its secret.
#[derive(Clone, Serialize, Deserialize)]
struct Reset {
    username: String,
    /// The account's id: another one may have the name by then.
    account: String,
    email: EmailAddress,
    began: i64,
}

impl Kept for Reset {
    const KIND: &'static str = "reset";
}

/// That a link was sent, kept under the user's name.
#[derive(Serialize, Deserialize)]
struct Sent {}

impl Kept for Sent {
    const KIND: &'static str = "reset-sent";
}

/// A link that holds.
pub struct Held {
    link: Entry<Reset>,
    /// Whose password is chosen.
    pub account: Entry<Account>,
}

/// Sends a user of this name a link, if there is one who has an address.
pub async fn ask(session: &dyn Session, tenant: &str, username: &str, now: i64) -> Result<()> {
    let Some(account) = account::find(session, username).await?.filter(|it| it.value.is_enabled) else { return Ok(()) };
    let Some(email) = account.value.email else { return Ok(()) };
    if kept::find::<Sent>(session, &account.key).await?.is_some() {
        return Ok(());
    }
    let (post, token) = (mail::post()?, secret::new()?);
    let link = Some(post.link(tenant, "reset", Some(&token)));
    let letter = Letter { purpose: Purpose::ForgottenPassword, to: email.clone(), link, expires: now + TIME };
    let reset = Reset { username: account.key.clone(), account: account.value.id, email, began: now };
    let changes = vec![
        kept::insert(secret::hash(&token), &reset, Some(now + TIME))?,
        kept::insert(account.key, &Sent {}, Some(now + PAUSE))?,
    ];
    // Somebody else may have asked at the same moment.
    post.write(session, tenant, &letter, changes, now).await.map(|_| ())
}

/// What a link stands for, if it holds: the account is the same, is reached at the same address, and was not signed out
/// everywhere since, as it is with each other password.
pub async fn held(session: &dyn Session, token: &str) -> Result<Option<Held>> {
    let Some(link) = kept::find::<Reset>(session, &secret::hash(token)).await? else { return Ok(None) };
    let account = account::find(session, &link.value.username).await?;
    let Reset { account: id, email, began, .. } = &link.value;
    let holds =
        |it: &Account| it.is_enabled && it.id == *id && it.email.as_ref() == Some(email) && it.signed_out < *began;
    Ok(account.filter(|it| holds(&it.value)).map(|account| Held { link, account }))
}

/// Gives the user another password, uses the link up, ends all sign-ins and all that was granted, and tells the user.
pub async fn choose(session: &dyn Session, tenant: &str, held: Held, password: &str, now: i64) -> Result<()> {
    let Held { link, mut account } = held;
    account.value.password = account::chosen_password(&account.key, password).await?;
    account.value.signed_out = now;
    let mut changes = sign_ins::end_all(session, &account.key).await?;
    changes.extend([link.delete(), account.replace()?]);
    let notice = (Purpose::PasswordChanged, account.value.email.as_ref());
    kept::decided(mail::commit_with_notice(session, tenant, notice, changes, now).await?)?;
    logout::wake(tenant);
    Ok(())
}
