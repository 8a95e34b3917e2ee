//! Mails that wait to be sent: kept in the tenant's ledger by the same commit as what caused them, so that neither is there
//! without the other. Whoever sends one takes it for a while; a node that is killed meanwhile leaves it to the next, which
//! sends it under the same Message-ID.

use super::address::EmailAddress;
use super::letter::{Letter, Purpose};
use crate::auth::kept::{self, Entry, Kept};
use crate::auth::secret;
use crate::random;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::{LedgerChange, Session};

/// How long mails are counted together, in milliseconds.
const COUNTED: i64 = 3600 * 1000;
/// How long a mail is tried, and how long it is told of one that could not be sent, in milliseconds.
const TRIED: i64 = 24 * 3600 * 1000;
const TOLD: i64 = 30 * 24 * 3600 * 1000;
/// How long whoever sends a mail has it, in milliseconds: longer than a try takes.
pub const TAKEN: i64 = 60 * 1000;
/// The first wait before another try and the longest, in milliseconds; each further one doubles it.
const FIRST: i64 = 30 * 1000;
const LONGEST: i64 = 3600 * 1000;
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
    /// How often it was tried.
    pub tries: u32,
    /// Not before then it is tried again.
    pub next: i64,
}

impl Kept for Mail {
    const KIND: &'static str = "mail";
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
    let mail = Mail { purpose: *purpose, to: to.clone(), link: link.clone(), written: now, tries: 0, next: now };
    let name = format!("{now:013}-{}", random::id());
    let mail = kept::insert(name, &mail, Some((now + TRIED).min(*expires)))?;
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

/// Takes a mail to send it; gives it as it is then, or none where somebody else has it.
pub async fn take(session: &dyn Session, mut mail: Entry<Mail>, now: i64) -> Result<Option<Entry<Mail>>> {
    mail.value.next = now + TAKEN;
    mail.value.tries = mail.value.tries.saturating_add(1);
    let change = mail.replace()?;
    match kept::write(session, vec![change]).await? {
        true => kept::find(session, &mail.key).await,
        false => Ok(None),
    }
}

/// Leaves a mail for later, or gives it up for good; `true` if it is given up.
pub async fn failed(
    session: &dyn Session,
    mut mail: Entry<Mail>,
    reason: &str,
    is_permanent: bool,
    now: i64,
) -> Result<bool> {
    let next = now + pause(mail.value.tries);
    let is_over = is_permanent || mail.is_expired_by(next);
    let changes = match is_over {
        false => {
            mail.value.next = next;
            vec![mail.replace()?]
        }
        true => {
            let Mail { purpose, written, .. } = mail.value;
            let dead = DeadMail { purpose, written, ended: now, reason: reason.to_owned() };
            vec![mail.delete(), kept::insert(mail.key.clone(), &dead, Some(now + TOLD))?]
        }
    };
    kept::write(session, changes).await?;
    Ok(is_over)
}

/// How long to wait after so many tries, in milliseconds.
fn pause(tries: u32) -> i64 {
    FIRST.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        assert_eq!([1, 2, 3, 8, u32::MAX].map(pause), [30_000, 60_000, 120_000, 3_600_000, 3_600_000]);
    }
}
