//! What a user proves beside the password: codes of an authenticator app, passkeys, and recovery codes for who lost both.

pub mod assurance;
pub mod challenge;
pub mod demand;
pub mod passkey;
pub mod pending;
pub mod recovery;
pub mod totp;

use super::account::{self, Account};
use super::kept::{self, Entry, Kept};
use super::{sealed, secret};
use fhir::{Failure, IssueType, Result};
use passkey::Passkey;
use serde::{Deserialize, Serialize};
use store::{LedgerChange, Session};

/// What a user has, kept under the user's name.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Factors {
    /// An authenticator app.
    pub app: Option<App>,
    /// Passkeys.
    #[serde(default)]
    pub passkeys: Vec<Passkey>,
    /// What is kept of the recovery codes that were not used.
    pub recovery: Vec<String>,
}

impl Kept for Factors {
    const KIND: &'static str = "factors";
}

/// An authenticator app.
#[derive(Clone, Serialize, Deserialize)]
pub struct App {
    /// Its secret, encrypted.
    secret: String,
    /// The step of the last code that was used.
    last: i64,
    /// When it was set up, in milliseconds since the epoch.
    pub since: i64,
}

impl Factors {
    /// Whether there is something to be asked for beside the password.
    pub fn is_any(&self) -> bool {
        self.app.is_some() || !self.passkeys.is_empty()
    }

    /// Takes an authenticator app's code; tells whether it was right. What is kept changes with it.
    pub fn take_code(&mut self, key: &[u8], account: &str, given: &str, now: i64) -> Result<bool> {
        let Some(app) = &mut self.app else { return Ok(false) };
        let secret = sealed::open(key, &purpose(account), &app.secret)?;
        let secret =
            secret.ok_or_else(|| Failure::internal("the secret of an authenticator app cannot be decrypted"))?;
        let step = totp::step(&secret, given, now, app.last);
        app.last = step.unwrap_or(app.last);
        Ok(step.is_some())
    }

    /// Takes a recovery code; tells whether it was right. What is kept changes with it.
    pub fn take_recovery(&mut self, key: &[u8], account: &str, given: &str) -> bool {
        self.is_any() && recovery::take(key, account, given, &mut self.recovery)
    }

    /// Sets an authenticator app up whose code was given; tells whether it was right.
    pub fn set_up(&mut self, key: &[u8], account: &str, secret: &[u8], given: &str, now: i64) -> Result<bool> {
        let Some(last) = totp::step(secret, given, now, 0) else { return Ok(false) };
        self.app = Some(App { secret: sealed::seal(key, &purpose(account), secret)?, last, since: now });
        Ok(true)
    }

    /// New recovery codes in place of those before.
    pub fn renew_recovery(&mut self, key: &[u8], account: &str) -> Result<Vec<String>> {
        let (codes, kept) = recovery::new(key, account)?;
        self.recovery = kept;
        Ok(codes)
    }

    /// Recovery codes are for who has something to lose.
    pub fn drop_idle_recovery(&mut self) {
        if !self.is_any() {
            self.recovery.clear();
        }
    }
}

fn purpose(account: &str) -> String {
    format!("authenticator app of {account}")
}

/// The secret of an app that is being set up, as a form carries it: for one user in one browser.
pub fn offered(key: &[u8], account: &str, cookie: &str, secret: &[u8]) -> Result<String> {
    sealed::seal(key, &offer(account, cookie), secret)
}

/// The secret that a form carries, if it is this user's in this browser.
pub fn read_offered(key: &[u8], account: &str, cookie: &str, text: &str) -> Result<Option<Vec<u8>>> {
    sealed::open(key, &offer(account, cookie), text)
}

fn offer(account: &str, cookie: &str) -> String {
    format!("authenticator app that {account} sets up in {cookie}")
}

/// A user's factors, as they were found, and are to be.
pub struct OfUser {
    username: String,
    entry: Option<Entry<Factors>>,
    /// What is to be kept.
    pub factors: Factors,
}

/// The factors of a user.
pub async fn of(session: &dyn Session, username: &str) -> Result<OfUser> {
    let entry = kept::find::<Factors>(session, username).await?;
    let factors = entry.as_ref().map(|it| it.value.clone()).unwrap_or_default();
    Ok(OfUser { username: username.to_owned(), entry, factors })
}

impl OfUser {
    /// The change that keeps them as they are now, unless they were changed meanwhile.
    pub fn change(&self) -> Result<LedgerChange> {
        match &self.entry {
            Some(entry) => {
                let mut entry = entry.clone();
                entry.value = self.factors.clone();
                entry.replace()
            }
            None => kept::insert(self.username.clone(), &self.factors, None),
        }
    }
}

/// Whether a sign-in by these methods is all that the tenant and the user's own factors demand.
pub async fn suffice(session: &dyn Session, account: &Entry<Account>, amr: &[String]) -> Result<bool> {
    if assurance::is_two(amr) {
        return Ok(true);
    }
    let is_demanded = demand::Demand::of(session).await?.is_of(&account.value.fhir_user);
    Ok(!is_demanded && !of(session, &account.key).await?.factors.is_any())
}

/// Takes all of a user's factors away, for an administrator whom the user has told that they are lost.
pub async fn reset(session: &dyn Session, username: &str) -> Result<()> {
    let account = account::find(session, username).await?;
    let account = account.ok_or_else(|| Failure::new(IssueType::Value, "There is no user of this name."))?;
    for _ in 0..8 {
        let mut user = of(session, &account.key).await?;
        if user.entry.is_none() {
            return Ok(());
        }
        let mut changes = Vec::new();
        for passkey in std::mem::take(&mut user.factors).passkeys {
            let owner = kept::find::<passkey::Owner>(session, &secret::hash(&passkey.id)).await?;
            changes.extend(owner.map(|it| it.delete()));
        }
        changes.push(user.change()?);
        if kept::write(session, changes).await? {
            return Ok(());
        }
    }
    Err(Failure::new(IssueType::Transient, "The user's factors are being changed by others; try again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_being_set_up_is_one_users_in_one_browser() {
        let text = offered(b"key", "ana", "cookie", b"secret").unwrap();
        let read = |account, cookie| read_offered(b"key", account, cookie, &text).unwrap();
        assert_eq!(read("ana", "cookie").as_deref(), Some(&b"secret"[..]));
        assert_eq!((read("bo", "cookie"), read("ana", "other")), (None, None));
    }

    #[test]
    fn recovery_codes_are_worth_nothing_alone() {
        let mut factors = Factors::default();
        let codes = factors.renew_recovery(b"key", "ana").unwrap();
        assert!(!factors.take_recovery(b"key", "ana", &codes[0]));
        factors.drop_idle_recovery();
        assert!(factors.recovery.is_empty());
    }
}
