//! `kilonova backup`: a whole site in one file, made while servers write. `restore` reads it.
//!
//! Owns the order of things. How the file comes into being is `new_file`'s, its last line `seal`'s,
//! the rows `copy::whole`'s.
//!
//! The file is a SQLite database with the tables of this version, whichever database the site is
//! in, so that it restores to either. All of it is read in one snapshot.

mod new_file;
pub mod restore;
mod seal;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use diesel::connection::SimpleConnection;
use indicatif::HumanBytes;

use self::new_file::NewFile;
use crate::connection::{Access, Database, DbConnection, snapshot, transaction};
use crate::copy::PATIENCE;
use crate::copy::whole::{self, Counts, Extent, Progress};
use crate::db;

/// Why there is no backup. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database does not exist, or has no site.
    #[error("there is no site in {0}")]
    Missing(String),
    /// The file exists.
    #[error("{} exists; choose another name", .0.display())]
    Exists(PathBuf),
    /// No file can have this name.
    #[error("{} is not a name that a new file can have", .0.display())]
    Name(PathBuf),
    /// The file cannot be made.
    #[error("cannot write {}: {source}; there is no backup", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Something cannot be put into the file.
    #[error("cannot write {}: {source}; there is no backup", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The database's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The site cannot be read.
    #[error("cannot read {0}: {1}; there is no backup")]
    Database(String, #[source] db::Error),
    /// A transaction on the site cannot begin or end.
    #[error("cannot read the site: {0}; there is no backup")]
    Snapshot(#[from] diesel::result::Error),
    /// A table did not arrive complete.
    #[error("{0}; there is no backup")]
    Incomplete(#[source] whole::Error),
    /// A signal told it to stop.
    #[error("stopped; there is no backup")]
    Stopped,
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] io::Error),
}

/// The whole command: writes the site of a database to a new file, and tells `out` what is in it.
/// It ends early when `stop` turns true.
pub fn command(
    database: &Database,
    to: &Path,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> Result<(), BackupError> {
    let failed = |error: db::Error| BackupError::Database(database.to_string(), error);
    let missing = || BackupError::Missing(database.to_string());
    if database.is_missing() {
        return Err(missing());
    }
    let open = || database.open(Access::Read).map_err(|error| failed(error.into()));
    if db::is_bare(&mut open()?)? {
        return Err(missing());
    }
    // A backup is what one makes before an upgrade, so this changes nothing.
    db::refuse_other_schemas(database).map_err(failed)?;
    let mut site = open()?;
    site.set_patience(PATIENCE);
    let file = NewFile::beside(to)?;
    let progress = Progress::of_rows(stop);
    let counts = snapshot(&mut site, |site| {
        if let DbConnection::Postgres(c) = site {
            // The file is written between the queries, on a disk that may be slow.
            whole::take_time(c)?;
        }
        fill(site, &file, database, &progress)
    });
    drop(progress);
    let counts = counts?;
    let bytes = file.keep()?;
    writeln!(out, "backed up {database} to {}", to.display())
        .and_then(|()| writeln!(out, "{}: {}", HumanBytes(bytes), whole::told(&counts)))
        .map_err(BackupError::Output)
}

/// Writes everything into the new file.
fn fill(
    site: &mut DbConnection,
    file: &NewFile,
    database: &Database,
    progress: &Progress<'_>,
) -> Result<Counts, BackupError> {
    let unwritable = |error: Box<dyn std::error::Error + Send + Sync>| BackupError::Write {
        path: file.name().to_owned(),
        source: error,
    };
    let new = db::open_migrated(&Database::Sqlite(file.path().to_owned()));
    let mut new = new.map_err(|error| unwritable(error.into()))?;
    // A file that does not become whole is removed: it needs neither a journal nor a sync before
    // its end. Its mark keeps servers from writing to it.
    let settings = format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA application_id = {}",
        db::BACKUP
    );
    new.batch_execute(&settings).map_err(|error| unwritable(error.into()))?;
    let counts = transaction(&mut new, "BEGIN IMMEDIATE", "BEGIN", |new| {
        whole::copy(site, new, Extent::Everything, progress)
    });
    counts.map_err(|error| match error {
        whole::Error::Read(error) => BackupError::Database(database.to_string(), error.into()),
        whole::Error::Write(error) => unwritable(error.into()),
        whole::Error::Stopped => BackupError::Stopped,
        error @ (whole::Error::NotEmpty(..) | whole::Error::Differs { .. }) => {
            BackupError::Incomplete(error)
        }
    })
}
