//! A ready-made log for Diesel, on SQLite and PostgreSQL: [`append()`] inside your transaction, and
//! [`DieselLog`] over a pool of connections.
//!
//! Works over any Diesel connection to these databases. Owns two tables, `kilonova_events` and
//! `kilonova_log`, which [`migrate`] creates and updates. Their migrations are numbered from 1, so
//! they cannot collide with your migrations, whose versions are dates.

mod append;
mod backend;
mod pool;
mod prune;
mod read;
pub mod schema;
#[cfg(feature = "sqlite")]
mod wal;

use chrono::{NaiveDateTime, SubsecRound, Utc};
use diesel::QueryResult;
use diesel::connection::TransactionManager;
use diesel::result::Error;

use self::backend::Statements as _;

pub use self::append::{append, append_pruned, holds};
pub use self::backend::LogConnection;
pub use self::pool::{DieselLog, PoolError};
pub use self::prune::{Pruned, Retention, prune, prune_rows};
pub use self::read::{page, state};
#[cfg(feature = "sqlite")]
pub use self::wal::WalMode;

/// Brings the log's tables to the newest schema. Call it at start, before or after your own
/// migrations.
///
/// If several processes can start at the same time on a new PostgreSQL database, take a lock
/// around it, as around any migration.
///
/// Fails if a newer version of this crate has migrated the tables: see [`is_newer`].
pub fn migrate<C: LogConnection>(connection: &mut C) -> Result<(), MigrateError> {
    C::Backend::migrate(connection).map_err(MigrateError)
}

/// Returns true if [`migrate`] would change anything.
pub fn is_stale<C: LogConnection>(connection: &mut C) -> Result<bool, MigrateError> {
    C::Backend::is_stale(connection).map_err(MigrateError)
}

/// Returns true if a newer version of this crate has migrated the log's tables. This version does
/// not know the schema that it created.
pub fn is_newer<C: LogConnection>(connection: &mut C) -> Result<bool, MigrateError> {
    C::Backend::is_newer(connection).map_err(MigrateError)
}

/// The error of a failed migration of the log's tables.
#[derive(Debug, thiserror::Error)]
#[error("the tables of the log cannot be migrated: {0}")]
pub struct MigrateError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Fails outside a transaction: there, a row could be committed without its event.
fn in_transaction<C: LogConnection>(connection: &mut C) -> QueryResult<()> {
    let status = C::TransactionManager::transaction_manager_status_mut(connection);
    match status.transaction_depth()? {
        Some(_) => Ok(()),
        None => Err(Error::NotInTransaction),
    }
}

/// The current time in UTC, truncated to the databases' precision of microseconds.
fn now() -> NaiveDateTime {
    Utc::now().naive_utc().trunc_subsecs(6)
}
