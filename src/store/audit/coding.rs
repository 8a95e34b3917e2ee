//! Events as bytes: what a row has, one event behind the other.

use super::AuditEntry;
use crate::rows::IndexHash;
use bytes::{Buf, Bytes};

/// An event as a row has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event<'b> {
    /// See [`super::AuditPlace`].
    pub(crate) place: i64,
    pub(crate) at: i64,
    pub(crate) id: &'b str,
    keys: &'b [u8],
    pub(crate) body: &'b [u8],
    /// All of it.
    pub(super) bytes: &'b [u8],
}

impl<'b> Event<'b> {
    /// Hashes of the keys it is found by, sorted.
    pub(crate) fn keys(&self) -> impl Iterator<Item = i64> + use<'b> {
        let (keys, _) = self.keys.as_chunks();
        keys.iter().map(|it| i64::from_le_bytes(*it))
    }

    /// Whether it has a key.
    pub(crate) fn has(&self, key: i64) -> bool {
        let (keys, _) = self.keys.as_chunks();
        keys.binary_search_by_key(&key, |it| i64::from_le_bytes(*it)).is_ok()
    }
}

/// Appends an event to a row's bytes: numbers in little-endian order, a length before whatever has none of its own. What an id
/// that tells the event's time is looked for by is the time; others have a key.
pub(crate) fn encode(out: &mut Vec<u8>, entry: &AuditEntry, place: i64, hash: &IndexHash) {
    let mut keys: Vec<i64> = entry.keys.iter().map(|it| hash.audited(it)).collect();
    if time_of(&entry.id) != Some(entry.at) {
        keys.push(hash.audited_id(&entry.id));
    }
    keys.sort_unstable();
    keys.dedup();
    out.extend(place.to_le_bytes());
    out.extend(entry.at.to_le_bytes());
    append(out, entry.id.as_bytes());
    out.extend((keys.len() as u32).to_le_bytes());
    keys.iter().for_each(|it| out.extend(it.to_le_bytes()));
    append(out, &entry.body);
}

/// The milliseconds since the epoch that an id begins with which is a UUID of version 7 (RFC 9562 section 5.7).
pub(crate) fn time_of(id: &str) -> Option<i64> {
    let (high, rest) = id.split_at_checked(8)?;
    let (low, rest) = rest.strip_prefix('-')?.split_at_checked(4)?;
    let number = |digits| i64::from_str_radix(digits, 16).ok();
    (id.len() == 36 && rest.starts_with("-7")).then(|| Some(number(high)? << 16 | number(low)?))?
}

/// Appends bytes with their length.
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

/// The events of a row; `None` if these bytes are none.
pub(crate) fn events(bytes: &[u8]) -> Option<Vec<Event<'_>>> {
    Events(bytes).collect()
}

/// One event after the other; `None` where one should begin, and none does.
pub(crate) struct Events<'b>(pub(crate) &'b [u8]);

impl<'b> Iterator for Events<'b> {
    type Item = Option<Event<'b>>;

    fn next(&mut self) -> Option<Option<Event<'b>>> {
        let all = self.0;
        if all.is_empty() {
            return None;
        }
        let event = event(&mut self.0).map(|it| Event { bytes: &all[..all.len() - self.0.len()], ..it });
        if event.is_none() {
            self.0 = &[];
        }
        Some(event)
    }
}

/// Takes an event.
fn event<'b>(bytes: &mut &'b [u8]) -> Option<Event<'b>> {
    let (place, at) = (bytes.try_get_i64_le().ok()?, bytes.try_get_i64_le().ok()?);
    let id = std::str::from_utf8(slice(bytes, 1)?).ok()?;
    let keys = slice(bytes, size_of::<i64>())?;
    Some(Event { place, at, id, keys, body: slice(bytes, 1)?, bytes: &[] })
}

/// Takes as many things of a size as the number before them says.
fn slice<'b>(bytes: &mut &'b [u8], size: usize) -> Option<&'b [u8]> {
    let length = (bytes.try_get_u32_le().ok()? as usize).checked_mul(size)?;
    bytes.split_off(..length)
}

/// Takes bytes that have their length before them.
pub(super) fn part(bytes: &mut Bytes) -> Option<Bytes> {
    let length = bytes.try_get_u32_le().ok()? as usize;
    (length <= bytes.remaining()).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9562, appendix A.6.
    const TELLING: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

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
        let bytes = encoded();
        let found = events(&bytes).unwrap();
        let told: Vec<_> = found.iter().map(|it| (it.place, it.at, it.id, it.keys().count())).collect();
        assert_eq!(told, [(1, 7, "a", 3), (2, 7, "b", 3)]);
        assert_eq!(found[1].body, b"bbb");
        assert!(found[0].keys().is_sorted());
        assert!(found[0].keys().all(|it| found[0].has(it)) && !found[0].has(0));
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let whole = encoded();
        let ends = (0..whole.len()).filter(|end| events(&whole[..*end]).is_some());
        assert_eq!(ends.collect::<Vec<_>>(), [0, whole.len() / 2]);
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        let mut wrong = encoded();
        wrong[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(events(&wrong), None);
    }

    #[test]
    fn an_id_that_tells_its_time_needs_no_key() {
        assert_eq!(time_of(TELLING), Some(0x017f_22e2_79b0));
        for other in
            ["", "a", "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", &TELLING[..35], "017f22e2+79b0-7cc3-98c4-dc0c0c07398f"]
        {
            assert_eq!(time_of(other), None, "{other}");
        }
        let keys_at = |at| {
            let (mut out, keys) = (Vec::new(), vec!["k".to_owned()]);
            let entry = AuditEntry { id: TELLING.into(), at, keys, body: Vec::new() };
            encode(&mut out, &entry, 1, &IndexHash::new(&[1; 16]));
            events(&out).unwrap()[0].keys().count()
        };
        assert_eq!((keys_at(0x017f_22e2_79b0), keys_at(0)), (1, 2));
    }
}
