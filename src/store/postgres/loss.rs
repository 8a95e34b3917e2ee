//! What is lost with a connection that is lost.

use crate::Error;
use crate::error::{READS_ONLY, postgres_code};

/// Which connections to the database are used no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// All: it does not answer, says that it crashed, or takes no writes any more.
    All,
    /// Those that have rested as long: somebody ends what nobody uses, or the database was started anew. What was used since shows by
    /// itself whether it is lost, the newest of its schema first, with which the others go.
    Idle,
    /// The one alone: it is no more than that, or its own transaction was ended.
    One,
}

impl Loss {
    /// What is lost where one failed so.
    pub(super) fn of(error: &Error) -> Loss {
        let code = match error {
            Error::Silent | Error::ReadOnly => return Loss::All,
            Error::Database(cause) => postgres_code(cause),
            _ => None,
        };
        match code.as_deref() {
            // Ended as another session crashed; refused as the database is being started or stopped.
            Some(READS_ONLY | "57P02" | "57P03") => Loss::All,
            // A transaction that was idle for too long, or took too long.
            Some("25P03" | "25P04") => Loss::One,
            _ if error.is_connection_lost() => Loss::Idle,
            _ => Loss::One,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_does_not_answer_is_left_altogether() {
        let broken = |kind: std::io::ErrorKind| Error::Database(sqlx::Error::Io(kind.into()));
        for (error, loss) in [
            (Error::Silent, Loss::All),
            (Error::ReadOnly, Loss::All),
            (broken(std::io::ErrorKind::UnexpectedEof), Loss::Idle),
            (broken(std::io::ErrorKind::ConnectionReset), Loss::Idle),
            (Error::Timeout, Loss::One),
            (Error::Database(sqlx::Error::RowNotFound), Loss::One),
        ] {
            assert_eq!(Loss::of(&error), loss, "{error}");
        }
    }
}
