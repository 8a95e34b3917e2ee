//! What goes into a store, and what of it comes out.

use crate::{AuditEntry, AuditRecords, Build, BuildChange, LedgerChange, Reindexed, Rows};
use bytes::Bytes;
use fhir::search::{Filter, ParamId};

/// A resource's identity within its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Resource type.
    pub of: String,
    /// Logical id.
    pub id: String,
}

impl Key {
    /// The key of `of/id`.
    pub fn new(of: impl Into<String>, id: impl Into<String>) -> Key {
        Key { of: of.into(), id: id.into() }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.of, self.id)
    }
}

/// The HTTP verb by which a version came to be (Bundle.entry.request.method).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Post = 1,
    Put = 2,
    Patch = 3,
    Delete = 4,
}

impl Method {
    /// The verb.
    pub fn name(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    pub(crate) fn from_code(code: i64) -> Method {
        match code {
            1 => Method::Post,
            2 => Method::Put,
            3 => Method::Patch,
            _ => Method::Delete,
        }
    }
}

/// A version of a resource that lives or did, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lived {
    /// Whose.
    pub key: Key,
    /// Counted from 1.
    pub version: i64,
    /// The resource's row.
    pub row: i64,
    /// How many bytes the body has as it is kept.
    pub length: u64,
}

/// A version of a resource.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Whose.
    pub key: Key,
    /// Counted from 1.
    pub version: i64,
    /// When, in milliseconds since the epoch.
    pub updated: i64,
    /// How it came to be.
    pub method: Method,
    /// The JSON, with id and meta as served; empty if deleted.
    pub body: Bytes,
}

impl Stored {
    /// Whether this version is a deletion.
    pub fn is_deleted(&self) -> bool {
        self.method == Method::Delete
    }
}

/// What is written at once.
#[derive(Debug, Default)]
pub struct Changes {
    /// New versions, each of another resource.
    pub puts: Vec<Put>,
    /// What must still hold.
    pub guards: Vec<Guard>,
    /// A digest of the content this came from: a second commit with the same one is refused as
    /// [`crate::CommitError::LoadedBefore`].
    pub content: Option<[u8; 16]>,
    /// Index rows made anew.
    pub reindexed: Vec<Reindexed>,
    /// What becomes of a build.
    pub build: Option<BuildChange>,
    /// The definitions that the index rows were made by ([`crate::Session::definitions`]). Where another node has
    /// changed them, the commit is refused as [`crate::CommitError::Outdated`].
    pub definitions: Option<i64>,
    /// What becomes of entries of the ledger, each of another key.
    pub ledger: Vec<LedgerChange>,
    /// What the audit log has of it.
    pub audit: Vec<AuditEntry>,
    /// The edition of the tenant's keys by which the store encrypted and marked it; who writes gives none.
    pub sealed_by: Option<u32>,
    /// Events of the audit log that waited elsewhere ([`crate::Session::audit_aside`]).
    pub waited: AuditRecords,
    /// String parameters whose texts go from the index, whosever they are: where their hashes stand instead. Who writes gives none.
    pub hidden: Vec<ParamId>,
}

impl Changes {
    /// Whether nothing of it depends on the tenant's keys.
    pub(crate) fn has_nothing_to_seal(&self) -> bool {
        self.puts.is_empty()
            && self.guards.is_empty()
            && self.reindexed.is_empty()
            && self.ledger.is_empty()
            && self.finished().is_none()
    }

    /// The build that it is the end of.
    pub(crate) fn finished(&self) -> Option<&Build> {
        match &self.build {
            Some(BuildChange::Advance(build)) if build.is_finished => Some(build),
            _ => None,
        }
    }

    /// Whether there is nothing in it but events of the audit log.
    pub(crate) fn has_events_only(&self) -> bool {
        self.puts.is_empty()
            && self.guards.is_empty()
            && self.content.is_none()
            && self.reindexed.is_empty()
            && self.build.is_none()
            && self.ledger.is_empty()
    }
}

/// The resource types whose resources say how others are indexed and validated.
pub const DEFINITIONS: &[&str] = &["ImplementationGuide", "SearchParameter", "StructureDefinition"];

/// What another node did, so that what this one remembers may no longer hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The definitions of the tenant of this name are others, or one is indexed now.
    Definitions(String),
    /// Something may have been missed.
    Anything,
}

/// A new version of a resource.
#[derive(Debug)]
pub struct Put {
    /// Whose.
    pub key: Key,
    /// What must be there now.
    pub expect: Expect,
    /// The new version's number.
    pub version: i64,
    /// How it comes to be; [`Method::Delete`] goes with an empty body and no rows.
    pub method: Method,
    /// The JSON as it will be served.
    pub body: Vec<u8>,
    /// Where in `body` the 24 characters of `meta.lastUpdated` (`2026-11-20T08:15:30.123Z`) stand: the store
    /// fills them in, so that time rises with the order of commit.
    pub stamp: Option<usize>,
    /// What it can be found by.
    pub rows: Rows,
    /// The edition of the tenant's keys by whose marks the content was checked ([`crate::Session::marks`]), where it had to be: by
    /// another one the commit is refused as [`crate::CommitError::Outdated`].
    pub checked_by: Option<u32>,
    /// The body as it is kept, where the store encrypts it; who writes gives none.
    pub sealed: Option<Vec<u8>>,
}

impl Put {
    /// The body as it is kept.
    pub(crate) fn kept(&self) -> &[u8] {
        self.sealed.as_deref().unwrap_or(&self.body)
    }
}

/// What must be there when a version is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The id was made just now and cannot exist: nothing is checked.
    Fresh,
    /// No version, not even a deleted one.
    Absent,
    /// This version.
    Version(i64),
}

/// What must hold inside the transaction, besides the puts' expectations.
#[derive(Debug)]
pub enum Guard {
    /// The criteria match just these resources (none, or one).
    Matches {
        /// Resource type.
        of: String,
        /// The criteria.
        filter: Filter,
        /// Ids of those that match.
        ids: Vec<String>,
    },
}

/// What a commit did.
#[derive(Debug, Default)]
pub struct Committed {
    /// Time of the change, milliseconds since the epoch.
    pub updated: i64,
    /// The bodies as stored, in the order of the puts.
    pub bodies: Vec<Bytes>,
}
