//! What may go wrong in a store.

use fhir::{Failure, IssueType};

/// A store's failure. The caller can do nothing about it but try again later.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or broke.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
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
            Error::Closed => (IssueType::Transient, "The server is shutting down; try again."),
            Error::Database(cause) if is_passing(cause) => {
                (IssueType::Transient, "The database cannot take the request now; nothing was changed. Try again.")
            }
            _ => return Failure::internal(error),
        };
        let mut failure = Failure::new(code, told);
        failure.cause = Some(Box::new(error));
        failure
    }
}

/// Whether the database may answer the same request later: no connection, no space, locked.
fn is_passing(error: &sqlx::Error) -> bool {
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
    /// The index rows were made by definitions that are others by now; nothing was written.
    #[error("the tenant's definitions changed meanwhile")]
    Outdated,
    /// This content was loaded before; nothing was written.
    #[error("loaded before")]
    LoadedBefore,
    /// The store failed; nothing was written.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<sqlx::Error> for CommitError {
    fn from(error: sqlx::Error) -> Self {
        CommitError::Store(error.into())
    }
}
