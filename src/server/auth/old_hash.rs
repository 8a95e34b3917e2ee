//! Passwords that came from elsewhere with their users, as bcrypt hashes: they let in once more, and are argon2id from then on.
//! Where a tenant has taken such hashes over, every sign-in takes as long as one by the slowest of them, so that the time does
//! not tell who is a user.

use super::account;
use super::kept::{self, Kept};
use super::password;
use bcrypt::HashParts;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use store::{LedgerChange, Session};

/// What costs of bcrypt are taken over: the least that it has, and one that takes about a second.
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// The only key of this kind in the ledger.
const KEY: &str = "bcrypt";
/// Hashed where time is to pass.
const NOBODY: ([u8; 16], &[u8]) = (*b"nobody-nobody-no", b"nobody");

static ROUNDS: AtomicU64 = AtomicU64::new(0);

/// How many rounds of bcrypt this program has computed: 2 to the power of each hash's cost.
pub fn rounds() -> u64 {
    ROUNDS.load(Relaxed)
}

/// That a tenant has such hashes, and what the slowest costs.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct OldHashes {
    cost: u32,
}

impl Kept for OldHashes {
    const KIND: &'static str = "old-hashes";
}

/// The cost of a hash, if it is bcrypt's.
fn cost(hash: &str) -> Option<u32> {
    let is_known = ["$2a$", "$2b$", "$2y$"].iter().any(|it| hash.starts_with(it)) && hash.len() == 60;
    is_known.then(|| hash.parse::<HashParts>().ok()).flatten().map(|it| it.get_cost())
}

/// The change that notes that a hash is taken over, if there is something to note; fails if it is none.
pub async fn take(session: &dyn Session, hash: &str) -> Result<Option<LedgerChange>> {
    let told = "The hash of the password is not bcrypt's ($2a$, $2b$ or $2y$) with a cost of 4 to 14.";
    let wrong = || Failure::new(IssueType::Value, told);
    let cost = cost(hash).filter(|it| COSTS.contains(it)).ok_or_else(wrong)?;
    match kept::find::<OldHashes>(session, KEY).await? {
        Some(entry) if cost <= entry.value.cost => Ok(None),
        Some(mut entry) => {
            entry.value.cost = cost;
            entry.replace().map(Some)
        }
        None => kept::insert(KEY, &OldHashes { cost }, None).map(Some),
    }
}

/// Whether a password is the one that was hashed, whichever way; where there is none to compare with, it is not, as slowly.
pub async fn verify(session: &dyn Session, password: &str, hash: Option<String>) -> Result<bool> {
    let slowest = kept::find::<OldHashes>(session, KEY).await?.map_or(0, |it| it.value.cost);
    let (old, new) = match hash {
        Some(hash) if cost(&hash).is_some() => (Some(hash), None),
        other => (None, other),
    };
    let is_old = verify_old(password.to_owned(), old, slowest).await?;
    let is_new = password::verify(password.to_owned(), new).await?;
    Ok(is_old || is_new)
}

/// The same of bcrypt's alone, in the time that this cost takes.
async fn verify_old(password: String, hash: Option<String>, slowest: u32) -> Result<bool> {
    if hash.is_none() && slowest == 0 {
        return Ok(false);
    }
    password::apart(move || {
        let own = hash.as_ref().and_then(|it| cost(it));
        let is_right = hash.as_ref().is_some_and(|it| bcrypt::verify(&password, it).unwrap_or(false));
        // Each cost takes twice as long as the one before: from this one on together they make up for what is missing.
        let missing = match own {
            Some(cost) => cost..slowest,
            None => slowest..slowest + 1,
        };
        for cost in own.into_iter().chain(missing.clone()) {
            ROUNDS.fetch_add(1 << cost, Relaxed);
        }
        for cost in missing {
            std::hint::black_box(bcrypt::bcrypt(cost, NOBODY.0, NOBODY.1));
        }
        Ok(is_right)
    })
    .await
}

/// Hashes the password of a user anew who has just signed in by it, if it has an old hash.
pub async fn renew(session: &dyn Session, username: &str, password: &str) -> Result<()> {
    let Some(mut account) = account::find(session, username).await? else { return Ok(()) };
    if cost(&account.value.password).is_some() {
        account.value.password = password::hash(password.to_owned()).await?;
        // Whoever changes the account meanwhile has it renewed at the next sign-in.
        kept::write(session, vec![account.replace()?]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `U*U`, from the test vectors of crypt_blowfish, which came with bcrypt in OpenWall.
    const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    #[test]
    fn a_hash_is_known_by_its_form() {
        assert_eq!(cost(HASH), Some(5));
        for other in ["", "$2a$05$", "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5$w7Y9", &HASH.replace("$2a$", "$2x$")] {
            assert_eq!(cost(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn an_old_password_is_right_or_wrong() {
        for (password, slowest, is_right) in [("U*U", 0, true), ("U*U", 7, true), ("U*V", 7, false)] {
            let verified = verify_old(password.into(), Some(HASH.into()), slowest).await.unwrap();
            assert_eq!(verified, is_right, "{password}");
        }
        assert!(!verify_old("nobody".into(), None, 4).await.unwrap());
    }
}
