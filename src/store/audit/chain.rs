//! The keyed hashes: HMAC with SHA-256 (RFC 2104), so that who can write a database but has not the tenant's key can neither
//! make an event nor hide that one is gone.

use super::AuditHead;
use crate::Secrets;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// A keyed hash.
pub(crate) type Mac = [u8; 32];

/// What the first row is chained to.
pub(crate) const START: Mac = [0; 32];

/// Chains, seals and signs what a tenant's audit log has.
#[derive(Clone)]
pub(crate) struct AuditKey(Hmac<Sha256>);

/// What a hash is of: none of one kind can stand for one of another.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Row = 1,
    Block = 2,
    Head = 3,
    Unchained = 4,
}

impl AuditKey {
    /// The key is made of the one that signs page links, which every tenant has and which never changes.
    pub(crate) fn new(secrets: &Secrets) -> AuditKey {
        let own = keyed(secrets.page_key).chain_update(b"medisync audit log").finalize().into_bytes();
        AuditKey(keyed(own.into()))
    }

    /// The hash of parts, each with its length, so that they cannot run together.
    pub(super) fn mac(&self, of: Of, parts: &[&[u8]]) -> Mac {
        let mut mac = self.0.clone();
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
