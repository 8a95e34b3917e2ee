//! Bodies of versions, each encrypted by a key of its own (see [`mod@super::seal`]) and bound to its place: what is put in the place of
//! another, or of another version, is not opened.
//!
//! The time is written into a body when it is committed, later than the body is encrypted, so that writers need not wait
//! for that. It stands beside the body (`resource.updated`), and is written in again when the body is opened.

use super::seal::{self, HEAD, Sealed};
use super::{DataKey, Random};
use crate::{Error, Key, Result};
use bytes::{Bytes, BytesMut};

/// The first byte, which no JSON begins with.
const MARK: u8 = 2;
/// Bytes before what is encrypted: the mark, and the place of the time.
const FRONT: usize = 1 + PLACE;
/// Bytes of the place of the time.
const PLACE: usize = 4;
/// The place where there is none, as the time stands in the body.
const NOWHERE: u32 = u32::MAX;

/// What a body is of.
pub(crate) struct Version<'a> {
    pub(crate) key: &'a Key,
    pub(crate) version: i64,
    /// When it was written, in milliseconds since the epoch.
    pub(crate) updated: i64,
    /// The number of the resource's row, which names it in logs: ids may tell of people.
    pub(crate) rid: i64,
}

impl Version<'_> {
    pub(super) fn damaged(&self) -> Error {
        Error::Damaged { of: self.key.of.clone(), rid: self.rid, version: self.version }
    }
}

/// What a version's body is bound to.
fn about(tenant: &str, key: &Key, version: i64, place: [u8; PLACE]) -> Vec<u8> {
    let mut about = ["medisync body", tenant, &key.of, &key.id].join("\0").into_bytes();
    about.push(0);
    about.extend(version.to_be_bytes());
    about.extend(place);
    about
}

/// Whether a body is kept as it is served: JSON, or nothing of a deletion. What is neither is encrypted, or damaged.
pub(super) fn is_plain(kept: &[u8]) -> bool {
    matches!(kept.first(), None | Some(b'{'))
}

/// The number of the data key that a body is encrypted by.
pub(super) fn number(kept: &[u8]) -> Option<u32> {
    Some(Sealed::parse(kept.get(FRONT..)?)?.number)
}

/// Encrypts a body, into which the time is to be written at `stamp`.
pub(super) fn seal(
    data_key: &DataKey,
    random: Random,
    (tenant, key, version): (&str, &Key, i64),
    body: &[u8],
    stamp: Option<usize>,
) -> Result<Vec<u8>> {
    let place = match stamp {
        None => NOWHERE,
        Some(at) => u32::try_from(at).ok().filter(|it| *it != NOWHERE).ok_or(Error::TooLarge)?,
    };
    let place = place.to_be_bytes();
    let mut sealed = Vec::with_capacity(FRONT + HEAD + body.len() + ring::aead::AES_256_GCM.tag_len());
    sealed.push(MARK);
    sealed.extend(place);
    seal::seal_onto(&mut sealed, data_key, random, &about(tenant, key, version, place), body)?;
    Ok(sealed)
}

/// The body as it is served, where it is kept: nothing is copied unless others have it as well.
pub(super) fn open(data_key: &DataKey, tenant: &str, of: &Version<'_>, kept: Bytes) -> Result<Bytes> {
    let mut kept = kept.try_into_mut().unwrap_or_else(|it| BytesMut::from(&*it));
    let (&[mark], rest) = kept.split_first_chunk().ok_or_else(|| of.damaged())?;
    let place = rest.first_chunk().copied().filter(|_| mark == MARK).ok_or_else(|| of.damaged())?;
    let way = kept.get(FRONT..).and_then(Sealed::parse).map(|it| it.way(data_key)).ok_or_else(|| of.damaged())?;
    let mut body = kept.split_off(FRONT + HEAD);
    let opened = way.open(&about(tenant, of.key, of.version, place), &mut body);
    body.truncate(opened.map_err(|_| of.damaged())?);
    if let Some(at) = Some(u32::from_be_bytes(place)).filter(|it| *it != NOWHERE) {
        let stamp = fhir::primitive::datetime::instant(of.updated * 1000);
        let at = at as usize;
        let place = body.get_mut(at..at.saturating_add(stamp.len())).ok_or_else(|| of.damaged())?;
        place.copy_from_slice(stamp.as_bytes());
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::aead::KEY;
    use crate::keys::tests::random;
    use proptest::prelude::*;

    const DATA_KEY: DataKey = DataKey { number: 7, key: [7; KEY] };
    const BODY: &str = r#"{"meta":{"lastUpdated":"0000-00-00T00:00:00.000Z"},"id":"1"}"#;

    fn sealed(key: &Key, stamp: Option<usize>) -> Vec<u8> {
        seal(&DATA_KEY, random, ("north", key, 3), BODY.as_bytes(), stamp).unwrap()
    }

    fn opened(tenant: &str, key: &Key, version: i64, kept: &[u8]) -> Option<String> {
        let of = Version { key, version, updated: 1_790_000_000_123, rid: 5 };
        let body = open(&DATA_KEY, tenant, &of, Bytes::copy_from_slice(kept)).ok()?;
        Some(String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_body_is_opened_in_its_place_with_its_time() {
        let key = Key::new("Patient", "1");
        let stamp = BODY.find("0000");
        let kept = sealed(&key, stamp);
        assert!(!is_plain(&kept) && number(&kept) == Some(7));
        let served = BODY.replace("0000-00-00T00:00:00.000Z", "2026-09-21T14:13:20.123Z");
        assert_eq!(opened("north", &key, 3, &kept), Some(served));
        assert_eq!(opened("north", &key, 3, &sealed(&key, None)).as_deref(), Some(BODY));
    }

    #[test]
    fn elsewhere_it_is_not_opened() {
        let key = Key::new("Patient", "1");
        let kept = sealed(&key, None);
        assert_eq!(opened("south", &key, 3, &kept), None);
        assert_eq!(opened("north", &key, 2, &kept), None);
        assert_eq!(opened("north", &Key::new("Patient", "2"), 3, &kept), None);
        assert_eq!(opened("north", &Key::new("Person", "1"), 3, &kept), None);
    }

    #[test]
    fn what_is_told_of_damage_names_no_id() {
        let key = Key::new("Patient", "4711");
        let told = Version { key: &key, version: 3, updated: 0, rid: 5 }.damaged();
        assert!(told.to_string().contains("Patient (rid 5)") && !told.to_string().contains("4711"), "{told}");
        let failure = fhir::Failure::from(told);
        assert_eq!(failure.status, 500);
        assert!(failure.issues[0].diagnostics.contains("damaged"), "{failure}");
    }

    proptest! {
        #[test]
        fn what_was_changed_is_not_opened(at: prop::sample::Index, bit in 0..8u8) {
            let key = Key::new("Patient", "1");
            let mut kept = sealed(&key, None);
            let at = at.index(kept.len());
            kept[at] ^= 1 << bit;
            prop_assert!(!is_plain(&kept));
            // The number only tells which key to take.
            let is_number = (FRONT + 1..FRONT + 5).contains(&at);
            prop_assert!(is_number || opened("north", &key, 3, &kept).is_none());
        }

        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert_eq!(opened("north", &Key::new("Patient", "1"), 3, &bytes), None);
        }
    }
}
