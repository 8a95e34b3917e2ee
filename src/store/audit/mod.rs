//! A tenant's audit log: events that are only ever added, found by keys, and bound to each other so that no change of what is
//! kept goes unseen (docs/decisions/0021-audit.md).
//!
//! Events are written in *rows*, each of which has all that one group commit took. Rows are numbered without a gap and chained:
//! each carries a keyed hash over itself and the one before. What has grown to some thousand events is *sealed*: its rows
//! become one compressed *block*, which the index of keys names. The *head*, the last row's number and hash, is
//! signed and kept in the directory as well, so that a log that was cut short is found.

mod aside;
mod block;
mod chain;
mod coding;
pub(crate) mod figures;
mod heads;
mod look;
mod records;
pub(crate) mod tables;
mod verify;

pub use aside::AuditOpened;
pub(crate) use aside::{Aside, open as open_aside};
pub(crate) use block::{Block, Row, Sealed, is_full};
pub(crate) use chain::{AuditKey, Head, Mac, START};
pub(crate) use coding::encode;
pub(crate) use heads::agrees;
pub(crate) use look::{by_id, page};
pub use records::AuditRecords;
pub(crate) use tables::{Log, Unchained};
pub(crate) use verify::verify;

use bytes::Bytes;
use std::fmt;

/// One event, on its way into a tenant's audit log. The store knows nothing of it but when it was and what it can be found by.
#[derive(Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Made by the caller, and no other event's.
    pub id: String,
    /// When it was, in milliseconds since the epoch.
    pub at: i64,
    /// What it can be found by, such as `patient|123`: kept as hashes with the tenant's key only.
    pub keys: Vec<String>,
    /// What it says.
    pub body: Vec<u8>,
}

/// Tells the id alone: the rest is about patients.
impl fmt::Debug for AuditEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditEntry({})", self.id)
    }
}

/// An event as the log has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Audited {
    /// Where it stands.
    pub place: AuditPlace,
    /// Its id.
    pub id: String,
    /// When it was, in milliseconds since the epoch.
    pub at: i64,
    /// What it says.
    pub body: Bytes,
}

/// Tells the id alone: the rest is about patients.
impl fmt::Debug for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audited({})", self.id)
    }
}

/// An event's place in the log: the same for ever, and rising with time. Places are given before the log has them, on several nodes and by clocks
/// that may be set back: where two events got the same one, their ids tell them apart, and no page ends between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditPlace(pub i64);

/// What to find in an audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of each of these lists an event has one key at least.
    pub keys: Vec<Vec<String>>,
    /// Only events of this time or later, in milliseconds since the epoch.
    pub from: Option<i64>,
    /// Only events of this time or earlier.
    pub until: Option<i64>,
    /// Only events that stand before this place.
    pub before: Option<AuditPlace>,
    /// The most events to return, besides those at the same place as the last.
    pub limit: usize,
}

/// Some of the events that a query found, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The events. Two keys of which one hash in 2^64 is the same are not told apart, so the caller looks at each.
    pub entries: Vec<Audited>,
    /// Where to go on ([`AuditQuery::before`]); `None` where there is nothing more. A page may be shorter than it might
    /// be, even empty, and there is more all the same: where much was looked at and little found.
    pub next: Option<AuditPlace>,
    /// Something that may have what is looked for cannot be read, as it is not what was written.
    pub is_damaged: bool,
    /// How many sealed blocks were opened for it.
    pub opened: usize,
}

/// Where the log was at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The last row's number, counted from 1; 0 of an empty log.
    pub row: i64,
    /// How many events there were up to there.
    pub events: i64,
    /// The keyed hash of the last row.
    pub hash: [u8; 32],
    /// When, in milliseconds since the epoch.
    pub at: i64,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Where the log is.
    pub head: AuditHead,
    /// How many of its events were dropped, as their time was over.
    pub dropped: i64,
    /// Events that are written, and not in the chain yet.
    pub waiting: i64,
    /// What is wrong; nothing where the log is as it was written.
    pub faults: Vec<AuditFault>,
}

/// A place where an audit log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// A row is not what was written.
    Row(i64),
    /// A sealed block is not what was written; the numbers of its first row and its last.
    Block(i64, i64),
    /// Rows are missing, from the one to the other.
    Missing(i64, i64),
    /// There are rows or blocks besides those of the chain, up to the row of this number.
    Stray(i64),
    /// The index of keys lacks what a block has; the number of its first row.
    Index(i64),
    /// An event that waits to be chained is not what was written; its place.
    Waiting(i64),
    /// Events have waited to be chained for too long, the first since this time in milliseconds since the epoch.
    Late(i64),
    /// An event, or one with its id, is there more than once; its place.
    Twice(i64),
    /// The log ends with the one row, and had come to the other.
    Cut(i64, i64),
    /// The log has another row at the head's number than the one that was signed.
    Head(i64),
    /// The directory has no head of a log that has rows, or one that was not signed with the tenant's key.
    Unsigned,
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditFault::Row(number) => write!(f, "row {number} is not what was written"),
            AuditFault::Block(first, last) => {
                write!(f, "the block of the rows {first} to {last} is not what was written")
            }
            AuditFault::Missing(first, last) if first == last => write!(f, "row {first} is missing"),
            AuditFault::Missing(first, last) => write!(f, "the rows {first} to {last} are missing"),
            AuditFault::Stray(number) => write!(f, "rows or blocks up to {number} stand where none belong"),
            AuditFault::Index(number) => write!(f, "the index lacks keys of the block that begins with row {number}"),
            AuditFault::Waiting(place) => {
                write!(f, "what waits at {place} to be chained is not what was written")
            }
            AuditFault::Late(ms) => {
                let since = fhir::primitive::datetime::instant(ms.saturating_mul(1000));
                write!(f, "events have waited to be chained since {since}: nobody chains them, or is kept from it")
            }
            AuditFault::Twice(place) => write!(f, "the event at {place} is there more than once"),
            AuditFault::Cut(last, head) => write!(f, "the log ends with row {last}, and had come to row {head}"),
            AuditFault::Head(number) => write!(f, "row {number} is not the one whose hash was signed"),
            AuditFault::Unsigned => write!(f, "the directory has no head of the log that the tenant's key signed"),
        }
    }
}
