//! The keyed hashes: HMAC with SHA-256 (RFC 2104), so that who can write a database but has not the tenant's key can neither
//! make an event nor hide that one is gone. And the encryption of what events say, so that nobody reads it without the tenant's keys.

use super::AuditHead;
use crate::keys::{Sealed, seal};
use crate::{DataKey, Error, Random, Result, Secrets};
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// A keyed hash.
pub(crate) type Mac = [u8; 32];

/// What the first row is chained to.
pub(crate) const START: Mac = [0; 32];

/// Chains, seals, signs and encrypts what a tenant's audit log has.
#[derive(Clone)]
pub(crate) struct AuditKey {
    hashes: Hmac<Sha256>,
    /// Encrypts events: none of the tenant's data keys, as those are numbered from 1.
    events: DataKey,
    random: Random,
}

/// What encrypted events are bound to. Which log and place are theirs the hashes tell.
const EVENTS: &[u8] = b"medisync audit events";

/// What stands for a hash that is none: no key makes it.
pub(crate) const NO_MAC: Mac = [0xff; 32];

/// What a hash is of: none of one kind can stand for one of another.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Row = 1,
    Block = 2,
    Head = 3,
    Unchained = 4,
    /// The key of what waits elsewhere.
    Aside = 5,
}

impl AuditKey {
    /// Both keys are made of the one that signs page links, which every tenant has and which never changes.
    pub(crate) fn new(secrets: &Secrets, random: Random) -> AuditKey {
        let made = |of: &[u8]| keyed(secrets.page_key).chain_update(of).finalize().into_bytes().into();
        AuditKey {
            hashes: keyed(made(b"medisync audit log")),
            events: DataKey { number: 0, key: made(EVENTS) },
            random,
        }
    }

    /// Bytes that nobody can guess.
    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes).map_err(Error::Random)?;
        Ok(bytes)
    }

    /// What events say, as it is kept.
    pub(crate) fn encrypted(&self, plain: &[u8]) -> Result<Vec<u8>> {
        seal(&self.events, self.random, EVENTS, plain)
    }

    /// What was encrypted. Anything else is given back as it is kept: a version wrote it that encrypted nothing, or somebody changed it,
    /// which the hashes tell.
    pub(crate) fn decrypted(&self, kept: &Bytes) -> Bytes {
        let sealed = Sealed::parse(kept).filter(|it| it.number == self.events.number);
        let plain = sealed.and_then(|it| it.open(&self.events, EVENTS).ok());
        plain.map_or_else(|| kept.clone(), Bytes::from)
    }

    /// The hash of parts, each with its length, so that they cannot run together.
    pub(super) fn mac(&self, of: Of, parts: &[&[u8]]) -> Mac {
        let mut mac = self.hashes.clone();
        mac.update(&[of as u8]);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The hash of a row that stands behind another.
    pub(crate) fn row(&self, before: &Mac, number: i64, total: i64, body: &[u8]) -> Mac {
        self.mac(Of::Row, &[before, &number.to_le_bytes(), &total.to_le_bytes(), body])
    }

    /// The hash of what is written and not chained yet.
    pub(crate) fn unchained(&self, place: i64, body: &[u8]) -> Mac {
        self.mac(Of::Unchained, &[&place.to_le_bytes(), body])
    }
}

/// HMAC with a key, which it fills with zeros to the length of its block itself.
fn keyed(key: [u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    let (start, _) = block.split_at_mut(key.len());
    start.copy_from_slice(&key);
    <Hmac<Sha256> as hmac::digest::KeyInit>::new((&block).into())
}

/// Where a log was, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) at: AuditHead,
    pub(crate) signature: Mac,
}

impl Head {
    pub(crate) fn sign(key: &AuditKey, at: AuditHead) -> Head {
        Head { at, signature: Head::signature(key, &at) }
    }

    /// Whether the tenant's key signed it.
    pub(crate) fn is_signed(&self, key: &AuditKey) -> bool {
        self.signature == Head::signature(key, &self.at)
    }

    fn signature(key: &AuditKey, at: &AuditHead) -> Mac {
        key.mac(Of::Head, &[&at.row.to_le_bytes(), &at.events.to_le_bytes(), &at.hash, &at.at.to_le_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::random;

    fn key(first: u8) -> AuditKey {
        let mut page_key = [7; 32];
        page_key[0] = first;
        let (data_keys, sealing, marks) = <_>::default();
        let (index_key, token_key) = ([1; 16], Vec::new());
        AuditKey::new(&Secrets { index_key, page_key, token_key, edition: 0, data_keys, sealing, marks }, random)
    }

    #[test]
    fn a_hash_is_of_the_key_and_of_all_that_it_is_of() {
        let mac = key(1).row(&START, 1, 2, b"events");
        assert_eq!(mac, key(1).row(&START, 1, 2, b"events"));
        for other in [
            key(2).row(&START, 1, 2, b"events"),
            key(1).row(&[1; 32], 1, 2, b"events"),
            key(1).row(&START, 2, 2, b"events"),
            key(1).row(&START, 1, 3, b"events"),
            key(1).row(&START, 1, 2, b"event"),
            key(1).mac(Of::Block, &[&START, &1_i64.to_le_bytes(), &2_i64.to_le_bytes(), b"events"]),
        ] {
            assert_ne!(mac, other);
        }
    }

    #[test]
    fn events_are_read_by_their_tenants_key_only() {
        let events = Bytes::from_static(b"meredith read Patient/9");
        let kept = Bytes::from(key(1).encrypted(&events).unwrap());
        assert!(!kept.windows(4).any(|it| it == b"read"));
        assert_eq!(key(1).decrypted(&kept), events);
        assert_eq!(key(2).decrypted(&kept), kept);
        assert_eq!(key(1).decrypted(&events), events, "as a version before wrote it");
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(key(1).mac(Of::Row, &[b"ab", b"c"]), key(1).mac(Of::Row, &[b"a", b"bc"]));
    }

    /// RFC 4231 §4.3: the key is shorter than the hash's block.
    #[test]
    fn the_keyed_hash_is_hmac() {
        let mut short = [0; 32];
        short[..4].copy_from_slice(b"Jefe");
        let mac = keyed(short).chain_update(b"what do ya want for nothing?").finalize().into_bytes();
        assert_eq!(mac[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn a_head_is_signed_with_the_tenants_key() {
        let head = Head::sign(&key(1), AuditHead { row: 1, events: 2, hash: START, at: 3 });
        assert!(head.is_signed(&key(1)) && !head.is_signed(&key(2)));
        let other = Head { at: AuditHead { events: 3, ..head.at }, ..head };
        assert!(!other.is_signed(&key(1)));
    }
}
