//! The pool of read connections. Owns the timeout for getting one; while the database is known to
//! be unavailable, reads fail at once instead of waiting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::ConnectionError;
use diesel::r2d2::R2D2Connection;

use super::Error;
use crate::connection::{Access, Database, DbConnection};

/// The timeout for opening a connection. The pool always has room for one, since every reader holds
/// a permit.
const OPENING: Duration = Duration::from_secs(3);

/// Twice the longest interval between attempts to reach an unavailable database.
const RETRY: Duration = Duration::from_secs(1);

/// The pool; cheap to clone.
#[derive(Clone)]
pub(super) struct Readers {
    /// `None` once closed.
    pool: Arc<Mutex<Option<r2d2::Pool<Manager>>>>,
    away: Arc<AtomicBool>,
}

impl Readers {
    /// At most `count` connections, opened when they are needed.
    pub(super) fn new(database: Database, count: u32) -> Readers {
        let away = Arc::new(AtomicBool::new(false));
        let pool = r2d2::Pool::builder()
            .max_size(count)
            .min_idle(Some(1))
            .connection_timeout(RETRY)
            .test_on_check_out(true)
            .error_handler(Box::new(Quiet))
            .build_unchecked(Manager { database, away: Arc::clone(&away) });
        Readers { pool: Arc::new(Mutex::new(Some(pool))), away }
    }

    /// Closes the connections; those in use close when their reads are finished.
    pub(super) fn close(&self) {
        drop(self.pool().take());
    }

    fn pool(&self) -> MutexGuard<'_, Option<r2d2::Pool<Manager>>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection out of the pool. Blocks.
    pub(super) fn get(&self) -> Result<r2d2::PooledConnection<Manager>, Error> {
        let pool = self.pool().clone().ok_or(Error::Stopped)?;
        if self.away.load(Ordering::Relaxed) && pool.state().connections == 0 {
            return Err(Error::Unavailable("it cannot be reached".to_owned()));
        }
        pool.get_timeout(OPENING).map_err(Error::from)
    }
}

/// Opens the pool's connections.
pub(super) struct Manager {
    database: Database,
    /// The last attempt to connect failed. The pool keeps retrying.
    away: Arc<AtomicBool>,
}

impl r2d2::ManageConnection for Manager {
    type Connection = DbConnection;
    type Error = ConnectionError;

    fn connect(&self) -> Result<DbConnection, ConnectionError> {
        let opened = self.database.open(Access::Read);
        let was_away = self.away.swap(opened.is_err(), Ordering::Relaxed);
        match &opened {
            Err(error) if !was_away => log::error!("the database cannot be opened: {error}"),
            Ok(_) if was_away => log::info!("the database can be opened again"),
            _ => {}
        }
        opened
    }

    fn is_valid(&self, connection: &mut DbConnection) -> Result<(), ConnectionError> {
        match connection.is_open() {
            true => Ok(()),
            false => Err(ConnectionError::BadConnection("closed by the server".to_owned())),
        }
    }

    fn has_broken(&self, connection: &mut DbConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

/// Logs errors at debug level only. The manager logs an outage once, not at every attempt.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<ConnectionError> for Quiet {
    fn handle_error(&self, error: ConnectionError) {
        log::debug!("a pooled connection: {error}");
    }
}
