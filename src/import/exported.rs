//! Reads an export of Kilonova back: `export::format` says what it looks like, and it says exactly
//! what the site was, so that no rule of other generators' sites counts.
//!
//! Owns the order of things: uploads, which texts lead to, then posts, notes, and comments on posts
//! that are there. Rows keep their ids where they are free. A row that cannot is written after all
//! that can, so that it takes none of theirs.

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

/// Largest `kilonova.toml` in bytes.
const MAX_MARK: u64 = 64 * 1024;

/// An import of an export, under way.
struct Import<'a> {
    folder: &'a Path,
    target: &'a mut Target,
    progress: &'a ProgressBar,
    stop: &'a AtomicBool,
    summary: Summary,
    /// The names of uploads whose bytes are others now, by the digests in the old ones.
    renamed: HashMap<String, (String, String)>,
    /// The posts of the export by their ids there: their ids here, if they are here.
    posts: HashMap<i64, Option<i64>>,
    /// The accounts that are not here and have been named.
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
        // Files may be gone that were never copied.
        if let Some(field) = mark.get(what)
            && let Some(count) = field.value.text()
            && count != found.to_string()
        {
            let detail = format!("{count} {what}, where there are {found}");
            let note = Note::lost("the export was of more or fewer", detail).on(field.line);
            import.summary.note(Path::new(MARK), vec![note]);
        }
    }
    Ok(import.summary)
}

/// What the export says of itself, if it is of a format that is known.
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
    /// Counts a step, and ends when it is told to.
    fn step(&self) -> Result<(), ImportError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ImportError::Stopped(self.summary.created + self.summary.updated));
        }
        self.progress.inc(1);
        Ok(())
    }

    /// Adds what was written before to an error.
    fn failed(&self, error: ImportError) -> ImportError {
        super::interrupted(&self.summary, error)
    }

    /// Names accounts that are not here, each once.
    fn missing(&mut self, path: &Path, names: impl IntoIterator<Item = String>) {
        for name in names {
            if self.missing.insert(name.clone()) {
                self.summary.note(path, vec![Note::without_account(name)]);
            }
        }
    }

    /// A text whose links lead to the uploads that have other names now.
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

/// The accounts that a transaction has asked for.
#[derive(Default)]
struct Users {
    known: HashMap<String, Option<User>>,
    /// Those that are not here.
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
