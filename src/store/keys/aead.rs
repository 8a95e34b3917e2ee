//! Encryption that also proves what a text is about (AES-256-GCM, NIST SP 800-38D).

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::Error;

/// Bytes of a key.
pub(super) const KEY: usize = 32;
/// Bytes of what must not be used twice with a key.
pub(crate) const NONCE: usize = ring::aead::NONCE_LEN;

/// A text that was not encrypted so: by another key, about something else, or it was changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl From<Broken> for Error {
    fn from(_: Broken) -> Error {
        Error::Sealed
    }
}

/// A key that is ready, for whoever uses it often.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    /// So many bytes more the encrypted text has.
    pub(crate) const MORE: usize = 16;

    pub(crate) fn new(key: &[u8; KEY]) -> Result<Cipher, Broken> {
        UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map(Cipher).map_err(|_| Broken)
    }

    /// Puts the encrypted text in the place of what stands from there on. A nonce is used once.
    pub(crate) fn seal(&self, nonce: [u8; NONCE], about: &[u8], out: &mut Vec<u8>, from: usize) -> Result<(), Broken> {
        let (_, text) = out.split_at_mut_checked(from).ok_or(Broken)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(about), text).map_err(|_| Broken)?;
        out.extend(tag.as_ref());
        Ok(())
    }

    /// Puts the text where its encrypted form is, and tells its length.
    pub(crate) fn open(&self, nonce: [u8; NONCE], about: &[u8], text: &mut [u8]) -> Result<usize, Broken> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        Ok(self.0.open_in_place(nonce, Aad::from(about), text).map_err(|_| Broken)?.len())
    }
}

/// The nonce and behind it the encrypted text.
pub(super) fn seal(key: &[u8; KEY], nonce: [u8; NONCE], about: &[u8], text: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut sealed = Vec::with_capacity(NONCE + text.len() + AES_256_GCM.tag_len());
    seal_onto(&mut sealed, key, nonce, about, text)?;
    Ok(sealed)
}

/// Adds the same to what is there.
pub(super) fn seal_onto(
    out: &mut Vec<u8>,
    key: &[u8; KEY],
    nonce: [u8; NONCE],
    about: &[u8],
    text: &[u8],
) -> Result<(), Broken> {
    out.extend(nonce);
    let start = out.len();
    out.extend(text);
    Cipher::new(key)?.seal(nonce, about, out, start)
}

/// The text.
pub(super) fn open(key: &[u8; KEY], about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Broken> {
    let (nonce, text) = sealed.split_first_chunk().ok_or(Broken)?;
    let mut text = text.to_vec();
    let length = open_in_place(key, *nonce, about, &mut text)?;
    text.truncate(length);
    Ok(text)
}

/// Puts the text where its encrypted form is, and tells its length.
pub(super) fn open_in_place(
    key: &[u8; KEY],
    nonce: [u8; NONCE],
    about: &[u8],
    text: &mut [u8],
) -> Result<usize, Broken> {
    Cipher::new(key)?.open(nonce, about, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_opened_by_its_key_for_what_it_is_about() {
        let sealed = seal(&[1; KEY], [2; NONCE], b"north", b"secret").unwrap();
        assert_eq!(open(&[1; KEY], b"north", &sealed).as_deref(), Ok(&b"secret"[..]));
        assert_eq!(open(&[3; KEY], b"north", &sealed), Err(Broken));
        assert_eq!(open(&[1; KEY], b"south", &sealed), Err(Broken));
        for cut in 0..sealed.len() {
            assert_eq!(open(&[1; KEY], b"north", &sealed[..cut]), Err(Broken), "{cut}");
        }
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let sealed = seal(&[1; KEY], [2; NONCE], b"north", b"secret").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&[1; KEY], b"north", &changed), Err(Broken), "{bit}");
        }
    }
}
