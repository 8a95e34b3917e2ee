//! Secrets that must be read again, such as those of authenticator apps: encrypted by a key made of the tenant's
//! (AES-256-GCM, NIST SP 800-38D), each for one purpose and of no use for another.

use crate::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fhir::{Failure, Result};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// Encrypts a secret for a purpose.
pub fn seal(key: &[u8], purpose: &str, secret: &[u8]) -> Result<String> {
    let nonce = random::bytes::<NONCE_LEN>().map_err(|cause| Failure::internal(format!("{cause:#}")))?;
    let mut text = secret.to_vec();
    let unique = Nonce::assume_unique_for_key(nonce);
    let sealed = sealing_key(key).and_then(|it| {
        it.seal_in_place_append_tag(unique, Aad::from(purpose.as_bytes()), &mut text).map_err(|_| failed())
    });
    sealed.map(|()| URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat()))
}

/// The secret that was encrypted for a purpose; none if it was not, or by another key.
pub fn open(key: &[u8], purpose: &str, sealed: &str) -> Result<Option<Vec<u8>>> {
    let Some((nonce, mut text)) = URL_SAFE_NO_PAD.decode(sealed).ok().and_then(split) else { return Ok(None) };
    let opened = sealing_key(key)?.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text);
    Ok(opened.ok().map(|it| it.to_vec()))
}

fn split(sealed: Vec<u8>) -> Option<(Nonce, Vec<u8>)> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    Some((Nonce::try_assume_unique_for_key(nonce).ok()?, text.to_vec()))
}

fn sealing_key(key: &[u8]) -> Result<LessSafeKey> {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"secrets that are kept encrypted");
    UnboundKey::new(&AES_256_GCM, derived.as_ref()).map(LessSafeKey::new).map_err(|_| failed())
}

fn failed() -> Failure {
    Failure::internal("a secret cannot be encrypted or decrypted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_is_opened_by_its_key_for_its_purpose_only() {
        let sealed = seal(b"key", "a", b"secret").unwrap();
        assert_ne!(sealed, seal(b"key", "a", b"secret").unwrap());
        assert_eq!(open(b"key", "a", &sealed).unwrap().as_deref(), Some(&b"secret"[..]));
        for (key, purpose, text) in
            [("other", "a", &*sealed), ("key", "b", &sealed), ("key", "a", "AAAA"), ("key", "a", "*")]
        {
            assert_eq!(open(key.as_bytes(), purpose, text).unwrap(), None);
        }
    }
}
