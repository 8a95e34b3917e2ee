//! A tenant's keys, and how they are written down to be wrapped.

use crate::{Error, Result};
use std::fmt;

/// Tells how the bytes are laid out.
const LAYOUT: u8 = 1;

/// A tenant's keys, made at random when it is created.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Keys the hashes of the search index, so that nobody can craft values that collide.
    pub index_key: [u8; 16],
    /// Signs page links.
    pub page_key: [u8; 32],
    /// Private key that signs access tokens, PKCS #8 DER.
    pub token_key: Vec<u8>,
    /// What is kept encrypted is encrypted by the last of these; what was encrypted by an earlier one stays readable.
    pub data_keys: Vec<DataKey>,
}

/// A key by which a tenant's data is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey {
    /// Tells it from the tenant's others; a later one has a greater number.
    pub number: u32,
    /// The key.
    pub key: [u8; 32],
}

impl Secrets {
    /// As bytes, to be wrapped.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let many = || Error::Directory("a tenant has too many data keys");
        let count = u16::try_from(self.data_keys.len()).map_err(|_| many())?;
        let mut bytes = vec![LAYOUT];
        bytes.extend(self.index_key);
        bytes.extend(self.page_key);
        bytes.extend(count.to_be_bytes());
        for it in &self.data_keys {
            bytes.extend(it.number.to_be_bytes());
            bytes.extend(it.key);
        }
        bytes.extend(&self.token_key);
        Ok(bytes)
    }

    /// Of such bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Secrets> {
        Secrets::read(bytes).ok_or(Error::Directory("a tenant's keys are not laid out as this program knows"))
    }

    fn read(bytes: &[u8]) -> Option<Secrets> {
        let mut rest = bytes;
        if take::<1>(&mut rest)? != [LAYOUT] {
            return None;
        }
        let (index_key, page_key) = (take(&mut rest)?, take(&mut rest)?);
        let count = u16::from_be_bytes(take(&mut rest)?);
        let mut next = || Some(DataKey { number: u32::from_be_bytes(take(&mut rest)?), key: take(&mut rest)? });
        let data_keys: Vec<DataKey> = (0..count).map(|_| next()).collect::<Option<_>>()?;
        let rise = data_keys.iter().zip(data_keys.iter().skip(1)).all(|(one, next)| one.number < next.number);
        rise.then(|| Secrets { index_key, page_key, token_key: rest.to_vec(), data_keys })
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
        Secrets { index_key: [1; 16], page_key: [2; 32], token_key: vec![3; 138], data_keys }
    }

    #[test]
    fn what_is_written_is_read() {
        for numbers in [&[][..], &[1], &[1, 2, 300]] {
            let written = secrets(numbers);
            assert_eq!(Secrets::from_bytes(&written.to_bytes().unwrap()).unwrap(), written);
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
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), is_known: bool) {
            if let (true, Some(first)) = (is_known, bytes.first_mut()) {
                *first = LAYOUT;
            }
            if let Ok(read) = Secrets::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes().unwrap(), bytes);
            }
        }
    }
}
