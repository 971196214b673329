//! `kilonova import`: Markdown files with front matter become posts.
//!
//! Owns the order of things: walk, read, batch, write, count. Reading a file is `entry`'s and
//! `front_matter`'s, writing a post `store`'s, the summary `report`'s.
//!
//! A post is recognised by its identity (see [`entry::Entry`]), so an import that is run twice
//! writes nothing the second time. A file wins over changes that were made in the application. A
//! bad file is skipped and reported; a bad database ends the import. Every batch is one
//! transaction, with its events: committed batches stay when a later one fails, and the next run
//! continues. Several imports and a server may use one database.

pub mod date;
pub mod entry;
pub mod front_matter;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod report;
mod store;
mod walk;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use self::entry::Entry;
pub use self::report::{Skipped, Summary};
use self::store::Outcome;
use crate::connection::{Access, Database, DbConnection};
use crate::db::{self, Db};

/// Most posts in one transaction, which bounds how long a server's writes wait.
const BATCH: usize = 100;

/// Bytes of bodies that a batch holds before it is written, which bounds the import's memory.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The target of an import.
pub enum Target {
    /// This database.
    Database(Db),
    /// None: files are only compared with the database, if there is one.
    DryRun(Option<DbConnection>),
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The folder cannot be read.
    #[error("cannot import from {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The database cannot be opened, or refused a batch; nothing of the batch was written.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A batch failed after others were written.
    #[error("{source}; {written} post(s) were written before; run the same command to continue")]
    Interrupted {
        /// Posts created or updated.
        written: usize,
        /// Why it failed.
        source: Box<ImportError>,
    },
    /// A signal told it to stop.
    #[error("stopped; {0} post(s) were written; run the same command to continue")]
    Stopped(usize),
    /// An event's payload cannot be encoded.
    #[error("cannot announce a post: {0}")]
    Event(#[from] serde_json::Error),
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] std::io::Error),
}

impl From<diesel::result::Error> for ImportError {
    fn from(error: diesel::result::Error) -> ImportError {
        ImportError::Database(db::Error::of(error))
    }
}

/// The whole command: opens the database, imports `dir`, prints the summary to `out`. It ends early,
/// with a closed database, when `stop` turns true.
///
/// A dry run creates no database and changes none, not even its schema.
pub fn command(
    dir: &Path,
    database: &Database,
    dry_run: bool,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> Result<Summary, ImportError> {
    walk::check(dir)?;
    let mut target = match dry_run {
        false => Target::Database(Db::open(database, Box::new(|_| {}))?),
        true if database.is_missing() => Target::DryRun(None),
        true => {
            let mut connection = database.open(Access::Read).map_err(db::Error::from)?;
            let bare = db::is_bare(&mut connection)?;
            Target::DryRun((!bare).then_some(connection))
        }
    };
    let progress = progress();
    let summary = run(dir, &mut target, &progress, stop);
    if let Target::Database(db) = &target {
        db.close_blocking();
    }
    progress.finish_and_clear();
    let summary = summary?;
    report::print(&summary, dry_run, out).map_err(ImportError::Output)?;
    Ok(summary)
}

/// Imports the Markdown files in and below `dir`, in the order of their paths.
///
/// Of several files with one identity the first counts. Memory is bounded by one batch and the
/// summary, whatever the number of files.
pub fn run(
    dir: &Path,
    target: &mut Target,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Summary, ImportError> {
    walk::check(dir)?;
    if !progress.is_hidden() {
        progress.set_length(walk::files(dir).count() as u64);
    }
    let mut summary = Summary::default();
    let (mut seen, hasher) = (HashSet::new(), RandomState::new());
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for found in walk::files(dir) {
        if stop.load(Ordering::Relaxed) {
            return Err(ImportError::Stopped(summary.created + summary.updated));
        }
        summary.found += 1;
        progress.inc(1);
        let entry = match found.file.and_then(|file| Entry::read(&file, &found.relative)) {
            // Hashes, not the texts: there is no bound on the number of files.
            Ok(entry) if seen.insert(hasher.hash_one(&entry.post.source)) => entry,
            Ok(_) => {
                summary.skip(found.relative, "another file has the same path");
                continue;
            }
            Err(reason) => {
                summary.skip(found.relative, reason);
                continue;
            }
        };
        bytes += entry.post.body.len();
        batch.push(entry);
        if batch.len() == BATCH || bytes >= BATCH_BYTES {
            flush(target, std::mem::take(&mut batch), &mut summary)?;
            bytes = 0;
        }
    }
    flush(target, batch, &mut summary)?;
    Ok(summary)
}

fn flush(target: &mut Target, batch: Vec<Entry>, summary: &mut Summary) -> Result<(), ImportError> {
    let outcomes = match target {
        Target::DryRun(None) => {
            Ok(batch.into_iter().map(|new| (new.path, Outcome::Created)).collect())
        }
        Target::DryRun(Some(connection)) => store::compare(connection, batch),
        Target::Database(_) if batch.is_empty() => return Ok(()),
        Target::Database(db) => store::write(db, batch),
    };
    let outcomes = outcomes.map_err(|error| match summary.created + summary.updated {
        0 => error,
        written => ImportError::Interrupted { written, source: Box::new(error) },
    })?;
    outcomes.into_iter().for_each(|(path, outcome)| summary.count(path, outcome));
    Ok(())
}

/// A bar on standard error; none when that is no terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is fixed, and what does not parse would only look plainer.
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} files, {eta} left") {
        bar.set_style(style);
    }
    bar
}
