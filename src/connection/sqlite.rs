//! Opens a SQLite file and sets the connection up.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::Access;

/// How long a statement waits for another process's write lock, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 10_000;

/// The size to which SQLite truncates the write-ahead log after a checkpoint.
const JOURNAL_BYTES: u32 = 16 * 1024 * 1024;

/// Opens the file at `path` and creates it if it is missing.
///
/// With WAL, readers never wait for the writer. With `synchronous = FULL`, acknowledged writes
/// survive a power cut. With `secure_delete`, deleted data does not stay in the file's free pages,
/// and so in every copy of the file.
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

/// Switches to WAL. When several processes open a new database at once, all but one fail to get the
/// lock that this takes. SQLite does not apply the busy timeout to it, so this retries for that
/// long.
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
