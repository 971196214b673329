//! Brings a database to the newest schema with the migrations embedded in the binary.

use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Error, lock};
use crate::connection::{DbConnection, transaction, with_variant};
use crate::models::post;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// What a migration of much data may take, and what those that start at the same time wait for it.
const PATIENCE: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10min'";

/// Runs the migrations that this database has not seen.
///
/// Under a lock, so that of processes that start at once on a new database one makes the tables and
/// the others find them.
pub(super) fn run(connection: &mut DbConnection) -> Result<(), Error> {
    if let DbConnection::Sqlite(c) = connection
        && !c.has_pending_migration(SQLITE).map_err(|error| failed(&error))?
        && !kilonova_feed::diesel::is_stale(c).map_err(|error| failed(&error))?
    {
        return Ok(());
    }
    // Who has waited for the lock must see what the other has made meanwhile.
    transaction(
        connection,
        "BEGIN IMMEDIATE",
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        |connection| {
            let done = match &mut *connection {
                DbConnection::Sqlite(c) => c.run_pending_migrations(SQLITE),
                DbConnection::Postgres(c) => {
                    c.batch_execute(PATIENCE)?;
                    c.batch_execute(lock::MIGRATIONS)?;
                    c.run_pending_migrations(POSTGRES)
                }
            };
            let done = done.map_err(|error| failed(&error))?;
            for version in &done {
                log::debug!("migrated the database to {version}");
            }
            if !done.is_empty() {
                post::fill_slugs(connection)?;
            }
            // After the application's own, of which one hands an older log over.
            with_variant!(connection, c => kilonova_feed::diesel::migrate(c))
                .map_err(|error| failed(&error))
        },
    )
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::Migration(error.to_string())
}
