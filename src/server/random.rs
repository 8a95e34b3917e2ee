//! The only place that makes randomness (clippy.toml keeps it so): the operating system's, fit for keys; and for ids, of which
//! every event has one, ChaCha's, that the system seeds.

use anyhow::{Result, anyhow};
use rand::Rng;

/// Bytes that nobody can guess.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes).map_err(|cause| anyhow!("the system gives no random numbers: {cause}"))?;
    Ok(bytes)
}

/// Fills these bytes with ones that nobody can guess.
#[allow(clippy::disallowed_methods)]
pub fn fill(bytes: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(bytes).map_err(std::io::Error::other)
}

/// A new logical id: a random UUID (RFC 9562 section 5.4). A call of the system for each would cost more than the rest of it.
pub fn id() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_uuids() {
        let (one, other) = (id(), id());
        assert_ne!(one, other);
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&one.as_bytes()[19]));
    }
}
