//! One connection type over every database that the application can run on, chosen by the URL at
//! run time. Owns which there are and how a connection is opened; pools and threads are `db`'s.

#[cfg(not(feature = "postgres"))]
#[path = "connection/no_postgres.rs"]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;
#[cfg(feature = "postgres")]
mod tls;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use diesel::prelude::*;

pub use self::multi::DbConnection;
pub(crate) use self::postgres::ALONE;
pub use self::postgres::PostgresConnection;
pub use self::postgres::url::Postgres;

mod multi {
    use diesel::sqlite::SqliteConnection;

    use super::PostgresConnection;

    /// A connection to the database. The queries in `models` are written once, over this type.
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// The embedded database, one file.
        Sqlite(SqliteConnection),
        /// A server, which several nodes may share.
        Postgres(PostgresConnection),
    }
}

/// Runs one query with the variant's own connection type, for what Diesel's multi-connection
/// cannot express (`RETURNING` of an insert, inserts of many rows, `ON CONFLICT`).
macro_rules! with_variant {
    ($connection:expr, $inner:ident => $query:expr) => {
        match $connection {
            $crate::connection::DbConnection::Sqlite($inner) => $query,
            $crate::connection::DbConnection::Postgres($inner) => $query,
        }
    };
}
pub(crate) use with_variant;

/// The use of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Queries only; a write through such a connection fails.
    Read,
    /// The one connection of this process that writes.
    Write,
}

/// Which database.
#[derive(Clone)]
pub enum Database {
    /// A SQLite file, made if missing.
    Sqlite(PathBuf),
    /// A PostgreSQL database, which exists.
    Postgres(Box<Postgres>),
}

impl Database {
    /// Opens a connection and sets it up. Blocks.
    pub fn open(&self, access: Access) -> ConnectionResult<DbConnection> {
        match self {
            Database::Sqlite(path) => sqlite::open(path, access).map(DbConnection::Sqlite),
            Database::Postgres(server) => {
                PostgresConnection::open(server, access).map(DbConnection::Postgres)
            }
        }
    }

    /// Whether it is certain, without a connection, that nothing is there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Database::Sqlite(path) if !path.exists())
    }
}

/// For people: never with a password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Sqlite(path) => path.display().fmt(f),
            Database::Postgres(server) => server.fmt(f),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

impl DbConnection {
    /// Waits so long for an answer from now on, for work that takes what it takes.
    pub fn set_patience(&mut self, patience: Duration) {
        if let DbConnection::Postgres(connection) = self {
            connection.set_patience(patience);
        }
    }

    /// Whether it can still be used, by all that is known of it without asking the database.
    pub fn is_open(&mut self) -> bool {
        match self {
            DbConnection::Sqlite(_) => true,
            DbConnection::Postgres(connection) => connection.is_open(),
        }
    }
}

/// Reads in one snapshot, which nothing that is committed meanwhile changes.
pub fn snapshot<T, E: From<diesel::result::Error>>(
    connection: &mut DbConnection,
    query: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    // SQLite's transactions are snapshots from their first read on.
    transaction(connection, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", query)
}

/// A transaction that begins as each database must be told to, and is rolled back after an error.
pub(crate) fn transaction<T, E: From<diesel::result::Error>>(
    connection: &mut DbConnection,
    sqlite: &str,
    postgres: &str,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    use diesel::connection::{AnsiTransactionManager as Manager, TransactionManager as _};
    match connection {
        DbConnection::Sqlite(c) => Manager::begin_transaction_sql(c, sqlite)?,
        DbConnection::Postgres(c) => Manager::begin_transaction_sql(c, postgres)?,
    }
    match work(connection) {
        Ok(value) => {
            with_variant!(connection, c => Manager::commit_transaction(c))?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = with_variant!(connection, c => Manager::rollback_transaction(c))
            {
                log::debug!("rolling back failed: {rollback}");
            }
            Err(error)
        }
    }
}
