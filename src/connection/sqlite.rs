//! Opens a SQLite file and sets the connection up.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::Access;

/// How long a statement waits for another process's write lock, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 10_000;

/// What the write-ahead journal keeps of its size once all of it is in the database.
const JOURNAL_BYTES: u32 = 16 * 1024 * 1024;

/// Opens the file at `path`, made if missing.
///
/// WAL, so that readers never wait for the writer; `synchronous = FULL`, so that what was
/// acknowledged survives a power cut; `secure_delete`, so that what was deleted is not in the file's
/// free pages, and in every copy of it.
pub(super) fn open(path: &Path, access: Access) -> ConnectionResult<SqliteConnection> {
    let path = path.to_str().ok_or_else(|| {
        ConnectionError::BadConnection("the database's path is not valid Unicode".to_owned())
    })?;
    let mut connection = SqliteConnection::establish(path)?;
    connection
        .batch_execute(&format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};"))
        .and_then(|()| match access {
            Access::Write => set_wal(&mut connection).and_then(|()| {
                connection.batch_execute(&format!(
                    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                     PRAGMA secure_delete = ON; PRAGMA journal_size_limit = {JOURNAL_BYTES};"
                ))
            }),
            Access::Read => {
                connection.batch_execute("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456;")
            }
        })
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
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
