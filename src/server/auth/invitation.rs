//! Invitations: an administrator names who somebody is and where to send the link by which that person becomes a user.

use super::account::{self, NewAccount};
use super::kept::{self, Entry, Kept};
use super::roles::Assignment;
use super::secret;
use crate::mail::{self, EmailAddress, Letter, Purpose};
use crate::random;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::Session;

/// An invitation, kept under its id until it expires. Times are in milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// Where the link was sent.
    pub email: EmailAddress,
    /// Who is invited: `Practitioner/1`.
    pub fhir_user: String,
    /// Rules that the user will have alone, beside roles.
    pub scope: String,
    /// The roles.
    #[serde(default)]
    pub roles: Vec<Assignment>,
    /// When the link was sent.
    pub sent: i64,
    /// Until when it holds.
    pub expires: i64,
    /// A hash of the link's secret.
    hash: String,
}

impl Kept for Invitation {
    const KIND: &'static str = "invitation";
}

/// Sends an invitation; gives its id and until when it holds. Fails as making the account would.
pub async fn invite(
    session: &dyn Session,
    tenant: &str,
    email: EmailAddress,
    (fhir_user, roles, scope): (&str, Vec<Assignment>, Option<&str>),
    now: i64,
) -> Result<(String, i64)> {
    let (key, scope) = account::checked_user(session, fhir_user, scope).await?;
    let expires = now + mail::post()?.invitation_time;
    let (id, secret) = (random::id(), secret::new()?);
    let hash = secret::hash(&secret);
    let invitation = Invitation { email, fhir_user: key.to_string(), scope, roles, sent: now, expires, hash };
    let change = kept::insert(id.clone(), &invitation, Some(expires))?;
    send(session, tenant, (&id, &secret, &invitation), change).await?;
    Ok((id, expires))
}

/// Sends it once more, with another secret, and has it hold from now on; gives until when. The link before is good no longer.
pub async fn resend(session: &dyn Session, tenant: &str, id: &str, now: i64) -> Result<i64> {
    let mut entry = existing(session, id).await?;
    let secret = secret::new()?;
    entry.value.hash = secret::hash(&secret);
    entry.value.sent = now;
    entry.value.expires = now + mail::post()?.invitation_time;
    let change = entry.replace_until(Some(entry.value.expires))?;
    send(session, tenant, (id, &secret, &entry.value), change).await?;
    Ok(entry.value.expires)
}

async fn send(
    session: &dyn Session,
    tenant: &str,
    (id, secret, invitation): (&str, &str, &Invitation),
    change: store::LedgerChange,
) -> Result<()> {
    let post = mail::post()?;
    let link = Some(post.link(tenant, "invitation", Some(&format!("{id}.{secret}"))));
    let Invitation { email, expires, sent, .. } = invitation;
    let letter = Letter { purpose: Purpose::Invitation, to: email.clone(), link, expires: *expires };
    kept::decided(post.write(session, tenant, &letter, vec![change], *sent).await?)
}

/// Ends an invitation.
pub async fn revoke(session: &dyn Session, id: &str) -> Result<()> {
    kept::decided(kept::write(session, vec![existing(session, id).await?.delete()]).await?)
}

async fn existing(session: &dyn Session, id: &str) -> Result<Entry<Invitation>> {
    let none = || Failure::new(IssueType::NotFound, "There is no such invitation, or no longer.");
    kept::find(session, id).await?.ok_or_else(none)
}

/// The invitation that a link stands for, if it holds.
pub async fn held(session: &dyn Session, token: &str) -> Result<Option<Entry<Invitation>>> {
    let Some((id, secret)) = token.split_once('.') else { return Ok(None) };
    let found = kept::find::<Invitation>(session, id).await?;
    Ok(found.filter(|it| it.value.hash == secret::hash(secret)))
}

/// Makes the account of who was invited, with the address at which the link arrived, and uses the invitation up.
pub async fn accept(
    session: &dyn Session,
    invitation: Entry<Invitation>,
    username: &str,
    password: &str,
) -> Result<()> {
    let Invitation { email, fhir_user, scope, roles, .. } = invitation.value.clone();
    let hash = account::chosen_password(username, password).await?;
    let (username, scope, email) = (username.to_owned(), Some(scope), Some(email));
    let new = NewAccount { username, fhir_user, scope, roles, email };
    let (username, account) = account::made(session, new, hash).await?;
    let changes = vec![invitation.delete(), kept::insert(username, &account, None)?];
    kept::decided(kept::write(session, changes).await?)
}
