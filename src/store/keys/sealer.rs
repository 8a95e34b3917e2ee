//! Keeps the ledger's values and the bodies of resources encrypted by the tenant's data keys.

use super::body::{self, Version, is_plain};
use super::rewrap::pass_edition;
use super::seal::{Sealed, seal};
use super::{DataKey, Keeper, Secrets, Shelf};
use crate::query::Found;
use crate::query::marked::guard;
use crate::{Changes, CommitError, Error, LedgerChange, LedgerEntry, LedgerStep, Put, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
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
    pub(crate) async fn secrets(&self) -> Result<Arc<Secrets>> {
        self.keeper.recent(&*self.shelf, &self.name, self.clock).await
    }

    /// The tenant's keys as the directory has them, whoever changed them; fails while it does not answer.
    pub(crate) async fn latest(&self) -> Result<Arc<Secrets>> {
        self.keeper.latest(&*self.shelf, &self.name, self.clock).await
    }

    /// The keys, with this data key among them.
    async fn with_key(&self, number: u32) -> Result<DataKey> {
        let find = |secrets: &Secrets| secrets.data_keys.iter().find(|it| it.number == number).cloned();
        // Keys do not change: the directory, which may be away, is asked for those only that are not known.
        if let Some(key) = self.keeper.remembered(&self.name).as_deref().and_then(find) {
            return Ok(key);
        }
        // Another node may have made it a moment ago. While that cannot be known, nothing is said of what it opens.
        find(&*self.latest().await?).ok_or(Error::Sealed)
    }

    /// What a value is bound to.
    fn about(&self, kind: &str, key: &str) -> Vec<u8> {
        ["medisync ledger", &*self.name, kind, key].join("\0").into_bytes()
    }

    /// Encrypts what is to be of changes, values of the ledger and bodies as the tenant says, and notes by which edition of its keys.
    pub(crate) async fn seal_changes(&self, changes: &mut Changes) -> Result<(), CommitError> {
        if changes.has_nothing_to_seal() {
            return Ok(());
        }
        let secrets = self.secrets().await?;
        if changes.puts.iter().any(|it| it.checked_by.is_some_and(|it| it != secrets.edition)) {
            return Err(CommitError::Outdated);
        }
        changes.sealed_by = Some(secrets.edition);
        if !secrets.marks.is_empty() {
            let rows = changes.puts.iter_mut().map(|it| &mut it.rows);
            rows.chain(changes.reindexed.iter_mut().map(|it| &mut it.rows)).for_each(|it| it.mark(&secrets.marks));
            changes.guards.iter_mut().try_for_each(|it| guard(&secrets.marks, it))?;
            // Only of what is damaged, and was passed by, are there still texts.
            if changes.finished().is_some_and(|it| it.name == secrets.marks.build) {
                changes.hidden = secrets.marks.param_ids();
            }
        }
        let Some(last) = secrets.data_keys.last() else { return Ok(()) };
        self.seal_ledger(last, &mut changes.ledger)?;
        if self.keeper.is_wrapped(&self.name) {
            self.seal_puts(&secrets, last, &mut changes.puts)?;
        }
        Ok(())
    }

    /// What is told of a commit that was refused; `fenced` asks for the edition that the records take. Where keys of an earlier edition
    /// were what it was made by, those of now are known before it is made again.
    pub(crate) async fn refused(&self, error: CommitError, fenced: impl Future<Output = Result<u32>>) -> CommitError {
        match error {
            CommitError::Outdated => self.outdated(fenced).await.unwrap_or_else(CommitError::from),
            error => error,
        }
    }

    async fn outdated(&self, fenced: impl Future<Output = Result<u32>>) -> Result<CommitError> {
        // Before the directory: who changes keys changes them there first.
        let fenced = fenced.await?;
        if self.latest().await?.edition >= fenced {
            return Ok(CommitError::Outdated);
        }
        self.keeper.tell_old(&self.name);
        Ok(Error::OlderKeys.into())
    }

    /// The tenant's keys as the directory has them, of an edition that the records take, which is this one or a later: a directory that
    /// was restored from an older backup has them of an earlier, and is told that they are what holds from now on.
    pub(super) async fn caught_up(&self, fenced: u32) -> Result<Arc<Secrets>> {
        let latest = self.latest().await?;
        if latest.edition >= fenced {
            return Ok(latest);
        }
        pass_edition(&*self.shelf, &self.keeper, &self.name, fenced).await?;
        tracing::warn!(
            tenant = &*self.name,
            "the directory's keys, which are older than the records, hold from now on"
        );
        self.latest().await
    }

    fn seal_puts(&self, secrets: &Secrets, last: &DataKey, puts: &mut [Put]) -> Result<()> {
        for put in puts.iter_mut().filter(|it| secrets.seals(&it.key.of, &it.body)) {
            let of = (&*self.name, &put.key, put.version);
            put.sealed = Some(body::seal(last, self.keeper.random(), of, &put.body, put.stamp)?);
        }
        Ok(())
    }

    fn seal_ledger(&self, last: &DataKey, changes: &mut [LedgerChange]) -> Result<()> {
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

    /// Decrypts the bodies of what was found.
    pub(crate) async fn open_found(&self, found: &mut [Found]) -> Result<()> {
        for it in found {
            self.open_in_place(it).await?;
        }
        Ok(())
    }

    /// The same of what can be; the log tells the rows of the others, and how many they are is told.
    pub(crate) async fn open_sound(&self, found: Vec<Found>) -> Result<(Vec<Found>, i64)> {
        let mut sound = Vec::with_capacity(found.len());
        let mut damaged = 0;
        for mut it in found {
            match self.open_in_place(&mut it).await {
                Err(error @ Error::Damaged { .. }) => {
                    tracing::error!(%error, tenant = &*self.name, "a resource is passed by");
                    damaged += 1;
                }
                opened => {
                    opened?;
                    sound.push(it);
                }
            }
        }
        Ok((sound, damaged))
    }

    async fn open_in_place(&self, it: &mut Found) -> Result<()> {
        let kept = std::mem::take(&mut it.stored.body);
        let (stored, rid) = (&it.stored, it.position.row);
        let of = Version { key: &stored.key, version: stored.version, updated: stored.updated, rid };
        it.stored.body = self.open_body(&of, kept).await?;
        Ok(())
    }

    /// A body as it is served.
    pub(crate) async fn open_body(&self, of: &Version<'_>, kept: Bytes) -> Result<Bytes> {
        if is_plain(&kept) {
            return Ok(kept);
        }
        let number = body::number(&kept).ok_or_else(|| of.damaged())?;
        let data_key = self.with_key(number).await.map_err(|error| match error {
            Error::Sealed => of.damaged(),
            error => error,
        })?;
        body::open(&data_key, &self.name, of, kept)
    }

    /// A body for who follows the change log to index its words: none of a type with marked elements, and a damaged one is left out with a warning, as the others must not wait for it.
    pub(crate) async fn open_followed(&self, of: &Version<'_>, kept: Bytes) -> Result<Option<Bytes>> {
        if self.secrets().await?.marks.has_type(&of.key.of) {
            return Ok(None);
        }
        match self.open_body(of, kept).await {
            Err(error @ Error::Damaged { .. }) => {
                tracing::error!(%error, tenant = &*self.name, "no text search finds a resource");
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    /// What is left out of a full-text view ([`super::Marks::left_out`]).
    pub(crate) async fn left_out(&self) -> Result<i64> {
        Ok(self.secrets().await?.marks.left_out())
    }

    /// Whether index rows are known to be as the marks with this build want them.
    pub(crate) fn is_settled(&self, build: &str) -> bool {
        self.keeper.is_settled(&self.name, build)
    }

    /// Notes that they are.
    pub(crate) fn settle(&self, build: &str) {
        self.keeper.settle(&self.name, build);
    }

    /// A body encrypted by the last data key; `None` if it is so already, or is to be kept as it is.
    pub(super) async fn resealed_body(
        &self,
        secrets: &Secrets,
        of: &Version<'_>,
        kept: &Bytes,
    ) -> Result<Option<Vec<u8>>> {
        let Some(last) = secrets.data_keys.last() else { return Ok(None) };
        let is_wanted = match is_plain(kept) {
            true => self.keeper.is_wrapped(&self.name) && secrets.seals(&of.key.of, kept),
            // A later one is there if somebody made it meanwhile.
            false => body::number(kept).is_none_or(|it| it < last.number),
        };
        if !is_wanted {
            return Ok(None);
        }
        let plain = match self.open_body(of, kept.clone()).await {
            Err(error @ Error::Damaged { .. }) => {
                tracing::error!(%error, tenant = &*self.name, "a body stays as it is, as it cannot be decrypted");
                return Ok(None);
            }
            opened => opened?,
        };
        let to = (&*self.name, of.key, of.version);
        // The time stands in it by now.
        body::seal(last, self.keeper.random(), to, &plain, None).map(Some)
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

    /// A value encrypted by the last data key; `None` if it is so already, or cannot be decrypted: its key may be lost, and the others are
    /// not to wait for it.
    pub(super) async fn resealed(
        &self,
        secrets: &Secrets,
        kind: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<String>> {
        let Some(last) = secrets.data_keys.last() else { return Ok(None) };
        let plain = match self.opened(kind, key, value).await {
            Err(error @ Error::Sealed) => {
                tracing::error!(%error, kind, tenant = &*self.name, "an entry of the ledger stays as it is, as it cannot be decrypted");
                return Ok(None);
            }
            opened => match opened? {
                Some((number, _)) if number >= last.number => return Ok(None),
                Some((_, opened)) => opened,
                None => value.to_owned(),
            },
        };
        self.sealed(last, &self.about(kind, key), &plain).map(Some)
    }
}
