//! Settings for a pool's connections to SQLite that keep reads of the log and your writes from
//! failing with `SQLITE_BUSY`.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{CustomizeConnection, Error};

/// Sets WAL mode and a busy timeout of five seconds on each of a pool's connections to SQLite. In
/// WAL mode, readers and the writer do not block each other; the timeout lets one writer wait for
/// another.
///
/// ```no_run
/// use diesel::SqliteConnection;
/// use diesel::r2d2::{ConnectionManager, Pool};
/// use kilonova_feed::diesel::WalMode;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = ConnectionManager::<SqliteConnection>::new("site.sqlite3");
/// let pool = Pool::builder().connection_customizer(Box::new(WalMode)).build(manager)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct WalMode;

impl CustomizeConnection<SqliteConnection, Error> for WalMode {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        // The timeout comes first, because changing the mode waits for a lock.
        let settings = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL;";
        connection.batch_execute(settings).map_err(Error::QueryError)
    }
}

#[cfg(test)]
mod tests {
    use diesel::Connection;
    use diesel::r2d2::{ConnectionManager, Pool};

    use super::*;
    use crate::NewEvent;
    use crate::diesel::{append, migrate, state};

    #[test]
    fn a_reader_does_not_block_a_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.sqlite3").display().to_string();
        let pool = Pool::builder()
            .max_size(2)
            .connection_customizer(Box::new(WalMode))
            .build(ConnectionManager::<SqliteConnection>::new(path))
            .expect("a pool");
        let (mut reader, mut writer) = (pool.get().expect("one"), pool.get().expect("another"));
        migrate(&mut writer).expect("the log's tables");
        let seen = reader.transaction(|reader| {
            let before = state(reader)?.position;
            writer.immediate_transaction(|writer| {
                let event = NewEvent::new("orders", "order_created", "tea").expect("JSON");
                append(writer, [event])
            })?;
            diesel::QueryResult::Ok((before, state(reader)?.position))
        });
        assert_eq!(seen, Ok((0, 0)), "the reader keeps its snapshot");
        assert_eq!(state(&mut reader).map(|state| state.position), Ok(1));
    }
}
