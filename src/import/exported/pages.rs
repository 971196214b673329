//! Files of posts and of notes: front matter and a body, byte for byte. Owns the reading and the
//! order of writing. `write` does the writing; `posts` and `notes` make the rows.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::super::front_matter::Format;
use super::super::intake::{BATCH, BATCH_BYTES};
use super::super::report::Note;
use super::super::{ImportError, file};
use super::Import;
use super::fields::Given;
use super::write::{Pass, write};
use crate::changeset::Errors;
use crate::connection::DbConnection;
use crate::db::Tx;
use crate::export::format::{self, MAX_HEAD};
use crate::models::now;
use crate::models::post::MAX_BODY;
use crate::models::user::User;

/// Maximum size of a file in bytes.
const MAX_FILE: u64 = (MAX_HEAD + MAX_BODY + 1024) as u64;

/// A kind of file.
pub(super) trait Page: Sized + Send + 'static {
    /// The folder that contains the files.
    const FOLDER: &'static str;
    /// The table that contains the rows.
    const TABLE: &'static str;
    /// The keys of their front matter.
    const KEYS: &'static [&'static str];
    /// The type of a row.
    type Row: Clone + PartialEq;

    /// Makes a page from fields and a body, by the application's rules.
    fn parse(given: &Given) -> Result<Self, Errors>;
    /// The id from the export.
    fn id(&self) -> i64;
    /// The name of its account, if it has one.
    fn account(&self) -> Option<&str>;
    /// The size of its body in bytes.
    fn weight(&self) -> usize;
    /// The old addresses that lead to it.
    fn aliases(&self) -> &[String];
    /// Finds its existing row; ignores the rows in `taken`.
    fn find(
        &self,
        connection: &mut DbConnection,
        taken: &HashSet<i64>,
    ) -> diesel::QueryResult<Option<Self::Row>>;
    /// The id of a row.
    fn id_of(row: &Self::Row) -> i64;
    /// The row to write, based on the existing one if there is one.
    fn row(&self, known: Option<&Self::Row>, user: Option<&User>) -> Self::Row;
    /// Inserts the row, with this id if one is given, and announces it.
    fn insert(
        &self,
        tx: &mut Tx<'_>,
        id: Option<i64>,
        row: Self::Row,
    ) -> Result<Self::Row, ImportError>;
    /// Updates the row and announces the change.
    fn update(
        &self,
        tx: &mut Tx<'_>,
        before: Self::Row,
        after: Self::Row,
    ) -> Result<(), ImportError>;
}

/// A page that was read.
pub(super) struct Read<P> {
    pub(super) path: PathBuf,
    pub(super) page: P,
    pub(super) notes: Vec<Note>,
}

/// Imports all files of a kind; returns the number of files.
pub(super) fn run<P: Page>(import: &mut Import<'_>) -> Result<usize, ImportError> {
    let (mut seen, mut pass) = (HashSet::new(), Pass::keeping());
    let files = files(import.folder, P::FOLDER);
    let mut batch = Batch::<P>::default();
    let count = files.len();
    for name in files {
        import.step()?;
        let path = Path::new(P::FOLDER).join(name);
        import.summary.found += 1;
        match read::<P>(import, &path) {
            Ok(read) if !seen.insert(read.page.id()) => {
                import.summary.skip(path, Note::lost("another file has the same id", ""));
            }
            Ok(read) => batch.add(read),
            Err(note) => import.summary.skip(path, note),
        }
        if batch.is_full() {
            write(import, &mut batch, &mut pass)?;
        }
    }
    write(import, &mut batch, &mut pass)?;
    pass.keep = false;
    for path in std::mem::take(&mut pass.deferred) {
        import.step()?;
        match read::<P>(import, &path) {
            Ok(read) => batch.add(read),
            Err(note) => import.summary.skip(path, note),
        }
        if batch.is_full() {
            write(import, &mut batch, &mut pass)?;
        }
    }
    write(import, &mut batch, &mut pass)?;
    Ok(count)
}

/// The file names in a folder, in the order of the ids at their start: ids are only kept in that
/// order.
fn files(folder: &Path, name: &str) -> Vec<std::ffi::OsString> {
    let number = |name: &OsStr| {
        let digits = name.as_encoded_bytes().iter().take_while(|byte| byte.is_ascii_digit());
        digits
            .fold(0_u64, |sum, byte| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    };
    let folder = folder.join(name);
    let all = WalkDir::new(folder).min_depth(1).max_depth(1).follow_root_links(false);
    // Unreadable entries show up as a difference from the counts in `kilonova.toml`.
    let all = all.into_iter().filter_map(Result::ok).map(|entry| entry.file_name().to_owned());
    let mut all: Vec<_> = all.filter(|name| !name.as_encoded_bytes().starts_with(b".")).collect();
    all.sort_by(|a, b| number(a).cmp(&number(b)).then_with(|| a.cmp(b)));
    all
}

fn read<P: Page>(import: &mut Import<'_>, path: &Path) -> Result<Read<P>, Note> {
    if path.extension() != Some(OsStr::new("md")) {
        return Err(Note::lost("not a file of an export", ""));
    }
    let read = file::read(&import.folder.join(path), MAX_FILE)?;
    let text = read.ok_or_else(|| Note::lost("cannot be read", "it no longer exists"))?.text;
    let Some((head, body)) = format::split(&text) else {
        return Err(Note::lost("no front matter between lines of `+++`", ""));
    };
    let fields = Format::Toml.read(head);
    let fields = fields.map_err(|note| Note { line: note.line.map(|line| line + 1), ..note })?;
    let mut given = Given::of_head(fields.moved(1), 1, P::KEYS);
    let notes = given.unknown();
    given.params.insert("body".to_owned(), import.led(body.to_owned()).into());
    let page = P::parse(&given).map_err(|errors| given.refused(&errors))?;
    Ok(Read { path: path.to_owned(), page, notes })
}

/// Pages that are written in one transaction.
pub(super) struct Batch<P> {
    pub(super) pages: Vec<Read<P>>,
    bytes: usize,
}

impl<P> Default for Batch<P> {
    fn default() -> Self {
        Batch { pages: Vec::new(), bytes: 0 }
    }
}

impl<P: Page> Batch<P> {
    fn add(&mut self, read: Read<P>) {
        self.bytes += read.page.weight();
        self.pages.push(read);
    }

    fn is_full(&self) -> bool {
        self.pages.len() >= BATCH || self.bytes >= BATCH_BYTES
    }
}

/// The time of a change: the file's own, or now if the file was changed without a new time.
pub(super) fn changed_at(
    before: chrono::NaiveDateTime,
    own: chrono::NaiveDateTime,
) -> chrono::NaiveDateTime {
    if own > before { own } else { now() }
}
