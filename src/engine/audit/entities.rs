//! What an event touched, in few bytes: a search touches as many resources as it has on a page.

use bytes::{Buf, BufMut};
use minicbor::{Decode, Encode};
use std::fmt::Write;

/// What the types of another tenant's resources begin with: its name follows, and `/`.
pub(super) const ELSEWHERE: &str = "tenant:";
/// The length that stands for a UUID in lower case, of which sixteen bytes are kept: all other ids are shorter than this.
const UUID: u8 = 0xff;
/// The type that stands for a text that is no address.
const TEXT: u8 = 0xff;

/// What an event touched, one behind the other: the number of the type, the id, the version (0 if none was), and of which patients it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Entities {
    #[n(0)]
    types: Vec<String>,
    #[cbor(n(1), with = "minicbor::bytes")]
    bytes: Vec<u8>,
}

/// A resource that was touched: `Type/id`, perhaps with the version, or what else a security event is about; and whose
/// it is, by numbers of the event's patients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) what: String,
    pub(super) owners: Vec<u32>,
}

impl Entities {
    /// Adds a resource, with the version unless that is 0.
    pub(super) fn add(&mut self, of: &str, id: &str, version: i64, owners: &[u32]) {
        let known = self.types.iter().position(|it| it == of);
        let number = known.unwrap_or_else(|| {
            self.types.push(of.to_owned());
            self.types.len() - 1
        });
        let Some(number) = u8::try_from(number).ok().filter(|it| *it != TEXT) else {
            return self.add_text(&if version == 0 {
                format!("{of}/{id}")
            } else {
                format!("{of}/{id}/_history/{version}")
            });
        };
        self.bytes.reserve(32);
        self.bytes.push(number);
        match (uuid(id), u8::try_from(id.len())) {
            (Some(uuid), _) => {
                self.bytes.push(UUID);
                self.bytes.put_u128(uuid);
            }
            (None, length) => {
                // Ids are no longer than 64 characters (datatypes.html#id).
                let end = id.floor_char_boundary(usize::from(length.unwrap_or(UUID).min(UUID - 1)));
                self.bytes.push(end as u8);
                self.bytes.put_slice(id.as_bytes().get(..end).unwrap_or_default());
            }
        }
        self.put_number(version.unsigned_abs());
        self.put_number(owners.len() as u64);
        owners.iter().for_each(|it| self.put_number(u64::from(*it)));
    }

    /// How many bytes they have.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Adds what is no resource.
    pub(super) fn add_text(&mut self, what: &str) {
        self.bytes.push(TEXT);
        self.put_number(what.len() as u64);
        self.bytes.put_slice(what.as_bytes());
    }

    /// Them all, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entity> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || self.take(&mut rest))
    }

    /// Those that are of no patient.
    pub(super) fn of_nobody(&self) -> impl Iterator<Item = Entity> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            loop {
                let mut entity = rest;
                if !self.skip(&mut rest)? {
                    return self.take(&mut entity);
                }
            }
        })
    }

    /// Passes one by; whether it is a patient's.
    fn skip(&self, bytes: &mut &[u8]) -> Option<bool> {
        if bytes.try_get_u8().ok()? == TEXT {
            let length = usize::try_from(number(bytes)?).ok()?;
            bytes.split_off(..length)?;
            return Some(false);
        }
        let length = match bytes.try_get_u8().ok()? {
            UUID => size_of::<u128>(),
            length => usize::from(length),
        };
        bytes.split_off(..length)?;
        number(bytes)?;
        let owners = number(bytes)?;
        for _ in 0..owners {
            number(bytes)?;
        }
        Some(owners > 0)
    }

    /// Seven bits a byte, the lowest first; the last one has no eighth bit.
    fn put_number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn take(&self, bytes: &mut &[u8]) -> Option<Entity> {
        let of = bytes.try_get_u8().ok()?;
        if of == TEXT {
            let length = usize::try_from(number(bytes)?).ok()?;
            let what = std::str::from_utf8(bytes.split_off(..length)?).ok()?.to_owned();
            return Some(Entity { what, owners: Vec::new() });
        }
        let mut what = format!("{}/", self.types.get(usize::from(of))?);
        match bytes.try_get_u8().ok()? {
            UUID => push_uuid(&mut what, bytes.try_get_u128().ok()?),
            length => what.push_str(std::str::from_utf8(bytes.split_off(..usize::from(length))?).ok()?),
        }
        let version = number(bytes)?;
        if version != 0 {
            write!(what, "/_history/{version}").ok()?;
        }
        let owners = (0..number(bytes)?).map(|_| u32::try_from(number(bytes)?).ok()).collect::<Option<_>>()?;
        Some(Entity { what, owners })
    }
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes.try_get_u8().ok()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

/// The number of a UUID that is written as [`push_uuid`] writes it.
fn uuid(text: &str) -> Option<u128> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let (mut digits, mut rest) = ([0; 32], &bytes[..]);
    for (from, until) in PARTS {
        let (part, behind) = rest.split_at_checked(until - from)?;
        digits.get_mut(from..until)?.copy_from_slice(part);
        rest = if until == digits.len() { behind } else { behind.strip_prefix(b"-")? };
    }
    let mut number = [0; 16];
    for (byte, pair) in number.iter_mut().zip(digits.as_chunks().0) {
        let [high, low] = pair.map(|it: u8| digit(it));
        *byte = high? << 4 | low?;
    }
    Some(u128::from_be_bytes(number))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Which digits of a UUID stand together.
const PARTS: [(usize, usize); 5] = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];

/// RFC 9562 section 4.
fn push_uuid(text: &mut String, uuid: u128) {
    let digits = format!("{uuid:032x}");
    for (from, until) in PARTS {
        text.push_str(if from == 0 { "" } else { "-" });
        text.push_str(digits.get(from..until).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_touched_comes_back() {
        let (uuid, upper) = ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F");
        let long = "x".repeat(64);
        let mut entities = Entities::default();
        for id in [uuid, upper, "a", "", &long, "017f22e2-79b0-7cc3-98c4-dc0c0c07398"] {
            for version in [0, 1, 127, 128, 300_000] {
                entities.add("Observation", id, version, &[0, 200]);
                entities.add("Patient", id, version, &[]);
            }
        }
        entities.add_text("meredith é");
        let kept: Entities = minicbor::decode(&minicbor::to_vec(&entities).unwrap()).unwrap();
        assert_eq!(kept, entities);
        let all: Vec<Entity> = kept.iter().collect();
        assert_eq!(all.len(), 61);
        assert_eq!(all[0], Entity { what: format!("Observation/{uuid}"), owners: vec![0, 200] });
        assert_eq!(all[9], Entity { what: format!("Patient/{uuid}/_history/300000"), owners: Vec::new() });
        assert_eq!(all[12].what, format!("Observation/{upper}/_history/1"));
        assert_eq!(all[42].what, format!("Observation/{long}/_history/1"));
        assert_eq!(all[60].what, "meredith é");
        let of_nobody: Vec<Entity> = all.into_iter().filter(|it| it.owners.is_empty()).collect();
        assert_eq!(kept.of_nobody().collect::<Vec<_>>(), of_nobody);
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let mut entities = Entities::default();
        entities.add("Observation", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 300, &[5]);
        for end in 0..entities.bytes.len() {
            let cut = Entities { types: entities.types.clone(), bytes: entities.bytes[..end].to_vec() };
            assert_eq!(cut.iter().count(), 0, "{end}");
        }
    }

    #[test]
    fn more_types_than_have_numbers_are_kept_as_texts() {
        let mut entities = Entities::default();
        (0..300).for_each(|i| entities.add(&format!("T{i}"), "1", 2, &[]));
        assert_eq!(entities.iter().map(|it| it.what).last(), Some("T299/1/_history/2".to_owned()));
        assert_eq!(entities.iter().count(), 300);
    }
}
