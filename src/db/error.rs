//! Errors of the database itself, distinguished by what the caller can do about them.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// The reason why a read or a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many reads or transactions are waiting; retry later.
    #[error("the database is overloaded")]
    Overloaded,
    /// The database cannot be reached or is full; nothing was written.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The application is stopping.
    #[error("the database is closed")]
    Stopped,
    /// The closure panicked; its part of the transaction was rolled back.
    #[error("the work on the database panicked")]
    Panicked,
    /// The migrations failed.
    #[error("the database's schema cannot be updated: {0}")]
    Migration(String),
    /// A newer version of this application has changed the schema; names the migration.
    #[error(
        "a newer version of kilonova has migrated it (migration {0}); use that version, or restore \
         an older backup"
    )]
    Newer(String),
    /// The schema is of an older version, and the caller does not migrate it.
    #[error(
        "an older version of kilonova uses it; run that version, or start this one once to migrate \
         it"
    )]
    Older,
    /// The file is a backup, which must not be written to.
    #[error("it is a backup; pass it to kilonova restore")]
    Backup,
    /// Anything else.
    #[error(transparent)]
    Query(Diesel),
}

impl Error {
    /// Classifies an error from Diesel. Only its message identifies SQLite's full disk.
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
