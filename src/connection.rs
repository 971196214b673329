//! One connection type for all supported databases, selected by the URL at run time. This module
//! owns the set of databases and how a connection is opened; `db` owns pools and threads.

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
        /// The embedded database in a single file.
        Sqlite(SqliteConnection),
        /// A server, which several nodes may share.
        Postgres(PostgresConnection),
    }
}

/// Runs a query with the variant's concrete connection type, for SQL that Diesel's multi-connection
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

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Queries only; a write through such a connection fails.
    Read,
    /// The one connection of this process that writes.
    Write,
}

/// The database of a site.
#[derive(Clone)]
pub enum Database {
    /// A SQLite file, created if missing.
    Sqlite(PathBuf),
    /// An existing PostgreSQL database.
    Postgres(Box<Postgres>),
}

impl Database {
    /// Opens and configures a connection. Blocks.
    pub fn open(&self, access: Access) -> ConnectionResult<DbConnection> {
        match self {
            Database::Sqlite(path) => sqlite::open(path, access).map(DbConnection::Sqlite),
            Database::Postgres(server) => {
                PostgresConnection::open(server, access).map(DbConnection::Postgres)
            }
        }
    }

    /// Returns whether the database certainly does not exist, determined without connecting.
    pub fn is_missing(&self) -> bool {
        matches!(self, Database::Sqlite(path) if !path.exists())
    }
}

/// Formats the database for people, without a password.
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
    /// Sets how long to wait for each answer from now on, for long statements.
    pub fn set_patience(&mut self, patience: Duration) {
        if let DbConnection::Postgres(connection) = self {
            connection.set_patience(patience);
        }
    }

    /// Returns whether the connection still works, as far as is known without querying the
    /// database.
    pub fn is_open(&mut self) -> bool {
        match self {
            DbConnection::Sqlite(_) => true,
            DbConnection::Postgres(connection) => connection.is_open(),
        }
    }
}

/// Runs queries in one snapshot, which concurrent commits do not change.
pub fn snapshot<T, E: From<diesel::result::Error>>(
    connection: &mut DbConnection,
    query: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    // SQLite's transactions are snapshots from their first read.
    transaction(connection, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", query)
}

/// Runs a transaction that begins with the SQL for each database, and is rolled back on error.
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
                log::debug!("cannot roll back: {rollback}");
            }
            Err(error)
        }
    }
}
