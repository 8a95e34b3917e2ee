//! What we keep, one tenant at a time. This crate alone knows SQL and the full-text index.
//!
//! A [`Store`] holds the directory of tenants; only it makes a [`Tenant`], and only a tenant opens a
//! [`Session`], the one type with data methods. None of them takes a tenant: outside this crate, a query
//! that is not bound to one has no spelling.

mod audit;
mod builds;
#[cfg(test)]
mod contract;
mod erasure;
mod error;
mod job;
mod keys;
mod ledger;
mod leeway;
mod lookups;
mod pairs;
mod plan;
mod postgres;
mod query;
mod record;
mod releases;
mod rows;
mod sqlite;
mod tenant;
mod text;

pub use audit::figures::audit_figures;
pub use audit::{
    AuditEntry, AuditFault, AuditHead, AuditOpened, AuditPage, AuditPlace, AuditQuery, AuditRecords, AuditVerdict,
    Audited,
};
pub use builds::{ALL_ROWS, Build, BuildChange, Indexed, Reindexed, Walked};
pub use erasure::{Census, Counted, Erased, Erasure};
pub use error::{CommitError, Error, Result};
pub use job::{Claim, LEASE};
pub use keys::figures::older_keys;
pub use keys::{
    DataKey, Keeper, KeyFile, Marks, Master, MasterRing, Random, Rewrapped, Sealed, Sealing, Secrets, Stale, Unwrapped,
    Wrapped,
};
pub use ledger::{LedgerChange, LedgerEntry, LedgerStep};
pub use leeway::{Freshness, Leeway};
pub use pairs::{PAIRS, paired_types};
pub use plan::{Branch, History, HistoryPage, Page, Plan, Position, Scope, Sort, SortBy, SortValue};
pub use postgres::{
    Move, Moved, Moving, Placement, PostgresSettings, PostgresStore, Residence, Swept, Upgraded, Upgrading,
};
pub use record::{Changes, Committed, DEFINITIONS, Expect, Guard, Key, Lived, Method, Put, Stored, Told};
pub use releases::{Posting, Release, ReleaseConcept, ReleasePart, Releases, Terms};
pub use rows::Rows;
pub use sqlite::SqliteStore;
pub use tenant::Tenant;

use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::broadcast;

/// All tenants' data, and the directory of tenants.
#[async_trait]
pub trait Store: Erasure {
    /// Looks a tenant up in the directory.
    async fn tenant(&self, name: &str) -> Result<Option<Tenant>>;
    /// The names of all tenants, sorted.
    async fn tenants(&self) -> Result<Vec<String>>;
    /// Enters a new tenant with its secrets; `None` if the name is taken.
    async fn create_tenant(&self, name: &str, secrets: Secrets, now_ms: i64) -> Result<Option<Tenant>>;
    /// The private key that signs what the operator hands out, which is `made` where there was none.
    async fn signing_key(&self, made: &[u8]) -> Result<Vec<u8>>;
    /// The names of all tenants, sorted, with the ids of the master keys that wrap their keys; `None` where these are bare.
    async fn wrapped_by(&self) -> Result<Vec<(String, Option<String>)>>;
    /// Has a tenant's data encrypted by a new key from now on, and tells its number.
    async fn rotate_data_key(&self, name: &str) -> Result<u32>;
    /// Says which bodies of a tenant are kept encrypted from now on, and within two seconds on every node; fails without a master
    /// key.
    async fn set_sealing(&self, name: &str, sealing: Sealing) -> Result<()>;
    /// Says which elements of a tenant are marked from now on, and within two seconds on every node; fails without a master key.
    async fn set_marks(&self, name: &str, marks: &Marks) -> Result<()>;
    /// Encrypts all that is kept encrypted of a tenant by its last data key, while it is served, what was written before it was
    /// to be encrypted included, and tells how much was changed so far.
    async fn reseal(&self, name: &str, told: &(dyn Fn(usize) + Send + Sync)) -> Result<usize>;
    /// Wraps tenants' keys by the present master key, and tells how far it has come.
    async fn rewrap(&self, which: Stale, told: &(dyn Fn(Rewrapped) + Send + Sync)) -> Result<Rewrapped>;
    /// Opens the one way to this tenant's data, which sees nothing else; brings its schema up to date.
    async fn open(&self, tenant: &Tenant) -> Result<Arc<dyn Session>>;
    /// What other nodes on the same database tell; `None` where there are no others.
    fn told(&self) -> Option<broadcast::Receiver<Told>> {
        None
    }
    /// Enters that a tenant has work to be done in the background.
    async fn ask(&self, tenant: &Tenant) -> Result<()>;
    /// Claims this tenant's work, or without a tenant what has waited longest; `None` if there is none that nobody is at.
    async fn claim(&self, tenant: Option<&Tenant>) -> Result<Option<Claim>>;
    /// Makes a claim hold on; `false` if somebody else has taken over.
    async fn renew(&self, claim: &Claim) -> Result<bool>;
    /// Gives a claim up, its work done: but for what was asked for since it was made, which is left to be claimed.
    async fn finish(&self, claim: &Claim) -> Result<()>;
    /// Succeeds if the database answers.
    async fn ping(&self) -> Result<()>;
    /// Finishes all writes under way and closes every file and connection.
    async fn close(&self);
}

/// One tenant's data. Reads see what was committed; a write is one `commit`.
#[async_trait]
pub trait Session: Releases {
    /// The same tenant's data for reads that change nothing: another copy of it may answer, if nothing is missing there that was
    /// acknowledged before. With a leeway it answers as it is while the original does not, the ledger included. `None` where
    /// there is none.
    fn for_reading(&self, _leeway: Option<Arc<Leeway>>) -> Option<Arc<dyn Session>> {
        None
    }
    /// An empty set of index rows, keyed for this tenant.
    fn rows(&self) -> Rows;
    /// The current version, a deleted one included.
    async fn read(&self, key: &Key) -> Result<Option<Stored>>;
    /// The current versions of those that exist and are not deleted, in no particular order.
    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Stored>>;
    /// Of each of these resources the version with the number, or the newest without one; of a deletion the last version before
    /// it. In no particular order, each once.
    async fn lived(&self, wanted: &[(Key, Option<i64>)]) -> Result<Vec<Lived>>;
    /// The first of these with their bodies, no more than so many bytes but one of them at the least: how many were looked at, and
    /// those that are not damaged, in no particular order.
    async fn lived_bodies(&self, all: &[Lived], most: u64) -> Result<(usize, Vec<Stored>)>;
    /// One version.
    async fn read_version(&self, key: &Key, version: i64) -> Result<Option<Stored>>;
    /// Versions, newest first.
    async fn history(&self, history: &History) -> Result<HistoryPage>;
    /// A page of the resources that pass the plan's filter.
    async fn search(&self, plan: &Plan) -> Result<Page>;
    /// The page that ends before the position that the plan names, or without one the last page: in the plan's order.
    async fn search_back(&self, plan: &Plan) -> Result<Page>;
    /// How many resources pass the plan's filter.
    async fn count(&self, plan: &Plan) -> Result<i64>;
    /// All or nothing. What must still hold is checked inside the transaction; when it no longer does,
    /// [`CommitError::Conflict`] tells the caller to run the whole interaction again. Returns when the
    /// change is on disk.
    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError>;
    /// Whether this content was loaded before (see [`Changes::content`]).
    async fn loaded(&self, content: &[u8; 16]) -> Result<bool>;
    /// Makes the full-text view anew from all resources, and tells how far it has come. Searches that need it wait
    /// meanwhile.
    async fn rebuild_text(&self, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<()>;
    /// The builds that were begun and not dropped, by name.
    async fn builds(&self) -> Result<Vec<Build>>;
    /// A number that rises with every change of the tenant's definitions ([`DEFINITIONS`]), whichever node makes it; always
    /// the same where there is one node only, as that knows what it changed.
    async fn definitions(&self) -> Result<i64> {
        Ok(0)
    }
    /// What is marked, as of two seconds ago at the most, and by which edition of the tenant's keys.
    async fn marks(&self) -> Result<(Marks, u32)>;
    /// How many resources of these types there are.
    async fn count_of(&self, types: &[String]) -> Result<i64>;
    /// An entry of the ledger, unless it has expired.
    async fn entry(&self, kind: &str, key: &str) -> Result<Option<LedgerEntry>>;
    /// A kind's entries whose keys come behind `after`, in the order of their keys, without the expired.
    async fn entries(&self, kind: &str, after: &str, limit: usize) -> Result<Vec<LedgerEntry>>;
    /// Adds events to the audit log; returns when they are on disk.
    async fn audit(&self, entries: Vec<AuditEntry>) -> Result<()>;
    /// The same events as the log will have them, each with the place that is its own now, encrypted: for whoever keeps them
    /// elsewhere until the log takes them. Asks no database that was asked before.
    async fn audit_aside(&self, entries: &[AuditEntry]) -> Result<Vec<u8>>;
    /// What was kept elsewhere.
    async fn audit_opened(&self, aside: &[Bytes]) -> Result<AuditOpened>;
    /// Adds events that waited elsewhere. Where this fails, some of them may be there.
    async fn audit_waited(&self, records: AuditRecords) -> Result<()>;
    /// Some of the events of the audit log that a query finds, the newest first.
    async fn audited(&self, query: &AuditQuery) -> Result<AuditPage>;
    /// The event of the audit log with this id.
    async fn audit_entry(&self, id: &str) -> Result<Option<Audited>>;
    /// Verifies the audit log from its beginning to its end, and tells now and then how many events were looked at, and how
    /// many there are as far as that is known. What is wrong is in the verdict.
    async fn verify_audit(&self, told: &(dyn Fn(i64, i64) + Send + Sync)) -> Result<AuditVerdict>;
    /// Drops events of the audit log that are older than this, in milliseconds since the epoch, by whole blocks: how many
    /// events, when they were and that they were there stays. How many events were dropped.
    async fn drop_audit(&self, before_ms: i64) -> Result<i64>;
    /// A step of a walk over the resources of these types: those among the next `span` of all, from `after` on.
    async fn walk(&self, types: &[String], after: i64, span: i64) -> Result<Walked>;
}
