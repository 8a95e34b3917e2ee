//! Typed entries of a tenant's ledger.

use crate::act;
use fhir::{Failure, IssueType, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{AuditEntry, Changes, CommitError, LedgerChange, LedgerEntry, LedgerStep, Session};

/// What is kept in the ledger under a kind of its own.
pub trait Kept: Serialize + DeserializeOwned {
    /// The kind.
    const KIND: &'static str;
}

/// An entry as it was found.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// Its key.
    pub key: String,
    /// What it says.
    pub value: T,
    version: i64,
    expires: Option<i64>,
}

impl<T: Kept> Entry<T> {
    fn read(entry: LedgerEntry) -> Result<Entry<T>> {
        let LedgerEntry { key, version, expires, value } = entry;
        let value = serde_json::from_str(&value).map_err(Failure::internal)?;
        Ok(Entry { key, value, version, expires })
    }

    /// How the entry is told from what stands or stood under its key at other times.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Whether it will have expired at a time.
    pub fn is_expired_by(&self, time: i64) -> bool {
        self.expires.is_some_and(|it| it <= time)
    }

    /// The change that keeps the value as it is now, until the entry expires.
    pub fn replace(&self) -> Result<LedgerChange> {
        self.replace_until(self.expires)
    }

    /// The change that keeps the value as it is now, until another time.
    pub fn replace_until(&self, expires: Option<i64>) -> Result<LedgerChange> {
        let step = LedgerStep::Replace { version: self.version, value: json(&self.value)?, expires };
        Ok(LedgerChange { kind: T::KIND, key: self.key.clone(), step })
    }

    /// The change that ends it.
    pub fn delete(&self) -> LedgerChange {
        LedgerChange { kind: T::KIND, key: self.key.clone(), step: LedgerStep::Delete { version: self.version } }
    }
}

/// The entry of this key, unless it has expired.
pub async fn find<T: Kept>(session: &dyn Session, key: &str) -> Result<Option<Entry<T>>> {
    session.entry(T::KIND, key).await?.map(Entry::read).transpose()
}

/// The first entries of a kind.
pub async fn list<T: Kept>(session: &dyn Session, limit: usize) -> Result<Vec<Entry<T>>> {
    session.entries(T::KIND, "", limit).await?.into_iter().map(Entry::read).collect()
}

/// The first entries of a kind whose keys begin with a text.
pub async fn beginning<T: Kept>(session: &dyn Session, start: &str, limit: usize) -> Result<Vec<Entry<T>>> {
    let found = session.entries(T::KIND, start, limit).await?;
    found.into_iter().take_while(|it| it.key.starts_with(start)).map(Entry::read).collect()
}

/// All entries of a kind.
pub async fn all<T: Kept>(session: &dyn Session) -> Result<Vec<Entry<T>>> {
    const PAGE: usize = 500;
    let mut all: Vec<Entry<T>> = Vec::new();
    loop {
        let after = all.last().map_or_else(String::new, |it| it.key.clone());
        let page = session.entries(T::KIND, &after, PAGE).await?;
        let is_last = page.len() < PAGE;
        for entry in page {
            all.push(Entry::read(entry)?);
        }
        if is_last {
            return Ok(all);
        }
    }
}

/// The change that begins an entry, which must not be there.
pub fn insert<T: Kept>(key: impl Into<String>, value: &T, expires: Option<i64>) -> Result<LedgerChange> {
    Ok(LedgerChange { kind: T::KIND, key: key.into(), step: LedgerStep::Insert { value: json(value)?, expires } })
}

/// Keeps a value that a tenant has one of in place of the one that was found; fails where that is another by now.
pub async fn supersede<T: Kept>(session: &dyn Session, key: &str, found: Option<Entry<T>>, value: T) -> Result<()> {
    let change = match found {
        Some(entry) => Entry { value, ..entry }.replace()?,
        None => insert(key, &value, None)?,
    };
    decided(write(session, vec![change]).await?)
}

/// Changes a value that a tenant has one of: what it becomes is made of what it is. Fails where somebody else changes it at
/// the same time.
pub async fn change<T>(session: &dyn Session, key: &str, change: impl FnOnce(&mut T) -> Result<()>) -> Result<T>
where
    T: Kept + Default + Clone,
{
    let found = find::<T>(session, key).await?;
    let mut value = found.as_ref().map(|it| it.value.clone()).unwrap_or_default();
    change(&mut value)?;
    supersede(session, key, found, value.clone()).await?;
    Ok(value)
}

/// Keeps a value that a tenant has one of, whatever stood there; fails where somebody else changes it at the same time.
pub async fn set<T: Kept>(session: &dyn Session, key: &str, value: &T) -> Result<()> {
    let change = match session.entry(T::KIND, key).await? {
        Some(LedgerEntry { version, expires, .. }) => {
            let step = LedgerStep::Replace { version, value: json(value)?, expires };
            LedgerChange { kind: T::KIND, key: key.to_owned(), step }
        }
        None => insert(key, value, None)?,
    };
    decided(write(session, vec![change]).await?)
}

/// Writes the changes, all of them, with the event of what is being done ([`act`]); or none and `false` where somebody else was
/// faster.
pub async fn write(session: &dyn Session, ledger: Vec<LedgerChange>) -> Result<bool> {
    let audit = act::due(session, &ledger)?;
    let is_told = !audit.is_empty();
    let is_written = write_with(session, ledger, audit).await?;
    if is_told && is_written {
        act::kept();
    }
    Ok(is_written)
}

/// How often the same is written where the tenant's keys are changed meanwhile.
const ATTEMPTS: usize = 8;

/// Writes the changes and their events, all of them; or none and `false` where somebody else was faster.
pub async fn write_with(session: &dyn Session, ledger: Vec<LedgerChange>, audit: Vec<AuditEntry>) -> Result<bool> {
    for _ in 0..ATTEMPTS {
        let changes = Changes { ledger: ledger.clone(), audit: audit.clone(), ..Changes::default() };
        match session.commit(changes).await {
            Ok(_) => return Ok(true),
            Err(CommitError::Conflict) => return Ok(false),
            Err(CommitError::Store(error)) => return Err(error.into()),
            // The tenant's keys were changed; now they are known.
            Err(CommitError::Outdated) => {}
            Err(other) => return Err(Failure::internal(other)),
        }
    }
    Err(Failure::new(IssueType::Transient, "The tenant's keys are being changed; try again."))
}

/// Fails where somebody else was faster.
pub fn decided(is_written: bool) -> Result<()> {
    match is_written {
        true => Ok(()),
        false => Err(Failure::new(IssueType::Transient, "This is being changed by others; try again.")),
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Failure::internal)
}
