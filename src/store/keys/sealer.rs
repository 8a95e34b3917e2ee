//! Keeps the ledger's values encrypted by the tenant's data keys.

use super::seal::{Sealed, seal};
use super::{DataKey, Keeper, Secrets, Shelf};
use crate::{Error, LedgerChange, LedgerEntry, LedgerStep, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::sync::Arc;

/// Begins an encrypted value: no JSON does.
const MARK: char = '~';

/// Encrypts and decrypts what is kept of one tenant.
#[derive(Clone)]
pub(crate) struct Sealer {
    /// The tenant's name.
    pub(crate) name: Arc<str>,
    pub(crate) keeper: Arc<Keeper>,
    /// Where the keys stand, which others may change.
    pub(crate) shelf: Arc<dyn Shelf>,
    pub(crate) clock: fn() -> i64,
}

impl Sealer {
    /// The tenant's keys as they were a moment ago.
    async fn secrets(&self) -> Result<Arc<Secrets>> {
        self.keeper.recent(&*self.shelf, &self.name, (self.clock)()).await
    }

    /// The keys, with this data key among them.
    async fn with_key(&self, number: u32) -> Result<DataKey> {
        let find = |secrets: &Secrets| secrets.data_keys.iter().find(|it| it.number == number).cloned();
        // Keys do not change: the directory, which may be away, is asked for those only that are not known.
        if let Some(key) = self.keeper.remembered(&self.name).as_deref().and_then(find) {
            return Ok(key);
        }
        // Another node may have made it a moment ago.
        let latest = self.keeper.latest(&*self.shelf, &self.name, (self.clock)()).await?;
        find(&latest).ok_or(Error::Sealed)
    }

    /// What a value is bound to.
    fn about(&self, kind: &str, key: &str) -> Vec<u8> {
        ["medisync ledger", &*self.name, kind, key].join("\0").into_bytes()
    }

    /// Encrypts the values of changes.
    pub(crate) async fn seal_changes(&self, changes: &mut [LedgerChange]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let secrets = self.secrets().await?;
        let Some(last) = secrets.data_keys.last() else { return Ok(()) };
        for change in changes {
            let about = self.about(change.kind, &change.key);
            match &mut change.step {
                LedgerStep::Insert { value, .. } | LedgerStep::Replace { value, .. } => {
                    *value = self.sealed(last, &about, value)?;
                }
                LedgerStep::Delete { .. } => {}
            }
        }
        Ok(())
    }

    fn sealed(&self, key: &DataKey, about: &[u8], value: &str) -> Result<String> {
        let sealed = seal(key, self.keeper.random(), about, value.as_bytes())?;
        Ok(format!("{MARK}{}", STANDARD_NO_PAD.encode(sealed)))
    }

    /// Decrypts entries; those that an earlier version wrote are as they are.
    pub(crate) async fn open_all(&self, kind: &str, mut entries: Vec<LedgerEntry>) -> Result<Vec<LedgerEntry>> {
        for entry in &mut entries {
            if let Some((_, opened)) = self.opened(kind, &entry.key, &entry.value).await? {
                entry.value = opened;
            }
        }
        Ok(entries)
    }

    /// Decrypts an entry.
    pub(crate) async fn open(&self, kind: &str, entry: Option<LedgerEntry>) -> Result<Option<LedgerEntry>> {
        Ok(self.open_all(kind, entry.into_iter().collect()).await?.pop())
    }

    /// An encrypted value, and the number of its data key; `None` for one that is not encrypted.
    async fn opened(&self, kind: &str, key: &str, value: &str) -> Result<Option<(u32, String)>> {
        let Some(text) = value.strip_prefix(MARK) else { return Ok(None) };
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| Error::Sealed)?;
        let sealed = Sealed::parse(&bytes).ok_or(Error::Sealed)?;
        let data_key = self.with_key(sealed.number).await?;
        let opened = sealed.open(&data_key, &self.about(kind, key))?;
        Ok(Some((sealed.number, String::from_utf8(opened).map_err(|_| Error::Sealed)?)))
    }

    /// A value encrypted by the last data key; `None` if it is so already.
    pub(crate) async fn resealed(&self, kind: &str, key: &str, value: &str) -> Result<Option<String>> {
        let latest = self.keeper.latest(&*self.shelf, &self.name, (self.clock)()).await?;
        let Some(last) = latest.data_keys.last() else { return Ok(None) };
        let plain = match self.opened(kind, key, value).await? {
            Some((number, _)) if number == last.number => return Ok(None),
            Some((_, opened)) => opened,
            None => value.to_owned(),
        };
        self.sealed(last, &self.about(kind, key), &plain).map(Some)
    }
}
