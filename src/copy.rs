//! `kilonova copy`: moves a site from one database to another, the embedded one to PostgreSQL or
//! back, with its ids, its log and its stored responses.
//!
//! The copy is one transaction: until it is whole there is nothing in the new database, and what
//! ends it early leaves nothing. It continues the log, under the same id, so that clients resume on
//! it and search indexes go on; from then on only one of the two may be written to.

mod rows;
pub mod whole;

use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use self::whole::{Extent, Progress};
use crate::connection::{Database, DbConnection, transaction};
use crate::db;
use crate::locks::{self, Lock};

/// Why a database was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database to copy does not exist.
    #[error("there is no database at {0}")]
    Missing(String),
    /// Both URLs name one database.
    #[error("{0} cannot be copied to itself")]
    Same(String),
    /// A server works on one of them.
    #[error("a server uses {0}; stop it first")]
    InUse(String),
    /// The folder of one of them cannot be used.
    #[error(transparent)]
    Folder(locks::Error),
    /// The target has rows, which the copy would mix with its own.
    #[error("{0} is not empty: {1} has {2} row(s)")]
    NotEmpty(String, &'static str, i64),
    /// A row cannot be read from the one or written to the other.
    #[error("nothing was kept: {0}")]
    Incomplete(#[source] whole::Error),
    /// A database cannot be opened or refuses something.
    #[error("{0}: {1}")]
    Database(String, #[source] db::Error),
    /// A transaction cannot begin or end.
    #[error("nothing was kept: {0}")]
    Transaction(#[from] diesel::result::Error),
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] std::io::Error),
}

/// The whole command: copies `from` to `to`, which must be empty, and tells `out` what there was.
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
    // Held to the end, so that nothing comes to the old database that does not go to the new one.
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

/// The most time for one statement: counting the rows of a large site takes a while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Begins a transaction of PostgreSQL's that sees one snapshot.
const REPEATABLE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

/// Makes sure of a database on which other processes may work, and keeps them from writing to it.
fn alone(connection: &mut DbConnection, database: &Database) -> Result<(), CopyError> {
    match whole::be_alone(connection)? {
        true => Ok(()),
        false => Err(CopyError::InUse(database.to_string())),
    }
}

/// Keeps servers from working on a SQLite file.
fn reserve(database: &Database) -> Result<Option<Lock>, CopyError> {
    locks::reserve(database).map_err(|error| match error {
        locks::Error::InUse(_) => CopyError::InUse(database.to_string()),
        error @ locks::Error::Folder(..) => CopyError::Folder(error),
    })
}
