//! `kilonova backup`: writes a whole site to one file while servers keep writing. `restore` reads
//! it.
//!
//! This module owns the sequence of steps. `new_file` creates the file, `seal` writes its last
//! line, and `copy::whole` copies the rows.
//!
//! The file is a SQLite database with the schema of this version, whichever database the site uses,
//! so that it restores to either. All rows are read from one snapshot.

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

/// The reason why no backup was made. No partial file remains.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database does not exist, or has no site.
    #[error("there is no site in {0}")]
    Missing(String),
    /// The file exists.
    #[error("{} exists; choose another name", .0.display())]
    Exists(PathBuf),
    /// The name is not valid for a file.
    #[error("{} is not a valid name for a new file", .0.display())]
    Name(PathBuf),
    /// The file cannot be created.
    #[error("cannot write {}: {source}; there is no backup", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The backup's database cannot be written.
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
    /// A table was not copied completely.
    #[error("{0}; there is no backup")]
    Incomplete(#[source] whole::Error),
    /// A signal stopped the backup.
    #[error("stopped; there is no backup")]
    Stopped,
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] io::Error),
}

/// Runs the command: writes the site in a database to a new file, and reports its contents to
/// `out`. It stops early when `stop` becomes true.
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
    // A backup is often made before an upgrade, so this must not migrate the database.
    db::refuse_other_schemas(database).map_err(failed)?;
    let mut site = open()?;
    site.set_patience(PATIENCE);
    let file = NewFile::beside(to)?;
    let progress = Progress::of_rows(stop);
    let counts = snapshot(&mut site, |site| {
        if let DbConnection::Postgres(c) = site {
            // The file is written between queries, possibly to a slow disk.
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

/// Writes all data to the new file.
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
    // An incomplete file is removed, so it needs neither a journal nor a sync before it is
    // complete. Its application id keeps servers from writing to it.
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
