//! What may go wrong in a store.

use crate::postgres::{FOREIGN, MOVED};
use fhir::{Failure, IssueType};
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// A store's failure. The caller can do nothing about it but try again later.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or broke.
    #[error("database: {0}")]
    Database(sqlx::Error),
    /// A schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] MigrateError),
    /// A folder or file could not be used.
    #[error("{path}: {cause}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// No tenant can be called so (see [`crate::Tenant::is_name`]).
    #[error("a tenant's name is 1 to 63 lower-case letters, digits and hyphens, not a hyphen first")]
    TenantName,
    /// The store is shutting down or its writer is gone.
    #[error("the store is closed")]
    Closed,
    /// The full-text view refused or broke.
    #[error("full text: {0}")]
    Text(Box<dyn std::error::Error + Send + Sync>),
    /// The full-text view did not reach the end of the change log in time; it goes on.
    #[error("the full-text view is behind")]
    TextBehind,
    /// A full-text test passes more resources than are combined with other criteria.
    #[error("too many resources have these words")]
    TextTooMany,
    /// A query took longer than it may.
    #[error("the query took too long")]
    Timeout,
    /// The database did not answer in time, though it had agreed to.
    #[error("the database does not answer")]
    Silent,
    /// The database takes no writes: it is a standby, or was told so.
    #[error("the database is a standby, or was told to take no writes")]
    ReadOnly,
    /// The read database has not come to where the primary was when the read began; the primary is asked instead.
    #[error("the read database is behind")]
    Lagging,
    /// The read database follows another one, or none; the primary is asked instead.
    #[error("the read database is no standby of the primary")]
    NoStandby,
    /// The tenant's records are not where they were looked for any more.
    #[error("the tenant's records moved")]
    Moved,
    /// The place that the directory has for a tenant has records of a tenant of another directory.
    #[error("there are records of another installation's tenant, which has the same number; use another database")]
    Foreign,
    /// What keeps others away meanwhile keeps a session, which a pooler gives to nobody.
    #[error("this needs a session of its own: give a URL past the pooler")]
    Pooled,
    /// A tenant cannot be moved so.
    #[error("the tenant cannot be moved: {0}")]
    CannotMove(String),
    /// What was copied of a tenant is not as it is where it was copied from.
    #[error(
        "the tenant cannot be moved: the copy of its table {table} is not the same: {there} rows, and {here} in the copy; \
         the next move makes a new one"
    )]
    CopyDiffers {
        /// Which table.
        table: String,
        /// How many rows there are,
        there: i64,
        /// and in the copy.
        here: i64,
    },
    /// A tenant cannot have this standby.
    #[error("the tenant cannot have this standby: {0}")]
    CannotStandBy(String),
    /// What is kept encrypted was encrypted by another key or about something else, or was changed.
    #[error("what is kept encrypted cannot be decrypted")]
    Sealed,
    /// A body is not what was written there: it was changed, or put in the place of another.
    #[error(
        "the kept body of version {version} of a {of} (rid {rid}) cannot be decrypted: it is damaged, or from elsewhere"
    )]
    Damaged {
        /// The resource's type.
        of: String,
        /// The number of the resource's row.
        rid: i64,
        /// Which version.
        version: i64,
    },
    /// A parameter whose element is marked is searched otherwise than by equality.
    #[error("{0} is kept as hashes")]
    Marked(String),
    /// A parameter whose element was marked, or is no more, and whose index rows are made anew.
    #[error("{0} is being indexed anew")]
    Marking(String),
    /// What is asked is told by index rows that an earlier version did not write, and that are being made.
    #[error("index rows that an earlier version did not write are being made")]
    Unindexed,
    /// A type with marked elements is searched by text.
    #[error("resources of type {0} have marked elements")]
    MarkedText(String),
    /// There is no such tenant.
    #[error("there is no such tenant")]
    NoTenant,
    /// The tenant was erased.
    #[error("the tenant was erased")]
    Erased,
    /// The directory has older keys of a tenant than its records were written by.
    #[error("the tenant's keys in the directory are older than its records")]
    OlderKeys,
    /// The tenant's records are kept in a region that this server does not serve.
    #[error("the tenant's region is not one that this server serves")]
    Region,
    /// The connection was lost while a change was written, and whether it was cannot be told.
    #[error("whether the change was written is unknown")]
    OutcomeUnknown,
    /// Records would be read and written as somebody whom row-level security does not bind.
    #[error(
        "the database's role for records, medisync_data, is a superuser, may bypass row-level security or owns the tables"
    )]
    Role,
    /// A schema is older than this program.
    #[error("the database is not up to date")]
    Behind,
    /// An entry of the directory of tenants cannot be right.
    #[error("the directory of tenants: {0}")]
    Directory(&'static str),
    /// The audit log is not what it should be; `medisync audit verify` tells where.
    #[error("the audit log: {0}")]
    Audit(&'static str),
    /// A master key cannot be used; says which and why, never the key.
    #[error("{0}")]
    MasterKey(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(std::io::Error),
    /// A query has more values than the database takes in one statement.
    #[error("the query has too many values")]
    TooLarge,
}

/// The result of what may fail in a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn text(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Text(cause.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let (code, told) = match &error {
            Error::Timeout => (
                IssueType::TooCostly,
                "The query took longer than this server allows; narrow it, for instance by a date range or a patient.",
            ),
            Error::TooLarge => (
                IssueType::TooCostly,
                "The search has more values than this server takes at once; ask for them in several searches.",
            ),
            Error::TextTooMany => (
                IssueType::TooCostly,
                "More resources have these words than this server combines with other criteria; ask for rarer or more words.",
            ),
            Error::TextBehind => (
                IssueType::Transient,
                "The full-text index is being brought up to date, which takes longer than a search may; try again in a while.",
            ),
            Error::TenantName => (
                IssueType::Value,
                "A tenant's name is 1 to 63 lower-case letters, digits and hyphens, not a hyphen first.",
            ),
            Error::Silent => (IssueType::Transient, "The database does not answer in time; try again."),
            Error::MasterKey(_) => (IssueType::Transient, "The tenant's keys cannot be unwrapped now; try again."),
            Error::OutcomeUnknown => (
                IssueType::Transient,
                "The connection to the database was lost, and it is not known whether the change was made; look before you send it again.",
            ),
            Error::Marked(param) => {
                let told = format!(
                    "{param} is searched by equality only, by :exact or by eq of _filter, and sorts nothing: the tenant has marked its element, so the index has hashes of it."
                );
                return Failure::new(IssueType::NotSupported, told).with_status(400);
            }
            Error::Marking(param) => {
                let told = format!(
                    "{param} is being indexed anew, as its element was marked or is not marked any more; try again when that is done."
                );
                return Failure::new(IssueType::Transient, told);
            }
            Error::Unindexed => {
                let told = "What was stored by an earlier version of this server is being indexed anew; until that is done this search cannot be answered. Try again in a while.";
                return Failure::new(IssueType::Transient, told);
            }
            Error::MarkedText(of) => {
                let told = format!("{of} has elements that the tenant has marked, so no text search finds it.");
                return Failure::new(IssueType::NotSupported, told).with_status(400);
            }
            Error::Damaged { .. } => {
                let told = "A resource is damaged in the database: what is kept of it is not what was written. It is not shown; tell the operator.";
                let mut failure = Failure::new(IssueType::Exception, told).with_status(500);
                failure.cause = Some(Box::new(error));
                return failure;
            }
            Error::Moved => (IssueType::Transient, "The tenant's records are being moved; try again."),
            Error::Erased => {
                return Failure::new(IssueType::Deleted, "This tenant was erased.").with_status(410);
            }
            Error::OlderKeys => {
                // The log has it once, and not for each write.
                let told = "Nothing was changed: the tenant's keys are older than its records, as its directory was restored from an older backup. Tell the operator; reading goes on.";
                return Failure::new(IssueType::Exception, told).with_status(503);
            }
            Error::Region => {
                let told = "This server serves other regions than the one this tenant's records are kept in; ask a server of that region.";
                // Misdirected Request (RFC 9110 §15.5.20).
                return Failure::new(IssueType::Forbidden, told).with_status(421);
            }
            Error::Closed => (IssueType::Transient, "The server is shutting down; try again."),
            Error::ReadOnly => (
                IssueType::Transient,
                "The database is a standby now, or takes no writes; nothing was changed. Try again.",
            ),
            Error::Database(_) | Error::Migration(_) if error.is_passing() => {
                (IssueType::Transient, "The database cannot take the request now; nothing was changed. Try again.")
            }
            _ => return Failure::internal(error),
        };
        let mut failure = Failure::new(code, told);
        failure.cause = Some(Box::new(error));
        failure
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match postgres_code(&error).as_deref() {
            // query_canceled: by statement_timeout, as nobody else cancels our statements.
            Some("57014") => Error::Timeout,
            // Refused there, or the whole schema is gone: undefined_table, undefined_function.
            Some(MOVED | "42P01" | "42883") => Error::Moved,
            Some(FOREIGN) => Error::Foreign,
            _ => Error::Database(error),
        }
    }
}

/// What an operator can do about a database that takes no writes.
const READ_ONLY: &str = "promote it, or let the URL lead to the primary";

impl Error {
    /// What an operator can do about it, where that is known.
    pub fn advice(&self) -> Option<&'static str> {
        let cause = match self {
            Error::Role => {
                return Some("take these rights from the role, or drop it and let `medisync migrate` make it");
            }
            Error::ReadOnly => return Some(READ_ONLY),
            Error::OlderKeys => {
                return Some(
                    "restore the directory from a backup of the same time as the records, or a later one; where there is none, run \
                     `medisync keys rotate` with --tenant",
                );
            }
            Error::Behind => return Some("run `medisync migrate` with a login that may change it, past any pooler"),
            Error::Database(cause)
            | Error::Migration(MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) => cause,
            _ => return None,
        };
        let is_unreachable =
            is_connection_lost(cause) || matches!(cause, sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_));
        match postgres_code(cause).as_deref() {
            // insufficient_privilege
            Some("42501") => Some(
                "run `medisync migrate` once with a login that may create roles and schemas, and grant the server's login \
                 medisync_data and medisync_directory",
            ),
            Some(READS_ONLY) => Some(READ_ONLY),
            Some("28000" | "28P01") => Some("is the user right, and the password?"),
            Some("3D000") => Some("make it with `CREATE DATABASE`"),
            _ => is_unreachable.then_some("is it running, and does the URL say how to reach it?"),
        }
    }

    /// Whether the same request may succeed later: there is no connection, no space, a lock.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Error::Silent | Error::Closed | Error::ReadOnly => true,
            Error::Database(cause)
            | Error::Migration(MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) => {
                is_passing(cause)
            }
            _ => false,
        }
    }

    /// Whether the connection is gone or leads to a database that takes no writes, so that a new one may do better.
    pub(crate) fn is_connection_lost(&self) -> bool {
        matches!(self, Error::Database(error) if is_connection_lost(error))
    }
}

/// The SQLSTATE of a statement that was refused because the database takes no writes: nothing was written.
pub(crate) const READS_ONLY: &str = "25006";

/// Whether the connection is gone, and with it an answer that was still to come; or is one to a primary no more.
pub(crate) fn is_connection_lost(error: &sqlx::Error) -> bool {
    match postgres_code(error).as_deref() {
        // Of a transaction that was idle for too long, or took too long; and of class 57 those that end a session: shutdown by
        // an operator, after a crash, and of an idle one.
        Some(READS_ONLY | "25P03" | "25P04" | "57P01" | "57P02" | "57P03" | "57P05") => true,
        Some(code) => code.starts_with("08"),
        None => matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
    }
}

/// The SQLSTATE of an error of PostgreSQL's own.
pub(crate) fn postgres_code(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    Some(error.code().to_owned())
}

/// Whether the database may answer the same request later: no connection, no space, locked.
fn is_passing(error: &sqlx::Error) -> bool {
    if let Some(code) = postgres_code(error) {
        // postgresql.org/docs/current/errcodes-appendix.html: connections, rollbacks to be tried again, resources (a full
        // disk among them), locks, operators' interventions, input and output; and lost connections.
        let classes = ["08", "40", "53", "55", "57", "58"];
        return classes.iter().any(|it| code.starts_with(it)) || is_connection_lost(error);
    }
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL (sqlite.org/rescode.html), extended codes included.
        sqlx::Error::Database(it) => {
            it.code().and_then(|it| it.parse::<i32>().ok()).is_some_and(|it| matches!(it & 0xff, 5 | 6 | 10 | 13))
        }
        _ => false,
    }
}

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something that had to hold no longer does; nothing was written.
    #[error("the data changed meanwhile")]
    Conflict,
    /// The index rows were made by definitions that are others by now, or it was encrypted and marked by an earlier edition of the
    /// tenant's keys; nothing was written. It can be made again.
    #[error("the tenant's definitions or keys changed meanwhile")]
    Outdated,
    /// This content was loaded before; nothing was written.
    #[error("loaded before")]
    LoadedBefore,
    /// The store failed; nothing was written, unless it is [`Error::OutcomeUnknown`].
    #[error(transparent)]
    Store(#[from] Error),
}

/// Of a change that nothing can stand in the way of.
impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error,
            CommitError::Conflict | CommitError::Outdated | CommitError::LoadedBefore => Error::Silent,
        }
    }
}

impl From<sqlx::Error> for CommitError {
    fn from(error: sqlx::Error) -> Self {
        CommitError::Store(error.into())
    }
}
