//! `kilonova copy`: copies a site from one database to another, from SQLite to PostgreSQL or back,
//! with its ids, its log and its stored responses.
//!
//! The copy is one transaction, so an interrupted copy leaves the new database empty. The copy
//! continues the log under the same id, so clients can resume from it and search indexes remain
//! valid. After the copy, write to only one of the two databases.

mod rows;
pub mod whole;

use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use self::whole::{Extent, Progress};
use crate::connection::{Database, DbConnection, transaction};
use crate::db;
use crate::locks::{self, Lock};

/// The reason why a database was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database to copy does not exist.
    #[error("there is no database at {0}")]
    Missing(String),
    /// Both URLs name one database.
    #[error("{0} cannot be copied to itself")]
    Same(String),
    /// A server uses one of the databases.
    #[error("a server uses {0}; stop it first")]
    InUse(String),
    /// The folder of one of the databases cannot be used.
    #[error(transparent)]
    Folder(locks::Error),
    /// The target has rows, which the copy would mix with the copied ones.
    #[error("{0} is not empty: {1} has {2} row(s)")]
    NotEmpty(String, &'static str, i64),
    /// A row cannot be read from one database or written to the other.
    #[error("nothing was copied: {0}")]
    Incomplete(#[source] whole::Error),
    /// A database cannot be opened or reports an error.
    #[error("{0}: {1}")]
    Database(String, #[source] db::Error),
    /// A transaction cannot begin or end.
    #[error("nothing was copied: {0}")]
    Transaction(#[from] diesel::result::Error),
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] std::io::Error),
}

/// Runs the command: copies `from` to `to`, which must be empty, and reports the row counts to
/// `out`.
pub fn command(from: &Database, to: &Database, out: &mut dyn Write) -> Result<(), CopyError> {
    if from.to_string() == to.to_string() {
        return Err(CopyError::Same(from.to_string()));
    }
    if from.is_missing() {
        return Err(CopyError::Missing(from.to_string()));
    }
    let _locks = (reserve(from)?, reserve(to)?);
    let open = |database: &Database| {
        db::open_migrated(database)
            .map_err(|error| CopyError::Database(database.to_string(), error))
    };
    let (mut old, mut new) = (open(from)?, open(to)?);
    old.set_patience(PATIENCE);
    new.set_patience(PATIENCE);
    // Ctrl+C ends the process, and with it both transactions.
    let never = AtomicBool::new(false);
    let progress = Progress::of_rows(&never);
    // Lock the old database until the end, so that it gets no row that is missing in the new one.
    let copied = transaction(&mut old, "BEGIN IMMEDIATE", REPEATABLE, |old| {
        alone(old, from)?;
        transaction(&mut new, "BEGIN IMMEDIATE", "BEGIN", |new| {
            alone(new, to)?;
            whole::copy(old, new, Extent::Everything, &progress).map_err(|error| match error {
                whole::Error::NotEmpty(table, rows) => {
                    CopyError::NotEmpty(to.to_string(), table, rows)
                }
                error => CopyError::Incomplete(error),
            })
        })
    });
    drop(progress);
    let told: Vec<String> = copied?.iter().map(|(name, rows)| format!("{rows} {name}")).collect();
    writeln!(out, "copied to {to}: {}", told.join(", ")).map_err(CopyError::Output)
}

/// The timeout for one statement: counting the rows of a large site takes a while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Begins a PostgreSQL transaction on one snapshot.
const REPEATABLE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

/// Locks a database against writes by other processes. Fails if another process uses it.
fn alone(connection: &mut DbConnection, database: &Database) -> Result<(), CopyError> {
    match whole::be_alone(connection)? {
        true => Ok(()),
        false => Err(CopyError::InUse(database.to_string())),
    }
}

/// Locks a SQLite file against servers.
fn reserve(database: &Database) -> Result<Option<Lock>, CopyError> {
    locks::reserve(database).map_err(|error| match error {
        locks::Error::InUse(_) => CopyError::InUse(database.to_string()),
        error @ locks::Error::Folder(..) => CopyError::Folder(error),
    })
}
