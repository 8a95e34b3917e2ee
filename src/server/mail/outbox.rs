//! Mails that wait to be sent. One that is sent once more, as a node was killed meanwhile, has the same Message-ID.

use super::address::EmailAddress;
use super::letter::{Letter, Purpose};
use crate::auth::kept::{self, Kept};
use crate::auth::secret;
use crate::outbox::{self, TRIED, Wait, Waiting};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::{LedgerChange, Session};

/// How long mails are counted together, in milliseconds.
const COUNTED: i64 = 3600 * 1000;
/// How long it is told of a mail that could not be sent, in milliseconds.
const TOLD: i64 = 30 * 24 * 3600 * 1000;
/// How often a mail is entered anew where others are at the same time.
const RACES: usize = 16;

/// A mail that waits, kept under a name that begins with its time. Times are in milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mail {
    /// Why.
    pub purpose: Purpose,
    /// To whom.
    pub to: EmailAddress,
    /// Where it leads, with a secret that works once.
    pub link: Option<String>,
    /// When it was written.
    pub written: i64,
    /// How it stands.
    #[serde(flatten)]
    pub wait: Wait,
}

impl Kept for Mail {
    const KIND: &'static str = "mail";
}

impl Waiting for Mail {
    fn wait(&mut self) -> &mut Wait {
        &mut self.wait
    }
}

/// A mail that could not be sent: neither to whom nor what it said.
#[derive(Clone, Serialize, Deserialize)]
pub struct DeadMail {
    /// Why it was to be sent.
    pub purpose: Purpose,
    /// When it was written.
    pub written: i64,
    /// When it was given up.
    pub ended: i64,
    /// Why it could not be sent.
    pub reason: String,
}

impl Kept for DeadMail {
    const KIND: &'static str = "dead-mail";
}

/// How many mails went somewhere, kept under a hash of where.
#[derive(Serialize, Deserialize)]
struct Count {
    count: u32,
}

impl Kept for Count {
    const KIND: &'static str = "mail-count";
}

/// How many mails there may be in an hour.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To one address.
    pub address: u32,
    /// Of a tenant.
    pub tenant: u32,
}

/// Commits `changes` and the letter that they cause; `false` where somebody else was faster, and nothing is done. Fails where
/// there are too many mails, unless this one is a notice.
pub async fn write(
    session: &dyn Session,
    letter: &Letter,
    changes: Vec<LedgerChange>,
    limits: Limits,
    now: i64,
) -> Result<bool> {
    let Letter { purpose, to, link, expires } = letter;
    let mail = Mail { purpose: *purpose, to: to.clone(), link: link.clone(), written: now, wait: Wait::new(now) };
    let mail = kept::insert(outbox::name(now), &mail, Some((now + TRIED).min(*expires)))?;
    for _ in 0..RACES {
        let mut all = changes.clone();
        if !purpose.is_notice() {
            all.extend(counted(session, letter, limits, now).await?);
        }
        all.push(mail.clone());
        if kept::write(session, all).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The changes that count a mail.
async fn counted(session: &dyn Session, letter: &Letter, limits: Limits, now: i64) -> Result<Vec<LedgerChange>> {
    let mut keys = vec![("tenant".to_owned(), limits.tenant)];
    // Of forgotten passwords there is one mail in a while anyway, so that nobody can use up what the user may need.
    if letter.purpose != Purpose::ForgottenPassword {
        keys.push((secret::hash(&format!("mail to {}", letter.to.folded())), limits.address));
    }
    let mut changes = Vec::new();
    for (key, limit) in keys {
        changes.push(match kept::find::<Count>(session, &key).await? {
            Some(entry) if entry.value.count >= limit => {
                let told = "Too many mails were sent; try again in an hour.";
                return Err(Failure::new(IssueType::Throttled, told).with_status(429));
            }
            Some(mut entry) => {
                entry.value.count += 1;
                entry.replace()?
            }
            None => kept::insert(key, &Count { count: 1 }, Some(now + COUNTED))?,
        });
    }
    Ok(changes)
}

impl DeadMail {
    /// What is kept of a mail that is given up.
    pub fn of(name: &str, mail: &Mail, reason: &str, now: i64) -> Result<LedgerChange> {
        let dead = DeadMail { purpose: mail.purpose, written: mail.written, ended: now, reason: reason.to_owned() };
        kept::insert(name, &dead, Some(now + TOLD))
    }
}
