//! The locks that writers of several nodes take on PostgreSQL. SQLite has one writer at a time by
//! its nature and needs none.
//!
//! In this order, so that no two transactions wait for one another: first that of changes, then
//! those of single keys, before any row; last the log's row, with which a transaction gets its
//! positions. Only the rows of accounts and sign-ins are outside of it: see ARCHITECTURE.md.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::connection::DbConnection;
use crate::models::stored_response::Key;

/// Held while the schema is changed.
pub(super) const MIGRATIONS: &str = "SELECT pg_advisory_xact_lock(1802661750, 1)";

/// Held by a transaction that builds on rows which it has read, until its end: over all nodes there
/// is one at a time, as there is with SQLite. What it has read does not change under it.
const CHANGES: &str = "SELECT pg_advisory_xact_lock(1802661750, 2)";

/// Waits until no other transaction builds on rows that it has read.
pub(super) fn changes(connection: &mut DbConnection) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(c) => c.batch_execute(CHANGES),
    }
}

/// Waits until no other transaction answers a request under one of these keys, until the
/// transaction's end.
pub(super) fn keys<'a>(
    connection: &mut DbConnection,
    keys: impl Iterator<Item = &'a Key>,
) -> QueryResult<()> {
    let DbConnection::Postgres(c) = connection else { return Ok(()) };
    // All in one order: two batches with the same keys would else wait for one another.
    for number in keys.map(number).collect::<BTreeSet<i64>>() {
        c.batch_execute(&format!("SELECT pg_advisory_xact_lock({number})"))?;
    }
    Ok(())
}

/// What PostgreSQL knows a key by. Two keys of one number only wait for one another.
fn number(key: &Key) -> i64 {
    let digest = Sha256::new().chain_update(&key.path).chain_update([0]);
    let digest = digest.chain_update(&key.key).finalize();
    digest.iter().take(7).fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte))
}

/// Waits until every transaction that has been given positions has ended, one way or the other.
pub(super) fn log(connection: &mut DbConnection) -> QueryResult<()> {
    match connection {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(c) => c.batch_execute("SELECT position FROM kilonova_log FOR SHARE"),
    }
}
