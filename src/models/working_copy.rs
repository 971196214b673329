//! Working copies: unsaved text of posts. An account has one for each saved post, and one for each
//! new post. Owns their rows, and the decision which of two windows may write. They have no events,
//! and only their account can read them.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::post::{MAX_BODY, Post};
use super::upload;
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::connection::{DbConnection, with_variant};
use crate::schema::{bin_working_copies, working_copies};

/// The most bytes of a one-line field. This is more than any valid value has, since an unsaved
/// value may still be too long.
const LINE: usize = 16 * 1024;

/// The most bytes of a version's name.
pub const MAX_VERSION: usize = 64;

/// The number of hexadecimal digits of a form's key.
const KEY: usize = 32;

/// The most unsaved new posts in a list.
const LISTED: i64 = 100;

/// The fields of a post's form, as typed. They may be invalid or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = working_copies)]
pub struct Typed {
    /// The title.
    pub title: String,
    /// The Markdown.
    pub body: String,
    /// The tags, separated by commas.
    pub tags: String,
    /// The slug.
    pub slug: String,
    /// The word for the status; empty if the form does not have it.
    pub status: String,
    /// The date and time of the publication, to the minute.
    pub publish_at: String,
}

impl Typed {
    /// The fields of the form for this post.
    pub fn of(post: &Post) -> Typed {
        let publish_at = post.publish_at.map(|at| at.format("%Y-%m-%dT%H:%M").to_string());
        Typed {
            title: post.title.clone(),
            body: post.body.clone(),
            tags: post.tags.join(", "),
            slug: post.slug.clone().unwrap_or_default(),
            status: post.status.as_str().to_owned(),
            publish_at: publish_at.unwrap_or_default(),
        }
    }

    /// Validates only the lengths of a form's fields.
    pub fn changeset(params: &Params) -> Result<Typed, Errors> {
        let mut changeset = Changeset::new(params, Mode::Update);
        let mut take = |name, max_bytes| {
            let rules =
                Text { required: false, min: 0, max: usize::MAX, max_bytes, single_line: false };
            changeset.text(name, rules).unwrap_or_default()
        };
        let typed = Typed {
            title: take("title", LINE),
            body: take("body", MAX_BODY),
            tags: take("tags", LINE),
            slug: take("slug", LINE),
            status: take("status", LINE),
            publish_at: take("publish_at", LINE),
        };
        changeset.finish(|| Some(typed))
    }

    /// Whether saving it would change nothing.
    pub fn is_of(&self, post: &Post) -> bool {
        let saved = Typed::of(post);
        let status = if self.status.is_empty() { &saved.status } else { &self.status };
        Typed { status: status.clone(), ..self.clone() } == saved
    }

    /// The number of its bytes.
    pub fn size(&self) -> usize {
        let Typed { title, body, tags, slug, status, publish_at } = self;
        [title, body, tags, slug, status, publish_at].iter().map(|text| text.len()).sum()
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        *self == Typed::default()
    }
}

/// The post that a working copy belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// A saved post, by its id.
    Post(i64),
    /// A new post, by the key of its form.
    New(String),
}

impl Of {
    /// The new post whose form has this key; `None` if the text is not a key.
    pub fn key(text: &str) -> Option<Of> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == KEY && text.bytes().all(is_digit)).then(|| Of::New(text.to_owned()))
    }
}

/// A working copy.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = working_copies)]
pub struct WorkingCopy {
    /// Different after each change.
    pub id: i64,
    /// The key of the form, for a new post.
    pub form_key: Option<String>,
    /// The typed fields.
    #[diesel(embed)]
    pub typed: Typed,
    /// The version of the post that it is based on.
    pub version: String,
    /// The window that wrote it.
    pub written_by: String,
    /// UTC.
    pub updated_at: NaiveDateTime,
}

/// An unsaved new post in a list.
#[derive(Clone, Debug, Queryable)]
pub struct Unsaved {
    /// The key of its form.
    pub key: String,
    /// The title, which may be empty.
    pub title: String,
    /// UTC.
    pub updated_at: NaiveDateTime,
}

/// A browser window, and the last copy that it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The name that the window sends, or empty.
    pub name: String,
    /// The id of the last copy that the window knows.
    pub knows: Option<i64>,
}

impl Window {
    /// The form fields that contain a window.
    pub const FIELDS: [&str; 2] = ["window", "copy"];

    /// Reads the window from the fields of its form.
    pub fn of(params: &Params) -> Window {
        let field = |name| params.get(name).and_then(serde_json::Value::as_str);
        let is_name = |name: &&str| name.len() <= 64 && name.is_ascii() && !name.contains('\0');
        Window {
            name: field("window").filter(is_name).unwrap_or_default().to_owned(),
            knows: field("copy").and_then(|id| id.parse().ok()),
        }
    }

    /// Whether this window wrote the copy or knows it.
    fn has(&self, id: i64, written_by: &str) -> bool {
        self.knows == Some(id) || (!self.name.is_empty() && self.name == written_by)
    }
}

/// An account's working copy of a post.
pub fn find(
    connection: &mut DbConnection,
    user_id: i64,
    of: &Of,
) -> QueryResult<Option<WorkingCopy>> {
    let own = working_copies::table.filter(working_copies::user_id.eq(user_id));
    let own = own.select(WorkingCopy::as_select());
    match of {
        Of::Post(id) => own.filter(working_copies::post_id.eq(id)).first(connection),
        Of::New(key) => own.filter(working_copies::form_key.eq(key)).first(connection),
    }
    .optional()
}

/// An account's unsaved new posts, most recently changed first.
pub fn unsaved(connection: &mut DbConnection, user_id: i64) -> QueryResult<Vec<Unsaved>> {
    working_copies::table
        .filter(working_copies::user_id.eq(user_id))
        .filter(working_copies::form_key.is_not_null())
        .order((working_copies::updated_at.desc(), working_copies::id.desc()))
        .limit(LISTED)
        .select((
            working_copies::form_key.assume_not_null(),
            working_copies::title,
            working_copies::updated_at,
        ))
        .load(connection)
}

/// The id of an account's working copy, and the window that wrote it.
fn head(
    connection: &mut DbConnection,
    user_id: i64,
    of: &Of,
) -> QueryResult<Option<(i64, String)>> {
    let own = working_copies::table.filter(working_copies::user_id.eq(user_id));
    let own = own.select((working_copies::id, working_copies::written_by));
    match of {
        Of::Post(id) => own.filter(working_copies::post_id.eq(id)).first(connection),
        Of::New(key) => own.filter(working_copies::form_key.eq(key)).first(connection),
    }
    .optional()
}

/// Removes the copy that a window is about to replace. Returns false if another window has written
/// or removed a copy without this window's knowledge.
pub fn make_way(
    connection: &mut DbConnection,
    user_id: i64,
    of: &Of,
    window: &Window,
) -> QueryResult<bool> {
    match head(connection, user_id, of)? {
        None => Ok(window.knows.is_none()),
        Some((id, written_by)) if window.has(id, &written_by) => {
            diesel::delete(working_copies::table.find(id)).execute(connection)?;
            Ok(true)
        }
        Some(_) => Ok(false),
    }
}

/// Inserts a working copy where there is none, and returns its id.
pub fn insert(
    connection: &mut DbConnection,
    user_id: i64,
    of: &Of,
    typed: &Typed,
    version: &str,
    window: &Window,
    at: NaiveDateTime,
) -> QueryResult<i64> {
    let (post_id, form_key) = match of {
        Of::Post(id) => (Some(*id), None),
        Of::New(key) => (None, Some(key)),
    };
    let row = (
        working_copies::user_id.eq(user_id),
        working_copies::post_id.eq(post_id),
        working_copies::form_key.eq(form_key),
        working_copies::title.eq(&typed.title),
        working_copies::body.eq(&typed.body),
        working_copies::tags.eq(&typed.tags),
        working_copies::slug.eq(&typed.slug),
        working_copies::status.eq(&typed.status),
        working_copies::publish_at.eq(&typed.publish_at),
        working_copies::version.eq(version),
        working_copies::written_by.eq(&window.name),
        working_copies::updated_at.eq(at),
    );
    let id = with_variant!(connection, c => {
        diesel::insert_into(working_copies::table)
            .values(row)
            .returning(working_copies::id)
            .get_result(c)
    })?;
    upload::note_uses_of_copy(connection, id, &typed.body)?;
    Ok(id)
}

/// Keeps the `most` newest of an account's unsaved new posts, and removes the rest.
pub fn bound(connection: &mut DbConnection, user_id: i64, most: i64) -> QueryResult<()> {
    let beyond: Vec<i64> = working_copies::table
        .filter(working_copies::user_id.eq(user_id))
        .filter(working_copies::form_key.is_not_null())
        .order((working_copies::updated_at.desc(), working_copies::id.desc()))
        .offset(most)
        .limit(LISTED)
        .select(working_copies::id)
        .load(connection)?;
    let beyond = working_copies::table.filter(working_copies::id.eq_any(beyond));
    diesel::delete(beyond).execute(connection).map(drop)
}

/// Removes an account's working copy of a post, if there is one.
pub fn remove(connection: &mut DbConnection, user_id: i64, of: &Of) -> QueryResult<()> {
    let own = working_copies::table.filter(working_copies::user_id.eq(user_id));
    match of {
        Of::Post(id) => {
            diesel::delete(own.filter(working_copies::post_id.eq(id))).execute(connection)
        }
        Of::New(key) => {
            diesel::delete(own.filter(working_copies::form_key.eq(key))).execute(connection)
        }
    }
    .map(drop)
}

/// Removes the working copy after a window has saved it. A copy that another window wrote stays.
pub fn saved(
    connection: &mut DbConnection,
    user_id: i64,
    of: &Of,
    window: &Window,
) -> QueryResult<()> {
    make_way(connection, user_id, of, window).map(drop)
}

/// Deletes the copies that were last written before this time, including those in the bin.
pub fn prune(connection: &mut DbConnection, before: NaiveDateTime) -> QueryResult<()> {
    let old = working_copies::table.filter(working_copies::updated_at.lt(before));
    diesel::delete(old).execute(connection)?;
    let binned = bin_working_copies::table.filter(bin_working_copies::updated_at.lt(before));
    diesel::delete(binned).execute(connection).map(drop)
}
