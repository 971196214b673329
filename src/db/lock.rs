//! The locks that the writers of several nodes take on PostgreSQL. SQLite needs none, since it
//! allows one writer at a time.
//!
//! Transactions take them in one order, so that no two wait for each other: first the lock of
//! changes, then those of single keys, both before any row; last the log's row, which gives a
//! transaction its positions. Only the rows of accounts and sign-ins are outside this order; see
//! ARCHITECTURE.md.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::connection::DbConnection;
use crate::models::stored_response::Key;

/// Held while the schema is migrated.
pub(super) const MIGRATIONS: &str = "SELECT pg_advisory_xact_lock(1802661750, 1)";

/// Held until its end by a transaction that depends on rows it has read. One such transaction runs
/// at a time across all nodes, as on SQLite, so the rows that it has read do not change under it.
const CHANGES: &str = "SELECT pg_advisory_xact_lock(1802661750, 2)";

/// Waits until no other transaction that depends on rows it has read is running.
pub(super) fn changes(connection: &mut DbConnection) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(c) => c.batch_execute(CHANGES),
    }
}

/// Waits until no other transaction answers a request with one of these keys, and keeps others from
/// doing so until this transaction ends.
pub(super) fn keys<'a>(
    connection: &mut DbConnection,
    keys: impl Iterator<Item = &'a Key>,
) -> QueryResult<()> {
    let DbConnection::Postgres(c) = connection else { return Ok(()) };
    // Sorted: otherwise two batches with the same keys could wait for each other.
    for number in keys.map(number).collect::<BTreeSet<i64>>() {
        c.batch_execute(&format!("SELECT pg_advisory_xact_lock({number})"))?;
    }
    Ok(())
}

/// The number of a key's advisory lock. If two keys share a number, one only waits for the other.
fn number(key: &Key) -> i64 {
    let digest = Sha256::new().chain_update(&key.path).chain_update([0]);
    let digest = digest.chain_update(&key.key).finalize();
    digest.iter().take(7).fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte))
}

/// Waits until every transaction that was given positions has committed or rolled back.
pub(super) fn log(connection: &mut DbConnection) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(c) => c.batch_execute("SELECT position FROM kilonova_log FOR SHARE"),
    }
}
