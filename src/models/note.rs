//! Notes: changesets, the row, its queries.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::user::{self, User};
use super::{Cursor, Excerpt, Page, Time, from_rfc3339, paginate, rfc3339, substr, upload};
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::connection::{DbConnection, with_variant};
use crate::schema::notes;

/// The rules of a title.
pub const TITLE: Text =
    Text { required: true, min: 1, max: 200, max_bytes: 4096, single_line: true };
/// The rules of a body.
pub const BODY: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: 1024 * 1024, single_line: false };
/// The rules of an author's name.
pub const AUTHOR: Text =
    Text { required: true, min: 1, max: 100, max_bytes: 2048, single_line: true };

/// A note, as the API, the events and the pages show it.
#[derive(
    Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Queryable, Selectable,
)]
#[diesel(table_name = notes)]
pub struct Note {
    /// Never reused for another note.
    pub id: i64,
    /// One line, at most 200 characters.
    pub title: String,
    /// Markdown, at most 1 MiB.
    pub body: String,
    /// The author's name.
    pub author: String,
    /// The account that wrote it; not shown.
    #[serde(skip)]
    pub user_id: Option<i64>,
    /// UTC.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "Time")]
    pub inserted_at: NaiveDateTime,
    /// UTC; the last change of any field.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "Time")]
    pub updated_at: NaiveDateTime,
}

/// The fields of a new note, validated.
#[derive(Clone, Debug)]
pub struct NewNote {
    title: String,
    body: String,
    author: String,
    user_id: Option<i64>,
}

impl NewNote {
    /// Validates the fields of a new note.
    pub fn changeset(params: &Params) -> Result<NewNote, Errors> {
        NewNote::changeset_by(params, None)
    }

    /// Like [`NewNote::changeset`]. If an account writes the note, it has the account's name,
    /// whatever the fields say.
    pub fn changeset_by(params: &Params, user: Option<&User>) -> Result<NewNote, Errors> {
        let mut changeset = Changeset::new(params, Mode::Create);
        let title = changeset.text("title", TITLE);
        let body = changeset.text("body", BODY);
        let author = match user {
            Some(user) => Some(user.username.clone()),
            None => changeset.text("author", AUTHOR),
        };
        let user_id = user.map(|user| user.id);
        changeset.finish(|| Some(NewNote { title: title?, body: body?, author: author?, user_id }))
    }
}

impl NewNote {
    /// The note with these times, before it has an id.
    pub fn dated(self, inserted_at: NaiveDateTime, updated_at: NaiveDateTime) -> Note {
        let NewNote { title, body, author, user_id } = self;
        Note { id: 0, title, body, author, user_id, inserted_at, updated_at }
    }

    /// The name that its writer gave, if no account wrote it.
    pub fn guest(&self) -> Option<&str> {
        self.user_id.is_none().then_some(&*self.author)
    }
}

/// The fields that an update sets, validated; unlike a post's, both are required.
#[derive(Clone, Debug)]
pub struct NoteChanges {
    title: String,
    body: String,
}

impl NoteChanges {
    /// Validates title and body, both required.
    pub fn changeset(params: &Params) -> Result<NoteChanges, Errors> {
        let mut changeset = Changeset::new(params, Mode::Create);
        let title = changeset.text("title", TITLE);
        let body = changeset.text("body", BODY);
        changeset.finish(|| Some(NoteChanges { title: title?, body: body? }))
    }
}

impl NoteChanges {
    /// `note` with these changes.
    pub fn applied(self, note: &Note) -> Note {
        Note { title: self.title, body: self.body, ..note.clone() }
    }
}

/// A page of notes, newest first.
pub fn list(
    connection: &mut DbConnection,
    after: Option<Cursor>,
    limit: usize,
) -> QueryResult<Page<Note>> {
    let mut query = notes::table
        .order((notes::inserted_at.desc(), notes::id.desc()))
        .limit(limit as i64 + 1)
        .select(Note::as_select())
        .into_boxed();
    if let Some(Cursor { at, id }) = after {
        query = query
            .filter(notes::inserted_at.lt(at).or(notes::inserted_at.eq(at).and(notes::id.lt(id))));
    }
    paginate(query.load_iter::<Note, _>(connection)?, limit, |note| {
        (Cursor { at: note.inserted_at, id: note.id }, note.body.len())
    })
}

/// At most `limit` notes with ids above `after`, by id. Repeat to walk all of them.
pub fn walk(connection: &mut DbConnection, after: i64, limit: usize) -> QueryResult<Vec<Note>> {
    notes::table
        .filter(notes::id.gt(after))
        .order(notes::id)
        .limit(limit as i64)
        .select(Note::as_select())
        .load(connection)
}

/// Whether an account has at least `count` notes. `count` is at least 1.
pub fn has(connection: &mut DbConnection, user_id: i64, count: i64) -> QueryResult<bool> {
    let own = notes::table.filter(notes::user_id.eq(user_id)).select(notes::id);
    let last = own.order(notes::id).offset(count - 1).limit(1);
    Ok(last.first::<i64>(connection).optional()?.is_some())
}

/// The number of notes.
pub fn count(connection: &mut DbConnection) -> QueryResult<i64> {
    notes::table.count().get_result(connection)
}

/// The notes with these ids that exist, in no order, with at most `length` characters of their
/// bodies.
pub fn excerpts(
    connection: &mut DbConnection,
    ids: &[i64],
    length: i32,
) -> QueryResult<Vec<Excerpt>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    notes::table
        .filter(notes::id.eq_any(ids.to_vec()))
        .select((notes::id, notes::title, substr(notes::body, 1, length), notes::inserted_at))
        .load(connection)
}

/// The number of notes among these ids.
pub fn count_of(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<usize> {
    if ids.is_empty() {
        return Ok(0);
    }
    let found = notes::table.filter(notes::id.eq_any(ids.to_vec()));
    let count: i64 = found.count().get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The note, or `NotFound`.
pub fn get(connection: &mut DbConnection, id: i64) -> QueryResult<Note> {
    notes::table.find(id).select(Note::as_select()).first(connection)
}

/// At most 100 notes with exactly this time, by id.
pub fn at(connection: &mut DbConnection, at: NaiveDateTime) -> QueryResult<Vec<Note>> {
    let found = notes::table.filter(notes::inserted_at.eq(at)).order(notes::id).limit(100);
    found.select(Note::as_select()).load(connection)
}

/// Inserts a note.
pub fn insert(connection: &mut DbConnection, new: NewNote, at: NaiveDateTime) -> QueryResult<Note> {
    insert_whole(connection, None, new.dated(at, at))
}

/// Inserts a note with all its fields, except that a given id replaces its own.
pub fn insert_whole(
    connection: &mut DbConnection,
    id: Option<i64>,
    mut note: Note,
) -> QueryResult<Note> {
    let row = (
        notes::title.eq(&note.title),
        notes::body.eq(&note.body),
        notes::author.eq(&note.author),
        notes::user_id.eq(note.user_id),
        notes::inserted_at.eq(note.inserted_at),
        notes::updated_at.eq(note.updated_at),
    );
    note.id = match id {
        Some(id) => {
            let row = (notes::id.eq(id), row);
            diesel::insert_into(notes::table).values(row).execute(connection)?;
            id
        }
        None => with_variant!(connection, c => {
            diesel::insert_into(notes::table).values(row).returning(notes::id).get_result(c)
        })?,
    };
    upload::note_uses(connection, upload::Text::Note(note.id), "", &note.body)?;
    Ok(note)
}

/// Replaces `before`, which this transaction has read, with `after`. `by` is the account that
/// changes it, if any.
pub fn replace(
    connection: &mut DbConnection,
    before: Note,
    mut after: Note,
    by: Option<i64>,
    at: NaiveDateTime,
) -> QueryResult<Note> {
    upload::note_uses(connection, upload::Text::Note(before.id), &before.body, &after.body)?;
    // The time distinguishes versions, so it must increase, even within a microsecond or after the
    // clock was set back.
    after.updated_at = at.max(before.updated_at + TimeDelta::microseconds(1));
    diesel::update(notes::table.find(before.id))
        .set((
            notes::title.eq(&after.title),
            notes::body.eq(&after.body),
            notes::author.eq(&after.author),
            notes::user_id.eq(after.user_id),
            notes::updated_at.eq(after.updated_at),
            notes::edited_by.eq(by),
        ))
        .execute(connection)?;
    Ok(after)
}

/// The name of the account that last changed a note, if any.
pub fn editor(connection: &mut DbConnection, id: i64) -> QueryResult<Option<String>> {
    let by = notes::table.find(id).select(notes::edited_by).first(connection)?;
    user::name_of(connection, by)
}

/// Deletes the note, or returns `NotFound`.
pub fn delete(connection: &mut DbConnection, id: i64) -> QueryResult<()> {
    match diesel::delete(notes::table.find(id)).execute(connection)? {
        0 => Err(diesel::NotFound),
        _ => Ok(()),
    }
}
