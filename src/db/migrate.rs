//! Migrates a database to the newest schema, with the migrations embedded in the binary.

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Error, lock};
use crate::connection::{DbConnection, transaction, with_variant};
use crate::models::post;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The `application_id` of a SQLite file that is a backup.
pub const BACKUP: i32 = 0x4b4e_4256;

/// The prefix of the versions of the feed's migrations; those of the application's are dates.
const OF_THE_FEED: &str = "0000";

/// No time limit for a migration of large tables; 10 minutes for other nodes that start at the same
/// time and wait for it.
const PATIENCE: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10min'";

/// Runs the migrations that were not yet applied to this database.
///
/// A lock makes sure that, when several processes start on a new database, one creates the tables
/// and the others find them.
pub(super) fn run(connection: &mut DbConnection) -> Result<(), Error> {
    if let DbConnection::Sqlite(c) = connection
        && !c.has_pending_migration(SQLITE).map_err(|error| failed(&error))?
        && !kilonova_feed::diesel::is_stale(c).map_err(|error| failed(&error))?
    {
        return refuse_newer(connection);
    }
    // A transaction that waited for the lock must see the changes of the one that held it.
    transaction(
        connection,
        "BEGIN IMMEDIATE",
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        |connection| {
            if let DbConnection::Postgres(c) = connection {
                c.batch_execute(PATIENCE)?;
                c.batch_execute(lock::MIGRATIONS)?;
            }
            refuse_newer(connection)?;
            let done = match &mut *connection {
                DbConnection::Sqlite(c) => c.run_pending_migrations(SQLITE),
                DbConnection::Postgres(c) => c.run_pending_migrations(POSTGRES),
            };
            let done = done.map_err(|error| failed(&error))?;
            for version in &done {
                log::debug!("migrated the database to {version}");
            }
            if !done.is_empty() {
                post::fill_slugs(connection)?;
            }
            // After the application's own migrations, one of which hands over an older log.
            with_variant!(connection, c => kilonova_feed::diesel::migrate(c))
                .map_err(|error| failed(&error))
        },
    )
}

/// Fails if a database is a backup.
pub(super) fn refuse_backups(connection: &mut DbConnection) -> Result<(), Error> {
    let DbConnection::Sqlite(c) = connection else { return Ok(()) };
    let id = diesel::select(sql::<Integer>("(SELECT * FROM pragma_application_id)"));
    match id.get_result::<i32>(c)? == BACKUP {
        true => Err(Error::Backup),
        false => Ok(()),
    }
}

/// Fails if a database does not have the schema of this version.
pub(super) fn refuse_others(connection: &mut DbConnection) -> Result<(), Error> {
    refuse_newer(connection)?;
    let is_older = match connection {
        DbConnection::Sqlite(c) => c.has_pending_migration(SQLITE),
        DbConnection::Postgres(c) => c.has_pending_migration(POSTGRES),
    };
    let is_stale = with_variant!(connection, c => kilonova_feed::diesel::is_stale(c));
    match is_older.map_err(|error| failed(&error))? || is_stale.map_err(|error| failed(&error))? {
        true => Err(Error::Older),
        false => Ok(()),
    }
}

/// Fails if a migration was applied that this version does not know: it may have changed rows in a
/// way that this version does not know either.
fn refuse_newer(connection: &mut DbConnection) -> Result<(), Error> {
    let unknown = match connection {
        DbConnection::Sqlite(c) => unknown(c, SQLITE),
        DbConnection::Postgres(c) => unknown(c, POSTGRES),
    };
    if let Some(version) = unknown.map_err(|error| failed(&error))? {
        return Err(Error::Newer(version));
    }
    let is_newer = with_variant!(connection, c => kilonova_feed::diesel::is_newer(c));
    match is_newer.map_err(|error| failed(&error))? {
        true => Err(Error::Newer("of the log".to_owned())),
        false => Ok(()),
    }
}

/// The newest of the application's migrations that was applied and that this version does not know.
fn unknown<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
) -> diesel::migration::Result<Option<String>>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known = source.migrations()?;
    let is_known = |version: &MigrationVersion<'_>| {
        known.iter().any(|migration| migration.name().version() == *version)
    };
    let applied = connection.applied_migrations()?;
    let unknown = applied.into_iter().filter(|version| !is_known(version));
    let unknown = unknown.map(|version| version.to_string());
    Ok(unknown.filter(|version| !version.starts_with(OF_THE_FEED)).max())
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::Migration(error.to_string())
}
