//! Secrets that the server makes, and what it keeps of them: a hash. They are random and long, so a plain hash is enough;
//! people's passwords have [`super::password`].

use crate::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fhir::{Failure, Result};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// A new secret of 256 bits, in characters that any URL can hold.
pub fn new() -> Result<String> {
    let bytes = random::bytes::<32>().map_err(|cause| Failure::internal(format!("{cause:#}")))?;
    Ok(base64(&bytes))
}

/// What is kept of a secret: its SHA-256 in base64url. Also PKCE's S256 (RFC 7636 section 4.2).
pub fn hash(secret: &str) -> String {
    hash_of(secret.as_bytes())
}

/// The same of bytes.
pub fn hash_of(bytes: &[u8]) -> String {
    base64(&Sha256::digest(bytes))
}

/// A secret made of another one for one purpose.
pub fn derived(key: &[u8], purpose: &str) -> String {
    base64(&keyed(key, purpose).finalize().into_bytes())
}

/// Whether a text is the secret made of `key` for this purpose; takes as long whatever it is.
pub fn is_derived(key: &[u8], purpose: &str, text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|it| keyed(key, purpose).verify_slice(&it).is_ok())
}

fn keyed(key: &[u8], purpose: &str) -> Hmac<Sha256> {
    // An HMAC takes keys of every length (RFC 2104).
    #[allow(clippy::expect_used)]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("a key of any length");
    mac.update(purpose.as_bytes());
    mac
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B
    #[test]
    fn a_hash_is_pkces() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(hash(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_derived_secret_is_for_one_purpose() {
        let made = derived(b"key", "a");
        assert!(is_derived(b"key", "a", &made));
        assert!(!is_derived(b"key", "b", &made) && !is_derived(b"other", "a", &made));
        assert!(!is_derived(b"key", "a", "") && !is_derived(b"key", "a", "*"));
        assert_ne!(new().unwrap(), new().unwrap());
    }
}
