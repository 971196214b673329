//! `kilonova import`: imports Markdown files with front matter as posts, the way the site's
//! generator interprets them, and the posts and pages in an export file of Ghost or WordPress.
//!
//! This module owns the sequence of steps: open, walk, read. `intake` writes the entries in
//! batches. `site` finds the site that a file belongs to; `file`, `front_matter` and `entry` read
//! the file. `exported` reads the output of `kilonova export`; `dump`, `ghost` and `wordpress` read
//! export files of other programs, and `markup` converts their HTML. `identity` recognizes entries,
//! `store` writes posts, `comments` their comments, and `report` the summary. `address` finds a
//! page's address on its old site, and `links` the targets of its links.
//!
//! A second run of the same import writes nothing. A file overrides changes made in the
//! application. A bad file is skipped and reported; a database error ends the import. Every batch
//! is one transaction with its events: committed batches remain when a later one fails, and the
//! next run continues. Several imports and a server may use one database at the same time.

mod address;
pub mod comments;
pub mod date;
mod dump;
pub mod entry;
mod exported;
mod file;
pub mod front_matter;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod ghost;
mod html;
mod identity;
mod intake;
mod leads;
pub mod links;
mod marks;
mod markup;
mod media;
mod report;
pub mod site;
mod store;
mod walk;
mod wordpress;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, NaiveDateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use self::entry::{Context, Entry};
use self::identity::Folders;
use self::intake::{Intake, Source};
pub use self::report::{Finding, Note, Summary};
use self::site::{Bundles, ELSEWHERE, Generator, Kind, Place, Sections, Sites, UNREAD};
use crate::connection::{Access, Database, DbConnection};
use crate::db::{self, Db};
use crate::models::now;

/// The maximum size of a file in bytes: the largest body, the largest front matter, and some for
/// `\r\n`.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// The target of an import.
pub enum Target {
    /// Writes to this database.
    Database(Db),
    /// Writes nothing: files are only compared with the database, if there is one.
    DryRun(Option<DbConnection>),
}

/// The reason why an import ended early.
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
    /// The file is not a valid export file; nothing was written.
    #[error(
        "cannot import from {}{}: {why}", path.display(),
        line.map(|line| format!(", line {line}")).unwrap_or_default()
    )]
    Export {
        /// The file.
        path: PathBuf,
        /// The line in the file.
        line: Option<usize>,
        /// The problem.
        why: String,
    },
    /// The database cannot be opened, or refused a batch; the batch was not written.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The folder is part of an export.
    #[error("this is part of an export; import {} instead", root.display())]
    Part {
        /// The export's folder.
        root: PathBuf,
    },
    /// An export's description cannot be read.
    #[error("cannot import {}:{why}", path.display())]
    Mark {
        /// The file with the description.
        path: PathBuf,
        /// The problem.
        why: String,
    },
    /// A newer version made the export.
    #[error("cannot import an export of format {0}; a newer version of kilonova made it")]
    Newer(u32),
    /// A batch failed after others were committed.
    #[error("{source}; {written} post(s) were written before; run the same command to continue")]
    Interrupted {
        /// Posts created or updated.
        written: usize,
        /// The reason why the batch failed.
        source: Box<ImportError>,
    },
    /// A signal stopped the import.
    #[error("stopped; {0} post(s) were written; run the same command to continue")]
    Stopped(usize),
    /// The report cannot be written.
    #[error("cannot write the report to {}: {source}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
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

/// The source and options of an import.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The folder, or the export file.
    pub path: &'a Path,
    /// The folder with the media of an export.
    pub media: Option<&'a Path>,
    /// Write nothing to the database.
    pub dry_run: bool,
    /// The new file for all findings.
    pub report: Option<&'a Path>,
}

/// Runs the command: opens the database, imports the source, and prints the summary to `out`. When
/// `stop` becomes true, it closes the database and ends early.
///
/// A dry run creates no database and changes nothing in one, not even its schema.
pub fn command(
    order: Order<'_>,
    database: &Database,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> Result<Summary, ImportError> {
    let path = dump::check(order.path)?;
    let export = match path.is_dir() {
        true => None,
        false => Some(dump::open(&path, order.media)?),
    };
    // Create the report before anything is written: a second import would not report the same
    // findings.
    let report = order.report.map(|path| {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.map_err(|source| ImportError::Report { path: path.to_owned(), source })
    });
    let report = report.transpose()?;
    let mut target = match order.dry_run {
        false => Target::Database(Db::open(database, Box::new(|_| {}))?),
        true if database.is_missing() => Target::DryRun(None),
        true => {
            let mut connection = database.open(Access::Read).map_err(db::Error::from)?;
            let bare = db::is_bare(&mut connection)?;
            Target::DryRun((!bare).then_some(connection))
        }
    };
    let progress = progress();
    let summary = run(&path, export, &mut target, &progress, stop);
    if let Target::Database(db) = &target {
        db.close_blocking();
    }
    progress.finish_and_clear();
    let summary = summary?;
    if let (Some(mut file), Some(path)) = (report, order.report) {
        let all = |source| ImportError::Report { path: path.to_owned(), source };
        let mut file = std::io::BufWriter::new(&mut file);
        report::write_all(&summary, &mut file).map_err(all)?;
    }
    report::print(&summary, order.dry_run, out).map_err(ImportError::Output)?;
    Ok(summary)
}

/// Imports a folder or an export file.
fn run(
    path: &Path,
    export: Option<dump::Opened>,
    target: &mut Target,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Summary, ImportError> {
    if export.is_none()
        && let Some(root) = Sites::around(path).export()
    {
        return match root == path {
            true => exported::run(path, target, progress, stop),
            false => Err(ImportError::Part { root: root.to_owned() }),
        };
    }
    let mut intake = Intake::new(target, progress, stop)?;
    match export {
        Some((export, notes)) => {
            progress.set_length(export.pages() as u64);
            for (path, note) in notes {
                intake.note(&path, vec![note]);
            }
            export.import(&mut intake)?;
        }
        None => {
            if !progress.is_hidden() {
                progress.set_length(walk::files(path).count() as u64);
            }
            folder(path, &mut intake)?;
        }
    }
    intake.finish()
}

/// Imports the pages in and below a folder, in the order of their paths.
///
/// If several files have the same identity, the first one is imported.
fn folder(folder: &Path, intake: &mut Intake<'_>) -> Result<(), ImportError> {
    let mut reader = Reader::of(folder);
    for found in walk::files(folder) {
        intake.next()?;
        let path = found.relative;
        let file = match found.file {
            Ok(file) => file,
            Err(note) => {
                let nothing = &mut Around { reader: &mut reader, root: folder.to_owned() };
                intake.take(path, Err(note), None, nothing)?;
                continue;
            }
        };
        let entry = match reader.read(&file, &path) {
            Ok(Some(entry)) => Ok(entry),
            Ok(None) => continue,
            Err(note) => Err(note),
        };
        let folders = reader.folders(&file);
        let around = &mut Around { root: folders.site.clone(), reader: &mut reader };
        intake.take(path, entry, Some(folders), around)?;
    }
    for Finding { path, note } in reader.sites.noted {
        intake.note(path.strip_prefix(folder).unwrap_or(&path), vec![note]);
    }
    if intake.summary.found == 0 {
        for path in dump::inside(folder) {
            let note = Note::lost("an export file; pass its path to import it", "");
            intake.note(&path, vec![note]);
        }
    }
    Ok(())
}

/// The maximum number of cached page addresses.
const PAGES: usize = 10_000;

/// Reads files and the settings of the folders above them.
struct Reader<'a> {
    folder: &'a Path,
    sites: Sites,
    sections: Sections,
    bundles: Bundles,
    now: NaiveDateTime,
    /// The old addresses of the pages read so far; a cache for links between pages.
    pages: HashMap<PathBuf, Option<String>>,
}

impl Reader<'_> {
    fn of(folder: &Path) -> Reader<'_> {
        let (sites, sections) = (Sites::around(folder), Sections::default());
        let bundles = Bundles::default();
        Reader { folder, sites, sections, bundles, now: now(), pages: HashMap::new() }
    }

    /// Reads a file as an entry. Returns `None` if it is not a page.
    fn read(&mut self, file: &Path, relative: &Path) -> Result<Option<Entry>, Note> {
        let above = file.parent().unwrap_or(self.folder);
        let site = self.sites.of(above);
        let path = slashed(file.strip_prefix(&site.root).unwrap_or(file));
        let path = path.ok_or_else(|| Note::lost("file name is not UTF-8", ""))?;
        let is_html = html::is_html(&path);
        let is_other = walk::is_other(&path);
        if is_other && site.generator != Generator::Hugo {
            return Ok(None);
        }
        // Do not read files that are not part of the site.
        if site.generator == Generator::Kilonova {
            return Err(Note::lost("part of an export; import it separately", ""));
        }
        let kind = Place::of(&site, &path).kind;
        if let Kind::Outside(why) = kind {
            // Do not report HTML templates, which are common.
            let is_told = !(is_html || is_other)
                || ![ELSEWHERE, UNREAD].contains(&why) && (is_other || is_page(file)?);
            return if is_told { Err(Note::told(why, "")) } else { Ok(None) };
        }
        if is_other {
            let ending = path.rsplit('.').next().unwrap_or_default();
            return Err(match self.bundles.own(&site, file) {
                true => Note::told(entry::RESOURCE, ""),
                false => Note::lost("a page in a format that is not read", ending),
            });
        }
        let Some(read) = file::read(file, MAX_FILE)? else {
            return Err(Note::lost("cannot be read", "it is gone"));
        };
        if is_html && !front_matter::is_there(&read.text) {
            // Only Hugo shows it as a page.
            let is_page = site.generator == Generator::Hugo && !self.bundles.own(&site, file);
            return match is_page && kind == Kind::Page {
                true => Err(Note::lost("HTML without front matter", "")),
                false => Ok(None),
            };
        }
        if read.text.is_empty() {
            return Err(Note::lost("file is empty", ""));
        }
        let modified = read.modified.map_or(self.now, |at| DateTime::<Utc>::from(at).naive_utc());
        let context = Context {
            site: &site,
            relative,
            path: &path,
            sections: &self.sections.of(&site, above),
            is_resource: matches!(site.generator, Generator::Hugo | Generator::Unknown)
                && self.bundles.own(&site, file),
            exists: &|name| file::is_below(&site.root, name),
            modified,
            now: self.now,
        };
        let entry = Entry::parse(&read.text, &context)?;
        self.remember(file, entry.addresses.first().cloned());
        Ok(Some(entry))
    }

    fn remember(&mut self, file: &Path, address: Option<String>) {
        if self.pages.len() >= PAGES {
            self.pages.clear();
        }
        self.pages.insert(file.to_owned(), address);
    }

    /// The address that a page had. The page may come later than the pages that link to it, so it
    /// is read if necessary.
    fn address(&mut self, file: &Path) -> Option<String> {
        if !self.pages.contains_key(file) {
            let relative = file.strip_prefix(self.folder).unwrap_or(file).to_owned();
            // A successful read caches the address; a failed one is reported when the walk reaches
            // the file.
            if !matches!(self.read(file, &relative), Ok(Some(_))) {
                self.remember(file, None);
            }
        }
        self.pages.get(file).cloned().flatten()
    }

    /// The imported folder and the site that a file belongs to.
    fn folders(&mut self, file: &Path) -> Folders {
        let site = self.sites.of(file.parent().unwrap_or(self.folder));
        Folders { imported: self.folder.to_owned(), site: site.root.clone() }
    }
}

/// Returns whether an HTML file has front matter.
fn is_page(file: &Path) -> Result<bool, Note> {
    Ok(file::read(file, MAX_FILE)?.is_some_and(|read| front_matter::is_there(&read.text)))
}

/// The files of one site.
struct Around<'a, 'b> {
    reader: &'a mut Reader<'b>,
    root: PathBuf,
}

impl Source for Around<'_, '_> {
    fn page(&mut self, path: &str) -> Option<String> {
        self.reader.address(&self.root.join(path))
    }

    fn file(&mut self, path: &str) -> Result<Vec<u8>, Note> {
        let missing = || Note::lost("a file that a page links to is missing", "");
        Ok(file::bytes(&self.root.join(path), media::MAX)?.ok_or_else(missing)?.bytes)
    }
}

/// Joins the path with `/` on every system.
fn slashed(relative: &Path) -> Option<String> {
    let names: Option<Vec<&str>> = relative.iter().map(std::ffi::OsStr::to_str).collect();
    names.map(|names| names.join("/"))
}

/// Adds to an error the number of posts written before it.
fn interrupted(summary: &Summary, error: ImportError) -> ImportError {
    match summary.created + summary.updated {
        0 => error,
        written => ImportError::Interrupted { written, source: Box::new(error) },
    }
}

/// A progress bar on standard error; hidden if that is not a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is constant; if it did not parse, the default style would be used.
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} files, {eta} left") {
        bar.set_style(style);
    }
    bar
}
