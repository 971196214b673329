//! How a pool's connections to SQLite are prepared, so that reads of the log and your writes do not
//! refuse each other.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{CustomizeConnection, Error};

/// Prepares each of a pool's connections to SQLite: WAL mode, in which readers and the writer do
/// not wait for each other, and five seconds of waiting for another writer instead of an error.
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
        // The timeout first: changing the mode waits for a lock.
        let settings = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL;";
        connection.batch_execute(settings).map_err(Error::QueryError)
    }
}
