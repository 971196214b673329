//! `kilonova restore`: restores a backup to an empty database.
//!
//! It works on a copy of the file in the data folder, so that the restored data is exactly what was
//! checked. A backup of an older version is migrated in the copy; the backup itself is only read.
//! The site's rows are written in one transaction.
//!
//! The log gets a new id, because readers may have seen events that are not in the backup; clients
//! that resume get a resync. Sign-ins, tokens and links to drafts are not restored, because they
//! may have been revoked since.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use diesel::connection::SimpleConnection;

use super::new_file::remove;
use super::seal::{Broken, Sealed};
use crate::connection::{Access, Database, DbConnection, transaction};
use crate::copy::PATIENCE;
use crate::copy::whole::{self, Counts, Extent, Progress};
use crate::db;
use crate::locks;
use crate::models::log;

/// The reason why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The backup.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not a usable backup.
    #[error("cannot restore {}: {source}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The problem with the file.
        source: Broken,
    },
    /// The backup's database cannot be opened.
    #[error("cannot restore {}: {source}", path.display())]
    Unreadable {
        /// The backup.
        path: PathBuf,
        /// The database's error.
        source: db::Error,
    },
    /// The folder cannot be used, or a server uses it.
    #[error(transparent)]
    Folder(#[from] locks::Error),
    /// A server uses the database.
    #[error("a server uses {0}; stop it first")]
    InUse(String),
    /// The database already contains a site.
    #[error(
        "{0} is not empty: {1} has {2} row(s); restore to a new data folder or an empty database"
    )]
    NotEmpty(String, &'static str, i64),
    /// The database cannot be opened.
    #[error("cannot open the database {0}: {1}")]
    Database(String, #[source] db::Error),
    /// A row cannot be written.
    #[error("cannot restore to {0}: {1}; nothing was restored")]
    Rows(String, #[source] whole::Error),
    /// The transaction cannot begin or end.
    #[error("nothing was restored: {0}")]
    Transaction(#[from] diesel::result::Error),
    /// A signal stopped the restore.
    #[error("stopped; nothing was restored")]
    Stopped,
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] io::Error),
}

/// Runs the command: restores a backup to a database, and reports its contents to `out`. It stops
/// early when `stop` becomes true.
pub fn command(
    backup: &Path,
    database: &Database,
    data_dir: &Path,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> Result<(), RestoreError> {
    let broken = |source| match source {
        Broken::Stopped => RestoreError::Stopped,
        source => RestoreError::Broken { path: backup.to_owned(), source },
    };
    let unreadable = |source| RestoreError::Unreadable { path: backup.to_owned(), source };
    let file = File::open(backup)
        .map_err(|source| RestoreError::File { path: backup.to_owned(), source })?;
    let sealed = Sealed::of(file).map_err(broken)?;
    let _locks = locks::take_both(database, data_dir)?;
    // Check before the long work starts, and keep the connection: on PostgreSQL a second one would
    // be taken for a server's.
    let mut opened = None;
    if !database.is_missing() {
        let new = opened.insert(open(database)?);
        whole::refuse_rows(new).map_err(|error| failed(database, error))?;
    }
    let copy = Duplicate::make(&sealed, data_dir, stop).map_err(broken)?;
    let mut old = copy.open().map_err(unreadable)?;
    let mut new = match opened {
        Some(new) => new,
        None => open(database)?,
    };
    new.set_patience(PATIENCE);
    let progress = Progress::of_rows(stop);
    let counts = transaction(&mut new, "BEGIN IMMEDIATE", "BEGIN", |new| {
        if !whole::be_alone(new)? {
            return Err(RestoreError::InUse(database.to_string()));
        }
        restore(&mut old, new, &progress).map_err(|error| failed(database, error))
    });
    drop(progress);
    let counts = counts?;
    let (backup, version) = (backup.display(), sealed.version());
    writeln!(out, "restored {backup}, made by kilonova {version}, to {database}")
        .and_then(|()| writeln!(out, "{}", whole::told(&counts)))
        .and_then(|()| {
            writeln!(out, "sign-ins, tokens and links to drafts were not restored; sign in again")
        })
        .map_err(RestoreError::Output)
}

fn restore(
    old: &mut DbConnection,
    new: &mut DbConnection,
    progress: &Progress<'_>,
) -> Result<Counts, whole::Error> {
    let counts = whole::copy(old, new, Extent::WithoutAccess, progress)?;
    log::renew(new).map_err(whole::Error::Write)?;
    Ok(counts)
}

fn open(database: &Database) -> Result<DbConnection, RestoreError> {
    db::open_migrated(database).map_err(|error| RestoreError::Database(database.to_string(), error))
}

fn failed(database: &Database, error: whole::Error) -> RestoreError {
    match error {
        whole::Error::NotEmpty(table, rows) => {
            RestoreError::NotEmpty(database.to_string(), table, rows)
        }
        whole::Error::Stopped => RestoreError::Stopped,
        error => RestoreError::Rows(database.to_string(), error),
    }
}

/// A copy of a backup's database, removed on drop.
struct Duplicate(PathBuf);

impl Duplicate {
    /// Copies the backup and verifies its checksum. A copy left by a killed process is overwritten,
    /// which is safe because the data folder is locked.
    fn make(sealed: &Sealed, data_dir: &Path, stop: &AtomicBool) -> Result<Duplicate, Broken> {
        let copy = Duplicate(data_dir.join("restore.sqlite3"));
        remove(&copy.0);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy.0);
        let file = file.map_err(Broken::Write)?;
        let progress = Progress::of_bytes(stop);
        progress.expect(sealed.length());
        progress.name("checking");
        sealed.copy_to(&file, |bytes| progress.step(bytes))?;
        Ok(copy)
    }

    /// Opens the copy and migrates it to the schema of this version.
    fn open(&self) -> Result<DbConnection, db::Error> {
        let database = Database::Sqlite(self.0.clone());
        database.open(Access::Write)?.batch_execute("PRAGMA application_id = 0")?;
        db::open_migrated(&database)
    }
}

impl Drop for Duplicate {
    fn drop(&mut self) {
        remove(&self.0);
    }
}
