//! Recovery codes: each lets a user in once who has lost the other factors (NIST SP 800-63B section 5.1.2, look-up secrets).

use super::totp::base32;
use crate::auth::secret;
use crate::random;
use fhir::{Failure, Result};

/// How many a user gets.
pub const COUNT: usize = 10;

/// New codes, and what is kept of them.
pub fn new(key: &[u8], account: &str) -> Result<(Vec<String>, Vec<String>)> {
    let codes = (0..COUNT).map(|_| one()).collect::<Result<Vec<_>>>()?;
    let hashes = codes.iter().map(|it| hash(key, account, it)).collect();
    Ok((codes, hashes))
}

/// Eighty bits that nobody can guess, in four groups for the eye.
fn one() -> Result<String> {
    let bytes = random::bytes::<10>().map_err(|cause| Failure::internal(format!("{cause:#}")))?;
    let letters = base32(&bytes).to_lowercase();
    let groups: Vec<String> = letters.as_bytes().chunks(4).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    Ok(groups.join("-"))
}

/// Takes the code away that was given, if it is one of these; tells whether it was.
pub fn take(key: &[u8], account: &str, given: &str, kept: &mut Vec<String>) -> bool {
    let before = kept.len();
    let given = hash(key, account, given);
    kept.retain(|it| *it != given);
    kept.len() < before
}

fn hash(key: &[u8], account: &str, code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    secret::derived(key, &format!("recovery code of {account}: {}", plain.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_for_one_user() {
        let (codes, mut kept) = new(b"key", "ana").unwrap();
        assert_eq!((codes.len(), kept.len(), codes[0].len()), (COUNT, COUNT, 19));
        assert!(!take(b"key", "bo", &codes[0], &mut kept) && !take(b"other", "ana", &codes[0], &mut kept));
        assert!(take(b"key", "ana", &format!(" {} ", codes[0].to_uppercase().replace('-', "")), &mut kept));
        assert!(!take(b"key", "ana", &codes[0], &mut kept) && !take(b"key", "ana", "", &mut kept));
        assert_eq!(kept.len(), COUNT - 1);
    }
}
