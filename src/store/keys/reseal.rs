//! Encrypting anew what is kept of a tenant: by its last data key what another one encrypted, or none.

use super::Sealer;
use super::body::Version;
use crate::{Key, Result};
use async_trait::async_trait;
use bytes::Bytes;

/// Entries that are looked at together.
const LOT: i64 = 200;
/// Bodies that are, which may be large.
const BODIES: i64 = 50;

/// An entry of the ledger as it is kept.
pub(crate) struct Raw {
    /// Its kind.
    pub(crate) kind: String,
    /// Its key.
    pub(crate) key: String,
    /// Its value, encrypted or not.
    pub(crate) value: String,
}

/// A version's body as it is kept.
pub(crate) struct RawBody {
    /// Whose.
    pub(crate) key: Key,
    /// The number of the resource's row.
    pub(crate) rid: i64,
    /// The hash that the row is found by.
    pub(crate) rkey: i64,
    /// Which version.
    pub(crate) version: i64,
    /// When it was written, in milliseconds since the epoch.
    pub(crate) updated: i64,
    /// The body, encrypted or not; empty of a deletion.
    pub(crate) body: Vec<u8>,
}

impl RawBody {
    /// What it is of.
    pub(crate) fn version(&self) -> Version<'_> {
        Version { key: &self.key, version: self.version, updated: self.updated, rid: self.rid }
    }
}

/// What is kept of a tenant, as it is kept.
#[async_trait]
pub(crate) trait RawRecords: Send {
    /// The entries of the ledger behind one of this kind and key, in their order.
    async fn page(&mut self, kind: &str, key: &str, limit: i64) -> Result<Vec<Raw>>;
    /// Puts values in place of others, all that are still there; the entries' versions stay.
    async fn exchange(&mut self, changes: &[(Raw, String)]) -> Result<()>;
    /// The versions behind one, in their order, the current ones among them.
    async fn bodies(&mut self, rid: i64, version: i64, limit: i64) -> Result<Vec<RawBody>>;
    /// Puts bodies in place of others, wherever these are by then: a version that was current may have a successor.
    async fn exchange_bodies(&mut self, changes: &[(RawBody, Vec<u8>)]) -> Result<()>;
}

/// Encrypts all that is to be by the last data key, and tells how much was changed so far; who writes meanwhile does so by that
/// key.
pub(crate) async fn reseal(
    sealer: &Sealer,
    records: &mut dyn RawRecords,
    told: &(dyn Fn(usize) + Send + Sync),
) -> Result<usize> {
    sealer.refresh().await?;
    let mut done = reseal_ledger(sealer, records, told).await?;
    // Who supersedes a version meanwhile may put it into the history as it was: a pass that finds nothing more is the last.
    loop {
        let bodies = reseal_bodies(sealer, records, &|bodies| told(done + bodies)).await?;
        done += bodies;
        if bodies == 0 {
            return Ok(done);
        }
    }
}

async fn reseal_ledger(
    sealer: &Sealer,
    ledger: &mut dyn RawRecords,
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

async fn reseal_bodies(
    sealer: &Sealer,
    records: &mut dyn RawRecords,
    told: &(dyn Fn(usize) + Send + Sync),
) -> Result<usize> {
    let (mut rid, mut version) = (i64::MIN, 0);
    let mut done = 0;
    loop {
        let page = records.bodies(rid, version, BODIES).await?;
        let Some(last) = page.last() else { return Ok(done) };
        (rid, version) = (last.rid, last.version);
        let mut changes = Vec::new();
        for raw in page {
            let kept = Bytes::copy_from_slice(&raw.body);
            if let Some(body) = sealer.resealed_body(&raw.version(), kept).await? {
                changes.push((raw, body));
            }
        }
        if !changes.is_empty() {
            // In the order in which all take rows who write several.
            changes.sort_unstable_by_key(|(raw, _)| raw.rkey);
            records.exchange_bodies(&changes).await?;
            done += changes.len();
            told(done);
        }
    }
}
