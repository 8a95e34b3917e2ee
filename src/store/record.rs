//! What goes into a store and comes out of it.

use crate::{AuditEntry, AuditRecords, LedgerChange, Rows};
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

/// Index rows of a version that is written already: they take the place of those it has, unless it has got a
/// successor, which brought its own.
#[derive(Debug)]
pub struct Reindexed {
    /// Whose.
    pub key: Key,
    /// The version they were made of.
    pub version: i64,
    /// What it can be found by.
    pub rows: Rows,
}

/// A run over all resources of some types that makes their index rows anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// What it is for.
    pub name: String,
    /// The resource types.
    pub types: Vec<String>,
    /// The store's number of the last resource that is done.
    pub position: i64,
    /// How many resources are done.
    pub done: i64,
    /// How many there were when it began.
    pub total: i64,
    /// How many were passed by, as they are damaged: their index rows are as they were, but for texts of marked elements, which go.
    pub damaged: i64,
    /// Whether it is through.
    pub is_finished: bool,
}

/// A step of a walk over the resources of some types, in the order of their creation.
#[derive(Debug)]
pub struct Walked {
    /// Those found, as they are now.
    pub found: Vec<Stored>,
    /// How many were passed by, as they are damaged; the log tells their rows.
    pub damaged: i64,
    /// Where the next step begins.
    pub position: i64,
    /// Whether there is nothing behind it.
    pub is_end: bool,
}

/// A change of what is kept of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildChange {
    /// It begins; nothing happens if there is one of this name.
    Begin(Build),
    /// It got further; nothing happens if it was dropped meanwhile.
    Advance(Build),
    /// It is no longer wanted, whether it is finished or not.
    Drop(String),
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

/// A search: what to find, in which order, from where on.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One for each resource type to be searched; all have as many sort keys in the same directions.
    pub branches: Vec<Branch>,
    /// Only what comes behind this position.
    pub after: Option<Position>,
    /// The most to return.
    pub limit: usize,
}

/// The part of a search that looks at one resource type.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The resource type.
    pub of: String,
    /// What must hold.
    pub filter: Filter,
    /// Order; behind it, and where it is empty, resources come in the order of their creation (or the reverse,
    /// where the first key is descending). Where it is empty and nothing is gone on with, the store may take that of
    /// [`SortBy::Target`] instead, of a chain by a reference that does not repeat.
    pub sort: Vec<Sort>,
}

/// One key of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What to sort by.
    pub by: SortBy,
    /// Greatest first. Resources without a value come last either way.
    pub descending: bool,
    /// No resource has more than one value, so that a filter by the same parameter bounds the order's index.
    pub is_single: bool,
}

/// What to sort by. Of several values the least counts, or the greatest if descending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// Logical id.
    Id,
    /// A string parameter, folded.
    String(ParamId),
    /// The start of a date parameter.
    Date(ParamId),
    /// A number or quantity parameter, whatever its unit.
    Number(ParamId),
    /// The age of what a reference parameter points to: the oldest first.
    Target(ParamId),
}

/// A place in an ordered result: the sort values and row of the last resource returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Position {
    /// One for each sort key.
    pub values: Vec<SortValue>,
    /// The store's number of the resource.
    pub row: i64,
    /// The order it is a place in, where no order was asked for and the store took that of [`SortBy::Target`].
    pub along: Option<ParamId>,
}

impl Position {
    /// The end of the order it is a place in, where the store took that itself: what goes back from there is the last page
    /// of the same order. `None` where there is none but the order asked for.
    pub fn end(&self) -> Option<Position> {
        let values = vec![SortValue::Int(i64::MAX)];
        self.along.map(|_| Position { values, row: i64::MAX, along: self.along })
    }

    /// Whether it is behind all places.
    pub(crate) fn is_end(&self) -> bool {
        self.row == i64::MAX
    }
}

/// The value a resource is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    /// It has none.
    Missing,
    /// A date in microseconds.
    Int(i64),
    /// A number.
    Real(f64),
    /// A string.
    Text(String),
}

/// A page of a search.
#[derive(Debug, Default)]
pub struct Page {
    /// What was found, in order.
    pub found: Vec<Stored>,
    /// Where to go on; `None` if this was the end.
    pub next: Option<Position>,
    /// Where to go back from; `None` if this was the beginning.
    pub previous: Option<Position>,
}

/// Which versions to list.
#[derive(Clone, Debug)]
pub struct History {
    /// Of what.
    pub scope: Scope,
    /// Only versions made at or after this time, in milliseconds.
    pub since: Option<i64>,
    /// Only versions that were current at some time between these, in milliseconds, both ends included.
    pub at: Option<(i64, i64)>,
    /// Only versions before this place in the change log.
    pub before: Option<i64>,
    /// The most to return.
    pub limit: usize,
}

/// Whose versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One resource's.
    Instance(Key),
    /// A resource type's.
    Type(String),
    /// All.
    System,
}

/// A page of a history.
#[derive(Debug, Default)]
pub struct HistoryPage {
    /// Versions, newest first.
    pub versions: Vec<Stored>,
    /// How many versions there are in all, within `since` and `at`.
    pub total: i64,
    /// Where to go on.
    pub next: Option<i64>,
}

/// How far an index being made has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Resources taken in.
    pub done: i64,
    /// Resources in all; more come while it is made.
    pub total: i64,
}
