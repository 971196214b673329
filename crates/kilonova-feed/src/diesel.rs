//! A ready log for Diesel, on SQLite and PostgreSQL: [`append`] inside your transaction, and
//! [`DieselLog`] over a pool of connections.
//!
//! Works over any Diesel connection of these databases. Owns two tables, `kilonova_events` and
//! `kilonova_log`, which [`migrate`] makes and updates; their migrations have versions of their
//! own (from 1 on), which no date of yours can be.

mod append;
mod backend;
mod pool;
mod prune;
mod read;
#[doc(hidden)]
pub mod schema;

use chrono::{NaiveDateTime, SubsecRound, Utc};
use diesel::migration::Result as MigrationResult;

#[doc(hidden)]
pub use self::append::append_and_free;
pub use self::append::{append, holds};
pub use self::backend::{LogBackend, LogConnection};
pub use self::pool::{DieselLog, PoolError};
pub use self::prune::{Pruned, Retention, prune};
#[doc(hidden)]
pub use self::prune::{free, prune_rows};
pub use self::read::{page, state};

/// Brings the log's tables to the newest schema. To be called at start, after your own migrations
/// or before them.
///
/// Processes that start at the same time on a new PostgreSQL database should take a lock around
/// it, as around any migration.
pub fn migrate<C: LogConnection>(connection: &mut C) -> MigrationResult<()> {
    connection.migrate()
}

/// Whether [`migrate`] would change anything.
pub fn is_stale<C: LogConnection>(connection: &mut C) -> MigrationResult<bool> {
    connection.is_stale()
}

/// The time now, as the databases keep it: UTC, to the microsecond.
fn now() -> NaiveDateTime {
    Utc::now().naive_utc().trunc_subsecs(6)
}
