//! The only place that makes randomness (clippy.toml keeps it so): the operating system's, fit for keys.

use anyhow::{Result, anyhow};

/// Bytes that nobody can guess.
#[allow(clippy::disallowed_methods)]
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|cause| anyhow!("the system gives no random numbers: {cause}"))?;
    Ok(bytes)
}
