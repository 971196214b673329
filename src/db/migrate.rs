//! Brings a database to the newest schema with the migrations embedded in the binary.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Error;
use crate::connection::{DbConnection, with_variant};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Runs the migrations that this database has not seen.
pub(super) fn run(connection: &mut DbConnection) -> Result<(), Error> {
    with_variant!(connection, c => c.run_pending_migrations(SQLITE))
        .map(|ran| {
            for version in ran {
                log::debug!("migrated the database to {version}");
            }
        })
        .map_err(|error| Error::Migration(error.to_string()))
}
