//! Encrypting anew what is kept of a tenant: by its last data key what another one encrypted, or none.

use super::Sealer;
use crate::Result;
use async_trait::async_trait;

/// Entries that are looked at together.
const LOT: i64 = 200;

/// An entry of the ledger as it is kept.
pub(crate) struct Raw {
    /// Its kind.
    pub(crate) kind: String,
    /// Its key.
    pub(crate) key: String,
    /// Its value, encrypted or not.
    pub(crate) value: String,
}

/// A tenant's ledger as it is kept.
#[async_trait]
pub(crate) trait RawLedger: Send {
    /// The entries behind one of this kind and key, in their order.
    async fn page(&mut self, kind: &str, key: &str, limit: i64) -> Result<Vec<Raw>>;
    /// Puts values in place of others, all that are still there; the entries' versions stay.
    async fn exchange(&mut self, changes: &[(Raw, String)]) -> Result<()>;
}

/// Encrypts all entries by the last data key, and tells how many were changed so far; who writes meanwhile does so by that key.
pub(crate) async fn reseal(
    sealer: &Sealer,
    ledger: &mut dyn RawLedger,
    told: &(dyn Fn(usize) + Send + Sync),
) -> Result<usize> {
    let (mut kind, mut key) = (String::new(), String::new());
    let mut done = 0;
    loop {
        let page = ledger.page(&kind, &key, LOT).await?;
        let Some(last) = page.last() else { return Ok(done) };
        (kind, key) = (last.kind.clone(), last.key.clone());
        let mut changes = Vec::new();
        for raw in page {
            if let Some(value) = sealer.resealed(&raw.kind, &raw.key, &raw.value).await? {
                changes.push((raw, value));
            }
        }
        if !changes.is_empty() {
            ledger.exchange(&changes).await?;
            done += changes.len();
            told(done);
        }
    }
}
