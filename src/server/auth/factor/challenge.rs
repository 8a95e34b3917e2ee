//! What a passkey signs, so that nobody can bring an old signature: random, for one browser and one purpose, good once. It
//! proves by a MAC to be ours, so that nothing is kept of those that are never used.

use crate::auth::kept::{self, Kept};
use crate::auth::secret;
use fhir::Result;
use serde::{Deserialize, Serialize};
use store::LedgerChange;

/// How long a person may take, in milliseconds.
const TIME: i64 = 10 * 60 * 1000;

/// A challenge that was used, kept under its hash until nobody could use it any more.
#[derive(Serialize, Deserialize)]
struct Used {}

impl Kept for Used {
    const KIND: &'static str = "challenge";
}

/// A new challenge.
pub fn new(key: &[u8], cookie: &str, purpose: &str, now: i64) -> Result<String> {
    let random = secret::new()?;
    let until = now + TIME;
    let mac = secret::derived(key, &bound(cookie, purpose, &random, until));
    Ok(format!("{random}.{until}.{mac}"))
}

/// The change that uses a challenge up, if it is one of this browser's for this purpose.
pub fn using(key: &[u8], cookie: &str, purpose: &str, given: &str, now: i64) -> Result<Option<LedgerChange>> {
    match read(key, cookie, purpose, given).filter(|until| now < *until) {
        Some(until) => Ok(Some(kept::insert(secret::hash(given), &Used {}, Some(until))?)),
        None => Ok(None),
    }
}

fn read(key: &[u8], cookie: &str, purpose: &str, given: &str) -> Option<i64> {
    let mut parts = given.splitn(3, '.');
    let (random, until, mac) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    secret::is_derived(key, &bound(cookie, purpose, random, until), mac).then_some(until)
}

fn bound(cookie: &str, purpose: &str, random: &str, until: i64) -> String {
    format!("challenge {random} until {until} for {purpose} in {cookie}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_one_browsers_for_one_purpose_for_a_while() {
        let made = new(b"key", "cookie", "a", 0).unwrap();
        let is_good = |cookie, purpose, given: &str, now| using(b"key", cookie, purpose, given, now).unwrap().is_some();
        assert!(is_good("cookie", "a", &made, TIME - 1));
        assert!(!is_good("cookie", "a", &made, TIME) && !is_good("other", "a", &made, 0));
        assert!(
            !is_good("cookie", "b", &made, 0) && !is_good("cookie", "a", "x.1.y", 0) && !is_good("cookie", "a", "", 0)
        );
    }
}
