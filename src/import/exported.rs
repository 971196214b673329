//! Reads an export of Kilonova back. `export::format` defines its form. An export says exactly what
//! the site was, so the rules for sites of other generators do not apply.
//!
//! Owns the order: uploads, to which texts link, then posts, notes, and comments on imported posts.
//! Rows keep their ids where these are free. A row that cannot keep its id is written after all
//! that can, so that it does not take one of theirs.

mod comments;
mod fields;
mod lines;
mod notes;
mod pages;
mod posts;
mod uploads;
mod write;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;

use self::notes::NotePage;
use self::posts::PostPage;
use super::front_matter::Format;
use super::front_matter::node::{Fields, Node};
use super::report::{Note, Summary};
use super::{ImportError, Target, file};
use crate::connection::DbConnection;
use crate::export::format::{FORMAT, MARK};
use crate::models::upload;
use crate::models::user::{self, User};

/// Maximum size of `kilonova.toml` in bytes.
const MAX_MARK: u64 = 64 * 1024;

/// A running import of an export.
struct Import<'a> {
    folder: &'a Path,
    target: &'a mut Target,
    progress: &'a ProgressBar,
    stop: &'a AtomicBool,
    summary: Summary,
    /// Uploads renamed because their bytes changed: the old and new file name, by the digest in the
    /// old.
    renamed: HashMap<String, (String, String)>,
    /// The posts of the export by their ids there, with their ids here if they have been written.
    posts: HashMap<i64, Option<i64>>,
    /// The accounts that do not exist here and have been noted.
    missing: HashSet<String>,
}

/// Imports the export in `folder`.
pub(super) fn run(
    folder: &Path,
    target: &mut Target,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Summary, ImportError> {
    let mark = mark(folder)?;
    let mut import = Import {
        folder,
        target,
        progress,
        stop,
        summary: Summary::default(),
        renamed: HashMap::new(),
        posts: HashMap::new(),
        missing: HashSet::new(),
    };
    let found = [
        ("uploads", uploads::run(&mut import)?),
        ("posts", pages::run::<PostPage>(&mut import)?),
        ("notes", pages::run::<NotePage>(&mut import)?),
        ("comments", comments::run(&mut import)?),
    ];
    for (what, found) in found {
        // The export may lack files that were never copied.
        if let Some(field) = mark.get(what)
            && let Some(count) = field.value.text()
            && count != found.to_string()
        {
            let detail = format!("{count} {what} expected, {found} found");
            let note = Note::lost("a count that does not match the export", detail).on(field.line);
            import.summary.note(Path::new(MARK), vec![note]);
        }
    }
    Ok(import.summary)
}

/// Reads what the export says of itself; fails unless its format is known.
fn mark(folder: &Path) -> Result<Fields, ImportError> {
    let refused = |note: Note| {
        let line = note.line.map_or(String::new(), |line| format!(" line {line}:"));
        let why = format!("{line} {} {}", note.what, note.detail);
        ImportError::Mark { path: folder.join(MARK), why: why.trim_end().to_owned() }
    };
    let read = file::read(&folder.join(MARK), MAX_MARK).map_err(refused)?;
    let text = read.map(|read| read.text).unwrap_or_default();
    let fields = Format::Toml.read(&text).map_err(refused)?;
    match fields.value("format").and_then(Node::text).and_then(|it| it.parse::<u32>().ok()) {
        Some(FORMAT) => Ok(fields),
        Some(newer) if newer > FORMAT => Err(ImportError::Newer(newer)),
        _ => Err(refused(Note::lost("format should be 1", ""))),
    }
}

impl Import<'_> {
    /// Counts a step; fails if the import was told to stop.
    fn step(&self) -> Result<(), ImportError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ImportError::Stopped(self.summary.created + self.summary.updated));
        }
        self.progress.inc(1);
        Ok(())
    }

    /// Adds the number of posts already written to an error.
    fn failed(&self, error: ImportError) -> ImportError {
        super::interrupted(&self.summary, error)
    }

    /// Notes each account that does not exist here, once.
    fn missing(&mut self, path: &Path, names: impl IntoIterator<Item = String>) {
        for name in names {
            if self.missing.insert(name.clone()) {
                self.summary.note(path, vec![Note::without_account(name)]);
            }
        }
    }

    /// A text whose links lead to the new names of renamed uploads.
    fn led(&mut self, text: String) -> String {
        if self.renamed.is_empty() {
            return text;
        }
        let mut led = text.clone();
        for digest in upload::digests(&text) {
            if let Some((old, new)) = self.renamed.get(digest) {
                let (old, new) =
                    (format!("{}{old}", upload::ROOT), format!("{}{new}", upload::ROOT));
                self.summary.links += led.matches(&old).count();
                led = led.replace(&old, &new);
            }
        }
        led
    }
}

/// The accounts looked up in a transaction.
#[derive(Default)]
struct Users {
    known: HashMap<String, Option<User>>,
    /// Accounts that do not exist here.
    missing: Vec<String>,
}

impl Users {
    fn named(
        &mut self,
        connection: &mut DbConnection,
        name: Option<&str>,
    ) -> diesel::QueryResult<Option<User>> {
        let Some(name) = name else { return Ok(None) };
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let found = user::named(connection, name)?;
        if found.is_none() {
            self.missing.push(name.to_owned());
        }
        self.known.insert(name.to_owned(), found.clone());
        Ok(found)
    }
}
