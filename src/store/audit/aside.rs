//! Events that wait outside of a log, for its tenant alone to read and to make: encrypted (AES-256-GCM) by keys that are made of
//! the log's, one for each process that has opened the tenant, with a nonce that counts.

use super::chain::{AuditKey, Of};
use super::records::AuditRecords;
use crate::Result;
use crate::keys::{Cipher, NONCE};
use bytes::Buf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Random bytes that a process's key is made with.
const SALT: usize = 16;
/// The salt and the number.
const HEAD: usize = SALT + size_of::<u64>();
/// What everything here is about.
const ABOUT: &[u8] = b"medisync audit aside";

/// Has events wait elsewhere.
pub(crate) struct Aside {
    cipher: Cipher,
    salt: [u8; SALT],
    count: AtomicU64,
}

impl Aside {
    pub(crate) fn new(key: &AuditKey) -> Result<Aside> {
        let salt = key.random()?;
        Ok(Aside { cipher: cipher(key, &salt)?, salt, count: AtomicU64::default() })
    }

    /// The salt, the number and the encrypted events.
    pub(crate) fn seal(&self, records: &AuditRecords) -> Result<Vec<u8>> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut sealed = Vec::with_capacity(HEAD + records.as_bytes().len() + Cipher::MORE);
        sealed.extend(self.salt);
        sealed.extend(count.to_le_bytes());
        sealed.extend(records.as_bytes());
        self.cipher.seal(nonce(count), ABOUT, &mut sealed, HEAD)?;
        Ok(sealed)
    }
}

/// What waited elsewhere.
#[derive(Debug, Default)]
pub struct AuditOpened {
    /// The events, as many together as a log takes at a time.
    pub lots: Vec<AuditRecords>,
    /// How many pieces were not made by this tenant's server, or have been changed.
    pub broken: usize,
}

/// Opens what [`Aside::seal`] made.
pub(crate) fn open<B: AsRef<[u8]>>(key: &AuditKey, sealed: &[B]) -> AuditOpened {
    let (mut opened, mut last) = (AuditOpened::default(), None);
    for one in sealed {
        if !opened.lots.last().is_some_and(AuditRecords::has_room) {
            opened.lots.push(AuditRecords::default());
        }
        let added = opened.lots.last_mut().and_then(|lot| add(key, &mut last, one.as_ref(), lot));
        opened.broken += usize::from(added.is_none());
    }
    opened.lots.retain(|it| !it.is_empty());
    opened
}

/// Adds the events of one piece. The key of the last one is kept: most come from one process.
fn add(
    key: &AuditKey,
    last: &mut Option<([u8; SALT], Cipher)>,
    mut bytes: &[u8],
    lot: &mut AuditRecords,
) -> Option<()> {
    let (salt, _) = bytes.split_first_chunk()?;
    bytes.advance(SALT);
    let nonce = nonce(bytes.try_get_u64_le().ok()?);
    if last.as_ref().is_none_or(|(known, _)| known != salt) {
        *last = Some((*salt, cipher(key, salt).ok()?));
    }
    let (_, cipher) = last.as_ref()?;
    lot.add(bytes, |text| cipher.open(nonce, ABOUT, text).ok())
}

fn cipher(key: &AuditKey, salt: &[u8; SALT]) -> Result<Cipher> {
    Ok(Cipher::new(&key.mac(Of::Aside, &[salt]))?)
}

fn nonce(count: u64) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce[..size_of::<u64>()].copy_from_slice(&count.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AuditEntry;
    use crate::keys::tests::random;
    use crate::rows::IndexHash;

    fn event(id: &str) -> AuditRecords {
        let entry = AuditEntry { id: id.into(), at: 1, keys: vec!["k".into()], body: b"what".into() };
        AuditRecords::new(&[entry], |_| 5, &IndexHash::new(&[1; 16]))
    }

    fn key(of: u8) -> AuditKey {
        AuditKey::new(&crate::Secrets { page_key: [of; 32], ..crate::contract::secrets("north") }, random)
    }

    #[test]
    fn events_come_back_to_their_tenant_alone() {
        let (one, other) = (Aside::new(&key(1)).unwrap(), Aside::new(&key(1)).unwrap());
        let sealed = [one.seal(&event("a")), other.seal(&event("b")), one.seal(&event("a"))].map(|it| it.unwrap());
        assert_ne!(sealed[0], sealed[2]);
        assert!(sealed.iter().all(|it| !it.windows(4).any(|it| it == b"what")));
        let opened = open(&key(1), &sealed);
        let mut all = AuditRecords::default();
        ["a", "b", "a"].iter().for_each(|it| all.add(event(it).as_bytes(), |it| Some(it.len())).unwrap());
        assert_eq!((opened.lots, opened.broken), (vec![all], 0));
        let opened = open(&key(2), &sealed);
        assert_eq!((opened.lots, opened.broken), (vec![], 3));
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let sealed = Aside::new(&key(1)).unwrap().seal(&event("a")).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key(1), &[changed]).broken, 1, "{bit}");
        }
        for end in 0..sealed.len() {
            assert_eq!(open(&key(1), &[&sealed[..end]]).broken, 1, "{end}");
        }
    }
}
