//! Events as bytes: what a row has, one event behind the other.

use super::AuditEntry;
use crate::rows::IndexHash;
use bytes::{Buf, Bytes};

/// An event as a row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// See [`super::AuditPlace`].
    pub(crate) place: i64,
    pub(crate) at: i64,
    pub(crate) id: String,
    /// Hashes of the keys it is found by, its id among them.
    pub(crate) keys: Vec<i64>,
    pub(crate) body: Bytes,
}

/// Appends an event to a row's bytes: numbers in little-endian order, a length before whatever has none of its own.
pub(crate) fn encode(out: &mut Vec<u8>, entry: &AuditEntry, place: i64, hash: &IndexHash) {
    let mut keys: Vec<i64> = entry.keys.iter().map(|it| hash.audited(it)).collect();
    keys.push(hash.audited_id(&entry.id));
    keys.sort_unstable();
    keys.dedup();
    out.extend(place.to_le_bytes());
    out.extend(entry.at.to_le_bytes());
    append(out, entry.id.as_bytes());
    out.extend((keys.len() as u32).to_le_bytes());
    keys.iter().for_each(|it| out.extend(it.to_le_bytes()));
    append(out, &entry.body);
}

/// Appends bytes with their length.
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

/// The events of a row; `None` if these bytes are none.
pub(crate) fn events(mut bytes: Bytes) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    while bytes.has_remaining() {
        let (place, at) = (bytes.try_get_i64_le().ok()?, bytes.try_get_i64_le().ok()?);
        let id = String::from_utf8(part(&mut bytes)?.into()).ok()?;
        let count = bytes.try_get_u32_le().ok()? as usize;
        // Never room for more than there can be.
        let mut keys = Vec::with_capacity(count.min(bytes.remaining() / size_of::<i64>()));
        for _ in 0..count {
            keys.push(bytes.try_get_i64_le().ok()?);
        }
        events.push(Event { place, at, id, keys, body: part(&mut bytes)? });
    }
    Some(events)
}

/// Takes bytes that have their length before them.
pub(super) fn part(bytes: &mut Bytes) -> Option<Bytes> {
    let length = bytes.try_get_u32_le().ok()? as usize;
    (length <= bytes.remaining()).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded() -> Vec<u8> {
        let mut out = Vec::new();
        for (id, place) in [("a", 1), ("b", 2)] {
            let keys = vec!["k".to_owned(), "k".to_owned(), "l".to_owned()];
            let entry = AuditEntry { id: id.into(), at: 7, keys, body: id.repeat(3).into() };
            encode(&mut out, &entry, place, &IndexHash::new(&[1; 16]));
        }
        out
    }

    #[test]
    fn events_come_back() {
        let found = events(encoded().into()).unwrap();
        let told: Vec<_> = found.iter().map(|it| (it.place, it.at, it.id.as_str(), it.keys.len())).collect();
        assert_eq!(told, [(1, 7, "a", 3), (2, 7, "b", 3)]);
        assert_eq!(found[1].body, "bbb");
        assert!(found[0].keys.is_sorted());
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let whole = encoded();
        let ends = (0..whole.len()).filter(|end| events(whole[..*end].to_vec().into()).is_some());
        assert_eq!(ends.collect::<Vec<_>>(), [0, whole.len() / 2]);
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        let mut wrong = encoded();
        wrong[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(events(wrong.into()), None);
    }
}
