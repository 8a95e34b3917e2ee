//! What is kept of a tenant beside its resources: accounts, clients, grants, sessions, marks of what was used up.

/// An entry as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its name within its kind.
    pub key: String,
    /// Another with each change, and never one that an entry of this key had before.
    pub version: i64,
    /// From when on it is as good as gone, in milliseconds since the epoch.
    pub expires: Option<i64>,
    /// JSON; what it says is the business of who wrote it.
    pub value: String,
}

/// A change of the ledger, part of a commit.
#[derive(Clone, PartialEq, Eq)]
pub struct LedgerChange {
    /// The kind of entry.
    pub kind: &'static str,
    /// Its name within the kind.
    pub key: String,
    /// What becomes of it.
    pub step: LedgerStep,
}

/// What becomes of an entry. Where what it builds on does not hold, the commit is a conflict: of two that use one entry
/// up, one does.
#[derive(Clone, PartialEq, Eq)]
pub enum LedgerStep {
    /// It begins; there must be none that has not expired.
    Insert {
        /// JSON.
        value: String,
        /// See [`LedgerEntry::expires`].
        expires: Option<i64>,
    },
    /// It changes; it must have this version.
    Replace {
        /// The version before.
        version: i64,
        /// JSON.
        value: String,
        /// See [`LedgerEntry::expires`].
        expires: Option<i64>,
    },
    /// It ends; it must have this version.
    Delete {
        /// The version before.
        version: i64,
    },
}

/// Names the kind, never the key or the value: they tell of accounts and secrets.
impl std::fmt::Debug for LedgerChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerChange({})", self.kind)
    }
}
