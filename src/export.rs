//! `kilonova export`: writes a site as a folder of Markdown with front matter. `kilonova import`
//! restores the same site from it.
//!
//! This module owns the sequence of steps. `folder` creates the folder, `format` owns the format of
//! its files, and `site` their content.
//!
//! The site is read from one snapshot, in parts, while servers may write. Accounts, passwords,
//! sign-ins, stored responses and the log are not exported; `copy` copies whole databases.

mod folder;
pub mod format;
mod site;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use indicatif::{ProgressBar, ProgressStyle};

use self::folder::Folder;
pub use self::format::Counts;
use crate::connection::{Access, Database, DbConnection, snapshot};
use crate::db;

/// The reason why a site was not exported. No partial export remains in the folder.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database does not exist, or has no site.
    #[error("there is no site in {0}")]
    Missing(String),
    /// The folder is not empty.
    #[error("{} is not an empty folder; choose a new one", .0.display())]
    NotEmpty(PathBuf),
    /// A file of the export cannot be written.
    #[error("cannot write {}: {source}; nothing was exported", path.display())]
    Write {
        /// The file or the folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// An item of the site cannot be written as a file of an export.
    #[error("{0} cannot be exported: {1}")]
    Unfit(String, String),
    /// A signal stopped the export.
    #[error("stopped; nothing was exported")]
    Stopped,
    /// The database cannot be read.
    #[error("cannot read {0}: {1}")]
    Database(String, #[source] db::Error),
    /// A query failed.
    #[error("cannot read the site: {0}")]
    Rows(#[from] diesel::result::Error),
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] io::Error),
}

/// Runs the command: exports the site in a database to the folder `to`, which must be new or empty,
/// and reports the counts to `out`. It stops early when `stop` becomes true.
pub fn command(
    database: &Database,
    to: &Path,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> Result<Counts, ExportError> {
    let failed = |error: db::Error| ExportError::Database(database.to_string(), error);
    let missing = || ExportError::Missing(database.to_string());
    if database.is_missing() {
        return Err(missing());
    }
    let open = || database.open(Access::Read).map_err(|error| failed(error.into()));
    if db::is_bare(&mut open()?)? {
        return Err(missing());
    }
    // Migrate an older version's database, as every command does.
    drop(db::open_migrated(database).map_err(failed)?);
    let mut connection = open()?;
    let folder = Folder::beside(to)?;
    let bar = progress();
    let counts = snapshot(&mut connection, |connection| {
        take_time(connection)?;
        site::write(connection, &folder, &|| match stop.load(Ordering::Relaxed) {
            true => Err(ExportError::Stopped),
            false => {
                bar.inc(1);
                Ok(())
            }
        })
    });
    bar.finish_and_clear();
    let counts = counts?;
    folder.keep()?;
    writeln!(out, "exported to {}: {counts}", to.display()).map_err(ExportError::Output)?;
    Ok(counts)
}

/// Disables the idle timeout, because files are written between queries, possibly to a slow disk.
fn take_time(connection: &mut DbConnection) -> diesel::QueryResult<()> {
    match connection {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(c) => {
            c.batch_execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        }
    }
}

/// A counter on standard error; hidden if that is not a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::no_length();
    // The template is constant; if it did not parse, the default style would be used.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} written, {elapsed}") {
        bar.set_style(style);
    }
    bar
}
