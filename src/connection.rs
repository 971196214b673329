//! One connection type over every database that the application can run on, chosen by the URL at
//! run time. Owns how a connection is opened and set up; pools and threads are `db`'s.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

mod multi {
    use diesel::sqlite::SqliteConnection;

    /// A connection to the database. The queries in `models` are written once, over this type.
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// The embedded database, one file.
        Sqlite(SqliteConnection),
    }
}

pub use self::multi::DbConnection;

/// Runs one query with the variant's own connection type, for what Diesel's multi-connection
/// cannot express (`RETURNING` of an insert, inserts of many rows, `ON CONFLICT`).
macro_rules! with_variant {
    ($connection:expr, $inner:ident => $query:expr) => {
        match $connection {
            $crate::connection::DbConnection::Sqlite($inner) => $query,
        }
    };
}
pub(crate) use with_variant;

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Queries only; a write through such a connection fails.
    Read,
    /// The one connection of this process that writes.
    Write,
}

/// How long a statement waits for another process's write lock, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 10_000;

/// Opens the SQLite database at `path` and sets it up.
///
/// WAL, so that readers never wait for the writer; `synchronous = FULL`, so that what was
/// acknowledged survives a power cut.
pub fn open_sqlite(path: &Path, access: Access) -> ConnectionResult<DbConnection> {
    let path = path.to_str().ok_or_else(|| {
        ConnectionError::BadConnection("the database's path is not valid Unicode".to_owned())
    })?;
    let mut connection = SqliteConnection::establish(path)?;
    connection
        .batch_execute(&format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};"))
        .and_then(|()| match access {
            Access::Write => set_wal(&mut connection).and_then(|()| {
                connection.batch_execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            }),
            Access::Read => {
                connection.batch_execute("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456;")
            }
        })
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(DbConnection::Sqlite(connection))
}

/// Switches to WAL. Of processes that open a new database at once all but one are refused the lock
/// that this takes, without the busy timeout: they try again for as long.
fn set_wal(connection: &mut SqliteConnection) -> QueryResult<()> {
    let start = Instant::now();
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(error)
                if error.to_string().contains("locked")
                    && start.elapsed() < Duration::from_millis(BUSY_TIMEOUT_MS.into()) =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}
