//! People's passwords: argon2id (RFC 9106), at the cost that OWASP's Password Storage Cheat Sheet names first.

use super::breached;
use crate::random;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use fhir::{Failure, IssueType, Result};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::Semaphore;

/// Memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// The most that are computed at the same time: each takes 19 MiB and a processor for a while.
const AT_A_TIME: usize = 2;
const SHORTEST: usize = 10;
const LONGEST: usize = 200;

/// Verified where no account is, so that it takes as long: the hash of a text that nobody knows.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$w7Y9OyKGaTeWcdZrl5gFzw6cQpXvXk4kn3mhM4jQ0oA";

static PERMITS: Semaphore = Semaphore::const_new(AT_A_TIME);
static COMPUTED: AtomicU64 = AtomicU64::new(0);

/// How many hashes this program has computed; each costs the same.
pub fn computed() -> u64 {
    COMPUTED.load(Relaxed)
}

/// Fails unless a password may be chosen: length is what counts, and that nobody stole it (NIST SP 800-63B section 5.1.1).
pub async fn check(password: &str, username: &str) -> Result<()> {
    let length = password.chars().count();
    if !(SHORTEST..=LONGEST).contains(&length) {
        let told = format!("A password has {SHORTEST} to {LONGEST} characters.");
        return Err(Failure::new(IssueType::Value, told));
    }
    if password.to_lowercase().contains(&username.to_lowercase()) {
        return Err(Failure::new(IssueType::Value, "A password does not hold the user's name."));
    }
    breached::refuse(password).await
}

/// What is kept where nobody signs in by a password: no password has this hash.
pub fn of_nobody() -> String {
    NOBODY.to_owned()
}

/// What is kept of a password.
pub async fn hash(password: String) -> Result<String> {
    let salt = random::bytes::<16>().map_err(|cause| Failure::internal(format!("{cause:#}")))?;
    apart(move || {
        let salt = SaltString::encode_b64(&salt).map_err(|it| Failure::internal(it.to_string()))?;
        let hash = argon2()?.hash_password(password.as_bytes(), &salt);
        Ok(hash.map_err(|it| Failure::internal(it.to_string()))?.to_string())
    })
    .await
}

/// Whether a password is the one that was hashed; where there is none to compare with, it is not, as slowly.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    apart(move || {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let hash = PasswordHash::new(&hash).map_err(|it| Failure::internal(it.to_string()))?;
        Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok() && is_known)
    })
    .await
}

/// What computes the next hash.
fn argon2() -> Result<Argon2<'static>> {
    COMPUTED.fetch_add(1, Relaxed);
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|it| Failure::internal(it.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Runs long work on a thread of its own.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _permit = PERMITS.acquire().await.map_err(Failure::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Failure::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_verified_by_its_hash() {
        let kept = hash("correct horse".into()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("correct horse".into(), Some(kept.clone())).await.unwrap());
        assert!(!verify("wrong horse".into(), Some(kept)).await.unwrap());
        assert!(!verify("correct horse".into(), None).await.unwrap());
    }

    #[test]
    fn the_hash_of_nobody_costs_as_much_as_others() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), COST);
        assert!(nobody.hash.is_some_and(|it| it.len() == 32));
    }

    #[tokio::test]
    async fn a_password_is_long_and_not_the_name() {
        assert!(check("0123456789", "alice").await.is_ok());
        assert!(check("012345678", "alice").await.is_err() && check("Alice-012345", "alice").await.is_err());
        assert!(check(&"x".repeat(201), "alice").await.is_err());
    }
}
