//! What can go wrong with the database itself, told apart by what its user can do about it.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// Why a read or a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too much waits already: try again later.
    #[error("the database is overloaded")]
    Overloaded,
    /// It cannot be reached, or it has no room: nothing was written.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The application is stopping.
    #[error("the database is closed")]
    Stopped,
    /// The work panicked; its part of the transaction was rolled back.
    #[error("the work on the database panicked")]
    Panicked,
    /// The schema cannot be brought up to date.
    #[error("the database's schema cannot be updated: {0}")]
    Migration(String),
    /// A newer version of this application has changed the schema; names the migration.
    #[error(
        "a newer version of kilonova has migrated it (migration {0}); use that version, or restore \
         a backup that is older"
    )]
    Newer(String),
    /// An older version made the schema, and the caller changes nothing.
    #[error(
        "an older version of kilonova uses it; let that version do this, or start this one once"
    )]
    Older,
    /// The file is a backup, which nothing may write to.
    #[error("it is a backup; pass it to kilonova restore")]
    Backup,
    /// Anything else.
    #[error(transparent)]
    Query(Diesel),
}

impl Error {
    /// Sorts an error of Diesel's. SQLite's message is all there is to tell its full disk by.
    pub fn of(error: Diesel) -> Error {
        match error {
            Diesel::DatabaseError(kind, ref info) => {
                let message = info.message();
                let lost = matches!(
                    kind,
                    DatabaseErrorKind::ClosedConnection
                        | DatabaseErrorKind::UnableToSendCommand
                        | DatabaseErrorKind::ReadOnlyTransaction
                        | DatabaseErrorKind::SerializationFailure
                );
                let outage = lost
                    || [
                        "is full",
                        "disk I/O",
                        "locked",
                        "readonly",
                        "unable to open",
                        "no such savepoint",
                    ]
                    .iter()
                    .any(|sign| message.contains(sign));
                if outage { Error::Unavailable(message.to_owned()) } else { Error::Query(error) }
            }
            Diesel::BrokenTransactionManager => Error::Unavailable(error.to_string()),
            Diesel::RollbackErrorOnCommit { commit_error, .. } => Error::of(*commit_error),
            other => Error::Query(other),
        }
    }
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Error {
        Error::of(error)
    }
}

impl From<diesel::ConnectionError> for Error {
    fn from(error: diesel::ConnectionError) -> Error {
        match error {
            diesel::ConnectionError::CouldntSetupConfiguration(error) => {
                Error::Unavailable(error.to_string())
            }
            other => Error::Unavailable(other.to_string()),
        }
    }
}

impl From<r2d2::Error> for Error {
    fn from(error: r2d2::Error) -> Error {
        Error::Unavailable(error.to_string())
    }
}
