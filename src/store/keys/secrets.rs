//! A tenant's keys, and how they are written down to be wrapped.

use super::Marks;
use crate::{Error, Result, Sealing};
use std::fmt;

/// Tells how the bytes are laid out.
const LAYOUT: u8 = 1;
/// The same with what is kept encrypted.
const WITH_SEALING: u8 = 2;
/// The same with what is marked.
const WITH_MARKS: u8 = 3;
/// The same with how often that was changed.
const WITH_EDITION: u8 = 4;

/// A tenant's keys, made at random when it is created.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Keys the hashes of the search index, so that nobody can craft values that collide.
    pub index_key: [u8; 16],
    /// Signs page links.
    pub page_key: [u8; 32],
    /// Private key that signs access tokens, PKCS #8 DER.
    pub token_key: Vec<u8>,
    /// Counts the changes of what follows: what was encrypted and marked by an earlier edition is refused where a later one is
    /// known ([`crate::CommitError::Outdated`]).
    pub edition: u32,
    /// What is kept encrypted is encrypted by the last of these; what was encrypted by an earlier one stays readable.
    pub data_keys: Vec<DataKey>,
    /// Which bodies are kept encrypted. It stands here so that whoever can write into the database cannot have more lie open.
    pub sealing: Sealing,
    /// Of which elements the search index has hashes only.
    pub marks: Marks,
}

/// A key by which a tenant's data is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey {
    /// Tells it from the tenant's others, also from those that were lost; a later one has a greater number.
    pub number: u32,
    /// The key.
    pub key: [u8; 32],
}

impl Secrets {
    /// Whether a body of this type is to be encrypted.
    pub(super) fn seals(&self, of: &str, body: &[u8]) -> bool {
        self.sealing.takes(of, body) || !body.is_empty() && self.marks.has_type(of)
    }

    /// As bytes, to be wrapped.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let many = || Error::Directory("a tenant has too many data keys");
        let count = u16::try_from(self.data_keys.len()).map_err(|_| many())?;
        let layout = self.layout();
        let mut bytes = vec![layout];
        bytes.extend(self.index_key);
        bytes.extend(self.page_key);
        if layout >= WITH_EDITION {
            bytes.extend(self.edition.to_be_bytes());
        }
        if layout >= WITH_SEALING {
            bytes.push(self.sealing.code());
        }
        if layout >= WITH_MARKS {
            let text = if self.marks.is_empty() { String::new() } else { self.marks.to_text() };
            let length = u32::try_from(text.len()).map_err(|_| Error::Directory("a tenant has too many marks"))?;
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend(count.to_be_bytes());
        for it in &self.data_keys {
            bytes.extend(it.number.to_be_bytes());
            bytes.extend(it.key);
        }
        bytes.extend(&self.token_key);
        Ok(bytes)
    }

    /// What says nothing of what came later is as a version wrote it that knew nothing of that.
    fn layout(&self) -> u8 {
        match (self.edition, self.sealing == Sealing::default(), self.marks.is_empty()) {
            (0, true, true) => LAYOUT,
            (0, false, true) => WITH_SEALING,
            (0, _, false) => WITH_MARKS,
            _ => WITH_EDITION,
        }
    }

    /// Of such bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Secrets> {
        Secrets::read(bytes).ok_or(Error::Directory("a tenant's keys are not laid out as this program knows"))
    }

    fn read(bytes: &[u8]) -> Option<Secrets> {
        let mut rest = bytes;
        let [layout] = take(&mut rest)?;
        let (index_key, page_key) = (take(&mut rest)?, take(&mut rest)?);
        let mut edition = 0;
        if layout >= WITH_EDITION {
            edition = u32::from_be_bytes(take(&mut rest)?);
        }
        let mut sealing = Sealing::default();
        if layout >= WITH_SEALING {
            let [code] = take(&mut rest)?;
            sealing = Sealing::of_code(code)?;
        }
        let mut marks = Marks::default();
        if layout >= WITH_MARKS {
            let length = u32::from_be_bytes(take(&mut rest)?);
            let (text, behind) = rest.split_at_checked(length as usize)?;
            rest = behind;
            if !text.is_empty() {
                marks = Marks::of_text(std::str::from_utf8(text).ok()?)?;
            }
        }
        let count = u16::from_be_bytes(take(&mut rest)?);
        let mut next = || Some(DataKey { number: u32::from_be_bytes(take(&mut rest)?), key: take(&mut rest)? });
        let data_keys: Vec<DataKey> = (0..count).map(|_| next()).collect::<Option<_>>()?;
        let rise = data_keys.iter().zip(data_keys.iter().skip(1)).all(|(one, next)| one.number < next.number);
        let token_key = rest.to_vec();
        let read = Secrets { index_key, page_key, token_key, edition, data_keys, sealing, marks };
        (rise && read.layout() == layout).then_some(read)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

/// Prints no secret.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// Tells the number, never the key.
impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets(numbers: &[u32]) -> Secrets {
        let data_keys = numbers.iter().map(|&number| DataKey { number, key: [number as u8; 32] }).collect();
        let token_key = vec![3; 138];
        let (sealing, marks) = <_>::default();
        Secrets { index_key: [1; 16], page_key: [2; 32], token_key, edition: 0, data_keys, sealing, marks }
    }

    #[test]
    fn what_is_written_is_read() {
        for numbers in [&[][..], &[1], &[1, 2, 300]] {
            for sealing in Sealing::ALL {
                for (elements, edition) in [(Vec::new(), 0), (vec!["Patient.address".to_owned()], 0), (Vec::new(), 7)] {
                    let marks = Marks { elements, ..Marks::default() };
                    let written = Secrets { edition, sealing, marks, ..secrets(numbers) };
                    assert_eq!(Secrets::from_bytes(&written.to_bytes().unwrap()).unwrap(), written);
                }
            }
        }
    }

    #[test]
    fn data_keys_that_do_not_rise_are_refused() {
        assert!(Secrets::from_bytes(&secrets(&[2, 1]).to_bytes().unwrap()).is_err());
        assert!(Secrets::from_bytes(&secrets(&[1, 1]).to_bytes().unwrap()).is_err());
    }

    proptest! {
        /// What is read from any bytes is written as just these.
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), known in 0..5u8) {
            if let (true, Some(first)) = (known > 0, bytes.first_mut()) {
                *first = known;
            }
            if let Ok(read) = Secrets::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes().unwrap(), bytes);
            }
        }
    }
}
