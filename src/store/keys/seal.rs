//! What is kept encrypted by a tenant's data keys: each text by a key of its own, derived from the data key and 16 random bytes
//! (NIST SP 800-108 in counter mode, with HMAC-SHA-256), so that a data key is never used up however much is written.

use super::aead::{self, Broken, KEY, NONCE};
use super::{DataKey, Random};
use crate::{Error, Result};
use ring::hmac;

/// The first byte, which no text begins with.
const LAYOUT: u8 = 1;
/// Random bytes that a text's own key is made with.
const SALT: usize = 16;

/// Bytes before the encrypted text: the layout, the data key's number, random bytes, the nonce.
pub(super) const HEAD: usize = 1 + 4 + SALT + NONCE;

/// An encrypted text as it is laid out: by which data key, with which random bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// The data key's number.
    pub number: u32,
    salt: &'a [u8; SALT],
    nonce: &'a [u8; NONCE],
    text: &'a [u8],
}

impl<'a> Sealed<'a> {
    /// Reads the layout; `None` for what is laid out otherwise.
    pub fn parse(bytes: &'a [u8]) -> Option<Sealed<'a>> {
        let (&[layout], rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (nonce, text) = rest.split_first_chunk()?;
        let is_whole = layout == LAYOUT && text.len() >= ring::aead::AES_256_GCM.tag_len();
        is_whole.then(|| Sealed { number: u32::from_be_bytes(*number), salt, nonce, text })
    }

    /// The text, by its data key; it must be about just this.
    pub(crate) fn open(&self, key: &DataKey, about: &[u8]) -> Result<Vec<u8>> {
        let mut text = self.text.to_vec();
        let length = self.way(key).open(about, &mut text)?;
        text.truncate(length);
        Ok(text)
    }

    /// What opens the text where it stands.
    pub(super) fn way(&self, key: &DataKey) -> Way {
        Way { key: derived(key, self.salt), nonce: *self.nonce }
    }
}

/// What opens one text.
pub(super) struct Way {
    key: [u8; KEY],
    nonce: [u8; NONCE],
}

impl Way {
    /// Puts the text where its encrypted form is, and tells its length.
    pub(super) fn open(&self, about: &[u8], text: &mut [u8]) -> Result<usize> {
        aead::open_in_place(&self.key, self.nonce, about, text).map_err(|Broken| Error::Sealed)
    }
}

/// Encrypts a text that is about something.
pub(crate) fn seal(key: &DataKey, random: Random, about: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let mut sealed = Vec::with_capacity(HEAD + text.len() + ring::aead::AES_256_GCM.tag_len());
    seal_onto(&mut sealed, key, random, about, text)?;
    Ok(sealed)
}

/// Adds the same to what is there.
pub(super) fn seal_onto(out: &mut Vec<u8>, key: &DataKey, random: Random, about: &[u8], text: &[u8]) -> Result<()> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    // Asked for together, as the system takes longer to be asked than to answer.
    let mut unguessed = [0; SALT + NONCE];
    random(&mut unguessed).map_err(Error::Random)?;
    let (first, last) = unguessed.split_at(SALT);
    salt.copy_from_slice(first);
    nonce.copy_from_slice(last);
    out.push(LAYOUT);
    out.extend(key.number.to_be_bytes());
    out.extend(salt);
    aead::seal_onto(out, &derived(key, &salt), nonce, about, text).map_err(|Broken| Error::Sealed)
}

fn derived(key: &DataKey, salt: &[u8; SALT]) -> [u8; KEY] {
    let bits = (KEY as u32 * 8).to_be_bytes();
    let input = [&1u32.to_be_bytes()[..], b"medisync sealed", &[0], salt, &bits].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.key), &input);
    let mut derived = [0; KEY];
    derived.copy_from_slice(tag.as_ref());
    derived
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::random;
    use proptest::prelude::*;

    const DATA_KEY: DataKey = DataKey { number: 7, key: [7; KEY] };

    fn opened(key: &DataKey, about: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        Sealed::parse(bytes)?.open(key, about).ok()
    }

    #[test]
    fn a_text_is_opened_by_its_key_for_what_it_is_about() {
        let sealed = seal(&DATA_KEY, random, b"a", b"secret").unwrap();
        assert_ne!(sealed, seal(&DATA_KEY, random, b"a", b"secret").unwrap());
        assert_eq!(Sealed::parse(&sealed).unwrap().number, 7);
        assert_eq!(opened(&DATA_KEY, b"a", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(opened(&DATA_KEY, b"b", &sealed), None);
        assert_eq!(opened(&DataKey { number: 7, key: [8; KEY] }, b"a", &sealed), None);
    }

    proptest! {
        /// Any text comes back, and no other bytes do.
        #[test]
        fn what_was_changed_is_not_opened(text in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, bit in 0..8u8) {
            let mut sealed = seal(&DATA_KEY, random, b"a", &text).unwrap();
            prop_assert_eq!(opened(&DATA_KEY, b"a", &sealed), Some(text));
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            // The number only tells which key to take.
            let is_number = (1..5).contains(&at);
            prop_assert!(is_number || opened(&DATA_KEY, b"a", &sealed).is_none());
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert_eq!(opened(&DATA_KEY, b"a", &bytes), None);
        }
    }
}
