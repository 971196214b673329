//! Files of posts and of notes: front matter and a body, byte for byte. Owns their reading and the
//! order of their writing; the rows are `posts`' and `notes`'.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::super::front_matter::Format;
use super::super::report::Note;
use super::super::store::Outcome;
use super::super::{BATCH, BATCH_BYTES, ImportError, Target, file};
use super::fields::Given;
use super::{Import, Users};
use crate::changeset::Errors;
use crate::connection::DbConnection;
use crate::db::Tx;
use crate::export::format::{self, MAX_HEAD};
use crate::models::ids::Ids;
use crate::models::now;
use crate::models::old_address::{self, Claimed, Target as Led};
use crate::models::post::MAX_BODY;
use crate::models::user::User;

/// Largest file in bytes.
const MAX_FILE: u64 = (MAX_HEAD + MAX_BODY + 1024) as u64;

/// A kind of file.
pub(super) trait Page: Sized + Send + 'static {
    /// The folder of such files.
    const FOLDER: &'static str;
    /// The table of their rows.
    const TABLE: &'static str;
    /// The keys of their front matter.
    const KEYS: &'static [&'static str];
    /// The row.
    type Row: Clone + PartialEq;

    /// Makes a page of fields and a body, by the application's rules.
    fn parse(given: &Given) -> Result<Self, Errors>;
    /// The id that it had.
    fn id(&self) -> i64;
    /// The name of its account.
    fn account(&self) -> Option<&str>;
    /// The bytes of its body.
    fn weight(&self) -> usize;
    /// The addresses that lead to it.
    fn aliases(&self) -> &[String];
    /// The row that it is of, if that is there, and is none of `taken`.
    fn find(
        &self,
        connection: &mut DbConnection,
        taken: &HashSet<i64>,
    ) -> diesel::QueryResult<Option<Self::Row>>;
    /// The id of a row.
    fn id_of(row: &Self::Row) -> i64;
    /// The row that it makes of the one that is there, or of none.
    fn row(&self, known: Option<&Self::Row>, user: Option<&User>) -> Self::Row;
    /// Inserts its row, with this id if one is given, and announces it.
    fn insert(
        &self,
        tx: &mut Tx<'_>,
        id: Option<i64>,
        row: Self::Row,
    ) -> Result<Self::Row, ImportError>;
    /// Changes its row, and announces that.
    fn update(
        &self,
        tx: &mut Tx<'_>,
        before: Self::Row,
        after: Self::Row,
    ) -> Result<(), ImportError>;
}

/// A page that was read.
struct Read<P> {
    path: PathBuf,
    page: P,
    notes: Vec<Note>,
}

/// The outcome of a page. Without an outcome it has to wait, since its id is another's here.
struct Written {
    path: PathBuf,
    id: i64,
    outcome: Option<(Outcome, Option<i64>)>,
    addresses: usize,
    notes: Vec<Note>,
}

/// Imports all files of a kind. How many there are.
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

/// The names in a folder by the numbers that they begin with: ids are only kept in their order.
fn files(folder: &Path, name: &str) -> Vec<std::ffi::OsString> {
    let number = |name: &OsStr| {
        let digits = name.as_encoded_bytes().iter().take_while(|byte| byte.is_ascii_digit());
        digits
            .fold(0_u64, |sum, byte| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    };
    let folder = folder.join(name);
    let all = WalkDir::new(folder).min_depth(1).max_depth(1).follow_root_links(false);
    // What cannot be read is missed in `kilonova.toml`'s counts.
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
    let text = read.ok_or_else(|| Note::lost("cannot be read", "it is gone"))?.text;
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

/// Pages that are written with one transaction.
struct Batch<P> {
    pages: Vec<Read<P>>,
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

/// A way through the files.
struct Pass {
    /// Whether rows are to keep their ids: files of those that cannot are deferred.
    keep: bool,
    deferred: Vec<PathBuf>,
    /// The rows that pages were recognised in or became: no other page is of one of them.
    taken: HashSet<i64>,
}

impl Pass {
    fn keeping() -> Pass {
        Pass { keep: true, deferred: Vec::new(), taken: HashSet::new() }
    }
}

/// Writes a batch.
fn write<P: Page>(
    import: &mut Import<'_>,
    batch: &mut Batch<P>,
    pass: &mut Pass,
) -> Result<(), ImportError> {
    let pages = std::mem::take(batch).pages;
    if pages.is_empty() {
        return Ok(());
    }
    // Lost with a transaction that fails, which ends the import.
    let (keep, taken) = (pass.keep, std::mem::take(&mut pass.taken));
    let written = match &mut *import.target {
        Target::Database(db) => db
            .transaction_blocking(move |tx| {
                let mut writer = Writer { keep, taken, users: Users::default(), ids: None };
                let all = pages.into_iter().map(|read| writer.write(tx, read));
                let all = all.collect::<Result<Vec<_>, ImportError>>()?;
                if let Some(ids) = writer.ids {
                    ids.close(tx.connection)?;
                }
                Ok::<_, ImportError>((all, writer.users.missing, writer.taken))
            })
            .map(|committed| committed.value),
        Target::DryRun(connection) => compare(connection.as_mut(), pages, taken),
    };
    let (written, missing, taken) = written.map_err(|error| import.failed(error))?;
    pass.taken = taken;
    if let Some(first) = written.first() {
        let path = first.path.clone();
        import.missing(&path, missing);
    }
    for Written { path, id, outcome, addresses, notes } in written {
        let Some((outcome, row)) = outcome else {
            pass.deferred.push(path);
            continue;
        };
        import.summary.note(&path, notes);
        import.summary.addresses += addresses;
        import.summary.count(path, outcome);
        match P::FOLDER {
            format::POSTS => drop(import.posts.insert(id, row)),
            _ => import.summary.notes += 1,
        }
    }
    Ok(())
}

struct Writer {
    keep: bool,
    taken: HashSet<i64>,
    users: Users,
    ids: Option<Ids>,
}

impl Writer {
    fn write<P: Page>(&mut self, tx: &mut Tx<'_>, read: Read<P>) -> Result<Written, ImportError> {
        let Read { path, page, mut notes } = read;
        let user = self.users.named(tx.connection, page.account())?;
        let known = page.find(tx.connection, &self.taken)?;
        let row = page.row(known.as_ref(), user.as_ref());
        let (outcome, id) = match known {
            Some(known) if known == row => (Outcome::Unchanged, P::id_of(&known)),
            Some(known) => {
                let id = P::id_of(&known);
                page.update(tx, known, row)?;
                (Outcome::Updated, id)
            }
            None if self.keep => {
                let ids = match &mut self.ids {
                    Some(ids) => ids,
                    none => none.insert(Ids::of(tx.connection, P::TABLE)?),
                };
                let Some(id) = ids.take(page.id()) else {
                    let id = page.id();
                    return Ok(Written { path, id, outcome: None, addresses: 0, notes });
                };
                (Outcome::Created, P::id_of(&page.insert(tx, Some(id), row)?))
            }
            None => {
                let id = P::id_of(&page.insert(tx, None, row)?);
                let what = "its id was given to another here, and what leads to it leads elsewhere";
                notes.push(Note::lost(what, format!("{} is {id} here", page.id())));
                (Outcome::Created, id)
            }
        };
        self.taken.insert(id);
        let mut addresses = 0;
        for alias in page.aliases() {
            let claimed = old_address::claim(tx.connection, alias, Led::Post(id))?;
            super::super::store::tell(claimed, alias, &mut addresses, &mut notes);
        }
        let outcome = Some((outcome, Some(id)));
        Ok(Written { path, id: page.id(), outcome, addresses, notes })
    }
}

/// The outcomes of a batch, the accounts that are not here, and the rows that are taken.
type Outcomes = (Vec<Written>, Vec<String>, HashSet<i64>);

/// The outcomes that a batch would have, and the accounts that are not here.
fn compare<P: Page>(
    mut connection: Option<&mut DbConnection>,
    pages: Vec<Read<P>>,
    mut taken: HashSet<i64>,
) -> Result<Outcomes, ImportError> {
    let (mut all, mut users) = (Vec::new(), Users::default());
    for Read { path, page, mut notes } in pages {
        let outcome = match connection.as_mut() {
            Some(connection) => {
                let user = users.named(connection, page.account())?;
                page.find(connection, &taken)?.map(|known| {
                    taken.insert(P::id_of(&known));
                    let is_same = page.row(Some(&known), user.as_ref()) == known;
                    let outcome = if is_same { Outcome::Unchanged } else { Outcome::Updated };
                    (outcome, Some(P::id_of(&known)))
                })
            }
            None => None,
        };
        let mut addresses = 0;
        for alias in page.aliases() {
            let claimed = old_address::own(alias).err().unwrap_or(Claimed::Yes);
            super::super::store::tell(claimed, alias, &mut addresses, &mut notes);
        }
        let outcome = Some(outcome.unwrap_or((Outcome::Created, None)));
        all.push(Written { path, id: page.id(), outcome, addresses, notes });
    }
    Ok((all, users.missing, taken))
}

/// The time of a change: the file's own, or now, when it was changed without saying so.
pub(super) fn changed_at(
    before: chrono::NaiveDateTime,
    own: chrono::NaiveDateTime,
) -> chrono::NaiveDateTime {
    if own > before { own } else { now() }
}
