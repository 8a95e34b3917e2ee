//! Slows guessing of passwords: failures are counted for an account from one address, and for an address. Nobody's failures
//! keep the account's owner out, who comes from another address. Registrations of apps are counted apart.

use super::account;
use super::kept::{self, Kept};
use super::secret;
use fhir::Result;
use serde::{Deserialize, Serialize};
use store::Session;

/// Failures that cost nothing: of one account from one address, and of one address.
const FREE: [u32; 2] = [5, 50];
/// Wrong second factors that cost nothing: of one account from one address, and of one account. Who gives one knows the
/// password; passkeys and recovery codes, which nobody guesses, are not kept waiting by the latter.
const FREE_SECONDS: [u32; 2] = [5, 50];
/// Registrations from one address that cost nothing.
const FREE_REGISTRATIONS: u32 = 5;
/// Mails that somebody at one address asks for which cost nothing.
const FREE_MAILS: u32 = 20;
/// Attempts by one link to become a user that cost nothing: each may tell that a name is taken.
const FREE_NAMES: u32 = 10;
/// The first wait and the longest, in milliseconds; each further failure doubles it.
const FIRST: i64 = 2_000;
const LONGEST: i64 = 15 * 60 * 1000;
/// How often an attempt is counted anew where others are counted at the same time.
const RACES: usize = 16;
/// When failures are forgotten, in milliseconds.
const FORGOTTEN: i64 = 3600 * 1000;

/// Failures, kept under a hash of what they are counted for.
#[derive(Serialize, Deserialize)]
struct Failures {
    count: u32,
    last: i64,
}

impl Kept for Failures {
    const KIND: &'static str = "failures";
}

fn keys(username: &str, address: &str) -> [String; 2] {
    let username = account::folded(username);
    [secret::hash(&format!("{}:{username}@{address}", username.len())), secret::hash(&format!("@{address}"))]
}

/// Counts an attempt to sign in, as a failure until [`succeeded`] says otherwise; or gives the milliseconds to wait before
/// it may be made. Of many attempts at once each is counted before it is made.
pub async fn sign_in(session: &dyn Session, username: &str, address: &str, now: i64) -> Result<i64> {
    count(session, keys(username, address).into_iter().zip(FREE).collect(), now).await
}

/// Counts an attempt to give a second factor, as [`sign_in`] does. `is_code` says that it is short enough to be guessed by
/// many together.
pub async fn second(session: &dyn Session, username: &str, address: &str, is_code: bool, now: i64) -> Result<i64> {
    let counted = second_keys(username, address).into_iter().zip(FREE_SECONDS);
    count(session, counted.take(if is_code { 2 } else { 1 }).collect(), now).await
}

/// Takes all failures of a user's second factors from this address back, and those that are counted for the user.
pub async fn second_succeeded(session: &dyn Session, username: &str, address: &str) -> Result<()> {
    for _ in 0..RACES {
        let mut changes = Vec::new();
        for key in second_keys(username, address) {
            changes.extend(kept::find::<Failures>(session, &key).await?.map(|it| it.delete()));
        }
        if changes.is_empty() || kept::write(session, changes).await? {
            return Ok(());
        }
    }
    Ok(())
}

fn second_keys(username: &str, address: &str) -> [String; 2] {
    let of = format!("second factor of {}:{username}", username.len());
    [secret::hash(&format!("{of} from {address}")), secret::hash(&of)]
}

/// Counts a registration, or gives the milliseconds to wait before it may be made.
pub async fn registration(session: &dyn Session, address: &str, now: i64) -> Result<i64> {
    count(session, vec![(secret::hash(&format!("registration from {address}")), FREE_REGISTRATIONS)], now).await
}

/// Counts that somebody asks for a mail, or gives the milliseconds to wait before it may be.
pub async fn mail(session: &dyn Session, address: &str, now: i64) -> Result<i64> {
    count(session, vec![(secret::hash(&format!("mail for {address}")), FREE_MAILS)], now).await
}

/// Counts that somebody who holds a link chooses a name, or gives the milliseconds to wait before it may be.
pub async fn name(session: &dyn Session, token: &str, now: i64) -> Result<i64> {
    count(session, vec![(secret::hash(&format!("name by {token}")), FREE_NAMES)], now).await
}

/// Counts an attempt under each key, of which so many are free, unless one of them has to wait.
async fn count(session: &dyn Session, keys: Vec<(String, u32)>, now: i64) -> Result<i64> {
    for _ in 0..RACES {
        let mut changes = Vec::new();
        for (key, free) in keys.clone() {
            let until = Some(now + FORGOTTEN);
            changes.push(match kept::find::<Failures>(session, &key).await? {
                Some(mut failures) => {
                    let Failures { count, last } = failures.value;
                    let wait = wait(count, free, last, now);
                    if wait > 0 {
                        return Ok(wait);
                    }
                    failures.value = Failures { count: count.saturating_add(1), last: last.max(now) };
                    failures.replace_until(until)?
                }
                None => kept::insert(key, &Failures { count: 1, last: now }, until)?,
            });
        }
        if kept::write(session, changes).await? {
            return Ok(0);
        }
    }
    Ok(FIRST)
}

/// Takes the attempt back, and all failures of the account from this address.
pub async fn succeeded(session: &dyn Session, username: &str, address: &str) -> Result<()> {
    for _ in 0..RACES {
        let [of_account, of_address] = keys(username, address);
        let mut changes = Vec::new();
        changes.extend(kept::find::<Failures>(session, &of_account).await?.map(|it| it.delete()));
        if let Some(mut failures) = kept::find::<Failures>(session, &of_address).await? {
            failures.value.count = failures.value.count.saturating_sub(1);
            changes.push(failures.replace()?);
        }
        if changes.is_empty() || kept::write(session, changes).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// How long to wait at a time, in milliseconds, after so many failures, of which the last may have come a little later: attempts
/// that come together are not counted in their order.
fn wait(count: u32, free: u32, last: i64, now: i64) -> i64 {
    match pause(count, free) {
        0 => 0,
        pause => (last + pause - now).max(0),
    }
}

/// How long to wait after so many failures, in milliseconds.
fn pause(count: u32, free: u32) -> i64 {
    match count.checked_sub(free) {
        None => 0,
        Some(over) => FIRST.saturating_mul(1 << over.min(20)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_end() {
        assert_eq!([0, 4, 5, 6, 7].map(|it| pause(it, 5)), [0, 0, 2_000, 4_000, 8_000]);
        assert_eq!(pause(u32::MAX, 5), LONGEST);
    }

    #[test]
    fn only_who_failed_too_often_waits() {
        assert_eq!([999, 1_000, 9_000].map(|now| wait(4, 5, 1_000, now)), [0, 0, 0]);
        assert_eq!([999, 1_000, 2_999, 3_000].map(|now| wait(5, 5, 1_000, now)), [2_001, 2_000, 1, 0]);
    }

    #[test]
    fn accounts_and_addresses_are_counted_apart() {
        let [alice, here] = keys("Alice", "10.0.0.1");
        assert_eq!(alice, keys("alice", "10.0.0.1")[0]);
        assert_ne!(alice, keys("alice", "10.0.0.2")[0]);
        assert_eq!(here, keys("bob", "10.0.0.1")[1]);
    }
}
