//! Patients who register themselves, where a tenant allows it. Nobody is taken for a patient because name and date of birth
//! are right: those are known to others. Somebody of the tenant looks who it is, and says whose record it is.

use super::account::{self, NewAccount};
use super::kept::{self, Entry, Kept};
use super::secret;
use crate::mail::{self, EmailAddress, Letter, Purpose};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::Session;

/// How long a link holds, and how long a registration waits, in milliseconds.
const TIME: i64 = 24 * 3600 * 1000;
const WAITS: i64 = 30 * 24 * 3600 * 1000;
/// The most registrations that wait.
const MOST: usize = 1_000;
/// The most characters of what people write of themselves.
const LONGEST: usize = 200;
/// The only key of [`SignUps`] in the ledger.
const KEY: &str = "patients";

/// Whether patients may register themselves; not where a tenant does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUps {
    /// Whether they may, and wait until they are approved.
    pub are_taken: bool,
}

impl Kept for SignUps {
    const KIND: &'static str = "sign-ups";
}

impl SignUps {
    /// The tenant's.
    pub async fn of(session: &dyn Session) -> Result<SignUps> {
        Ok(kept::find(session, KEY).await?.map(|it| it.value).unwrap_or_default())
    }

    /// Keeps these for the tenant.
    pub async fn keep(self, session: &dyn Session) -> Result<()> {
        kept::set(session, KEY, &self).await
    }
}

/// An address whose owner registers, kept under the hash of the link's secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignUp {
    email: EmailAddress,
}

impl Kept for SignUp {
    const KIND: &'static str = "sign-up";
}

/// A registration that waits, kept under the name that its user will have.
#[derive(Clone, Serialize, Deserialize)]
pub struct Applicant {
    /// The address, which was seen to be the applicant's.
    pub email: EmailAddress,
    /// The name, as the applicant writes it.
    pub name: String,
    /// The date of birth, as the applicant says.
    pub birth_date: String,
    /// When it was made, in milliseconds since the epoch.
    pub registered: i64,
    /// The password's hash.
    password: String,
}

impl Kept for Applicant {
    const KIND: &'static str = "applicant";
}

/// What somebody writes who registers.
pub struct Application<'a> {
    /// The name to sign in with.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// The name.
    pub name: &'a str,
    /// The date of birth.
    pub birth_date: &'a str,
}

/// Sends a link to an address whose owner wants to register.
pub async fn ask(session: &dyn Session, tenant: &str, email: EmailAddress, now: i64) -> Result<()> {
    let (post, token) = (mail::post()?, secret::new()?);
    let link = Some(post.link(tenant, "registration", Some(&token)));
    let letter = Letter { purpose: Purpose::Registration, to: email.clone(), link, expires: now + TIME };
    let change = kept::insert(secret::hash(&token), &SignUp { email }, Some(now + TIME))?;
    kept::decided(post.write(session, tenant, &letter, vec![change], now).await?)
}

/// What a link stands for, if it holds.
pub async fn held(session: &dyn Session, token: &str) -> Result<Option<Entry<SignUp>>> {
    match SignUps::of(session).await?.are_taken {
        true => kept::find(session, &secret::hash(token)).await,
        false => Ok(None),
    }
}

/// Has somebody wait for approval, and uses the link up.
pub async fn apply(session: &dyn Session, link: Entry<SignUp>, application: Application<'_>, now: i64) -> Result<()> {
    let Application { username, password, name, birth_date } = application;
    let (name, birth_date) = (name.trim(), birth_date.trim());
    if name.is_empty() || [name, birth_date].iter().any(|it| it.chars().count() > LONGEST) {
        return Err(Failure::new(IssueType::Value, "Tell your name, in 200 characters at the most."));
    }
    if fhir::primitive::datetime::range(birth_date).is_none() || birth_date.len() != "1980-05-31".len() {
        return Err(Failure::new(IssueType::Value, "Tell your date of birth, such as 1980-05-31."));
    }
    let password = account::chosen_password(username, password).await?;
    let username = account::checked_name(username)?;
    let is_there = account::find(session, &username).await?.is_some();
    if is_there || kept::find::<Applicant>(session, &username).await?.is_some() {
        return Err(account::is_taken());
    }
    if kept::list::<Applicant>(session, MOST).await?.len() >= MOST {
        return Err(Failure::new(IssueType::Throttled, "Too many people wait for approval; try again later."));
    }
    let email = link.value.email.clone();
    let applicant =
        Applicant { email, name: name.to_owned(), birth_date: birth_date.to_owned(), registered: now, password };
    kept::decided(
        kept::write(session, vec![link.delete(), kept::insert(username, &applicant, Some(now + WAITS))?]).await?,
    )
}

/// Makes the account of somebody who waits: the user is the patient that the administrator names.
pub async fn approve(session: &dyn Session, tenant: &str, username: &str, patient: &str, now: i64) -> Result<()> {
    if !patient.starts_with("Patient/") {
        return Err(Failure::new(IssueType::Value, "Who registers is a Patient of the tenant, such as Patient/1."));
    }
    let applicant = existing(session, username).await?;
    let Applicant { email, password, .. } = applicant.value.clone();
    let new = NewAccount {
        username: applicant.key.clone(),
        fhir_user: patient.to_owned(),
        scope: None,
        roles: Vec::new(),
        email: Some(email.clone()),
    };
    let (username, account) = account::made(session, new, password).await?;
    let changes = vec![applicant.delete(), kept::insert(username, &account, None)?];
    let notice = (Purpose::Approved, Some(&email));
    kept::decided(mail::commit_with_notice(session, tenant, notice, changes, now).await?)
}

/// Forgets somebody who waits.
pub async fn refuse(session: &dyn Session, username: &str) -> Result<()> {
    kept::decided(kept::write(session, vec![existing(session, username).await?.delete()]).await?)
}

async fn existing(session: &dyn Session, username: &str) -> Result<Entry<Applicant>> {
    let none = || Failure::new(IssueType::NotFound, "Nobody of this name waits for approval.");
    kept::find(session, &account::folded(username)).await?.ok_or_else(none)
}
