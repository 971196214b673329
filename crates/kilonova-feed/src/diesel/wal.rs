//! Settings of a pool's connections to SQLite, with which reads of the log and your writes do not
//! fail with `SQLITE_BUSY`.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{CustomizeConnection, Error};

/// Sets WAL mode on each of a pool's connections to SQLite, in which readers and the writer do not
/// block each other, and a busy timeout of five seconds for two writers.
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
        // The timeout comes first, because the change of mode waits for a lock.
        let settings = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL;";
        connection.batch_execute(settings).map_err(Error::QueryError)
    }
}
