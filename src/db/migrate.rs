//! Brings a database to the newest schema with the migrations embedded in the binary.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Error;
use crate::connection::{DbConnection, with_variant};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Runs the migrations that this database has not seen.
///
/// Under the write lock, so that of processes that start at once on a new database one makes the
/// tables and the others find them.
pub(super) fn run(connection: &mut DbConnection) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Migration(error.to_string());
    with_variant!(connection, c => {
        if !c.has_pending_migration(SQLITE).map_err(|error| failed(&error))? {
            return Ok(());
        }
        c.immediate_transaction(|c| {
            for version in c.run_pending_migrations(SQLITE).map_err(|error| failed(&error))? {
                log::debug!("migrated the database to {version}");
            }
            Ok(())
        })
    })
}
