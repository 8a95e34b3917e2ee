//! The hashes of a tenant's index.

use crate::query::canonical;
use fhir::search::near::Row;
use fhir::search::{Filter, ParamId, Target};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// The hash that keys a tenant's index: SipHash-1-3 with a secret of the tenant's, so that nobody can choose
/// values that collide. 64 bits: among ten million values of one tenant, some two collide with a probability of
/// 3 in a million.
#[derive(Clone)]
pub(crate) struct IndexHash(SipHasher13);

impl IndexHash {
    pub(crate) fn new(key: &[u8; 16]) -> IndexHash {
        IndexHash(SipHasher13::new_with_key(key))
    }

    /// Hashes texts of one kind; each is ended by a byte that no UTF-8 has, so that parts cannot run together.
    fn of(&self, kind: u8, param: u64, parts: &[&str]) -> i64 {
        let mut hasher = self.0;
        hasher.write(&[kind]);
        // The standard's parameters have 32 bits, and their hashes are of 32 bits.
        match u32::try_from(param) {
            Ok(short) => hasher.write(&short.to_le_bytes()),
            Err(_) => hasher.write(&param.to_le_bytes()),
        }
        for part in parts {
            hasher.write(part.as_bytes());
            hasher.write(&[0xff]);
        }
        hasher.finish() as i64
    }

    /// `resource.rkey`, and what a reference to it points to.
    pub(crate) fn resource(&self, of: &str, id: &str) -> i64 {
        self.of(b'r', 0, &[of, id])
    }

    /// The key that every resource of a type has.
    pub(crate) fn type_key(&self, of: &str) -> i64 {
        self.of(b'y', 0, &[of])
    }

    /// What a reference points to.
    pub(crate) fn target(&self, target: &Target<'_>) -> i64 {
        match target {
            Target::Local { of, id } => self.resource(of, id),
            Target::Url(url) => self.url(url),
        }
    }

    /// The parameter made of a composite and the hash of its first value: behind all that have 32 bits, and small
    /// enough to make slots of.
    pub(crate) fn composite(&self, param: ParamId, first: i64) -> ParamId {
        let mut hasher = self.0;
        hasher.write(b"d");
        hasher.write(&param.0.to_le_bytes());
        hasher.write(&first.to_le_bytes());
        ParamId(hasher.finish() >> 3 | 1 << 61)
    }

    /// The parameter under which the dates stand of what has a code, given by its hash.
    pub(crate) fn dated(&self, code: i64) -> ParamId {
        self.composite(ParamId::DATED, code)
    }

    /// A number that only this tenant has, which marks what is kept for it outside its file.
    pub(crate) fn owner(&self) -> i64 {
        self.of(b'o', 0, &[])
    }

    /// What stands for criteria on resources of a type where those who act on them wait for each other: the same however
    /// they are put.
    pub(crate) fn criteria(&self, of: &str, filter: &Filter) -> i64 {
        self.of(b'k', 0, &[of, &canonical(filter)])
    }

    /// A key of an event in the audit log.
    pub(crate) fn audited(&self, key: &str) -> i64 {
        self.of(b'v', 0, &[key])
    }

    /// The id of an event in the audit log.
    pub(crate) fn audited_id(&self, id: &str) -> i64 {
        self.of(b'w', 0, &[id])
    }

    pub(crate) fn url(&self, url: &str) -> i64 {
        self.of(b'l', 0, &[url])
    }

    /// What a logical reference points to: with a type, a resource of this type; with an empty one, of any.
    pub(crate) fn identifier(&self, of: &str, system: Option<&str>, value: &str) -> i64 {
        self.of(b'i', 0, &[of, system.unwrap_or(""), value])
    }

    /// The key of what has a logical reference by the parameter.
    pub(crate) fn logical(&self, param: ParamId) -> i64 {
        self.of(b'a', param.0, &[])
    }

    pub(crate) fn present(&self, param: ParamId) -> i64 {
        self.of(b'p', param.0, &[])
    }

    pub(crate) fn code(&self, param: ParamId, code: &str) -> i64 {
        self.of(b'c', param.0, &[code])
    }

    /// `system` is empty for a code without one.
    pub(crate) fn coding(&self, param: ParamId, system: &str, code: &str) -> i64 {
        self.of(b't', param.0, &[system, code])
    }

    pub(crate) fn system(&self, param: ParamId, system: &str) -> i64 {
        self.of(b's', param.0, &[system])
    }

    pub(crate) fn uri(&self, param: ParamId, uri: &str) -> i64 {
        self.of(b'u', param.0, &[uri])
    }

    pub(crate) fn exact(&self, text: &str) -> i64 {
        self.of(b'e', 0, &[text])
    }

    /// What stands for the folded text of a marked parameter.
    pub(crate) fn marked(&self, param: ParamId, folded: &str) -> String {
        format!("{:016x}", self.of(b'h', param.0, &[folded]))
    }

    /// What stands for a marked parameter's text as it is written: not what other parameters have for the same text, beside
    /// which it could be read.
    pub(crate) fn marked_exact(&self, param: ParamId, exact: i64) -> i64 {
        self.of(b'x', param.0, &[&exact.to_string()])
    }

    /// Slot of numbers in any unit.
    pub(crate) fn number(&self, param: ParamId) -> i64 {
        self.of(b'n', param.0, &[]) & !1
    }

    /// Slot of pairs of numbers.
    pub(crate) fn numbers(&self, param: ParamId) -> i64 {
        self.of(b'2', param.0, &[]) & !1
    }

    /// Slot of positions in a row of a map.
    pub(crate) fn places(&self, param: ParamId, row: Row) -> i64 {
        self.of(b'g', param.0, &[&format!("{row:?}")])
    }

    /// Slot of quantities in a coded unit.
    pub(crate) fn coded_unit(&self, param: ParamId, system: &str, code: &str) -> i64 {
        self.of(b'q', param.0, &[system, code]) & !1
    }

    /// Slot of quantities whose code or unit is this.
    pub(crate) fn named_unit(&self, param: ParamId, unit: &str) -> i64 {
        self.of(b'm', param.0, &[unit]) & !1
    }
}
