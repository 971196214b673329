//! The bin: posts and comments that were deleted on a page and can be restored. Owns the moves of
//! their rows to the bin's tables and back; `listed` owns the list of them.
//!
//! A row in the bin is in none of the tables that other queries read, so no other query can show it
//! by mistake.

mod listed;

use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

pub use self::listed::{Line, list};
use super::comment::{self, Comment};
use super::post::{self, Post};
use crate::access::{BinFacts, Binned, CommentFacts, CommentState, PostFacts};
use crate::connection::{DbConnection, with_variant};
use crate::schema::{bin_comments, bin_entries, bin_post_tags, bin_posts, bin_upload_uses};

/// Something in the bin: a post with its comments, or one comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = bin_entries)]
pub struct Entry {
    /// Never reused for another entry.
    pub id: i64,
    /// The post, or the post that the comment is on.
    pub post_id: i64,
    /// The comment, if the entry is one.
    pub comment_id: Option<i64>,
    /// The account that deleted it; `None` if access was open.
    pub deleted_by: Option<i64>,
    /// UTC, by the database's clock.
    pub deleted_at: NaiveDateTime,
}

impl Entry {
    /// The path of the page that shows it after it is restored.
    pub fn place(&self) -> String {
        match (self.post_id, self.comment_id) {
            (post, None) => format!("/posts/{post}"),
            (post, Some(id)) => format!("/posts/{post}?comment={id}#comment-{id}"),
        }
    }
}

/// The facts that decide who may do what with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The facts that decide who may see and restore it.
    pub access: BinFacts,
    /// Whether it is a comment whose post is in the bin too.
    pub is_without_post: bool,
}

/// A table whose rows move to the bin, with the columns that move.
struct Part {
    table: &'static str,
    columns: &'static str,
}

/// The tables whose rows move. No table refers to a later one. A test compares the columns with
/// those of the database.
const PARTS: [Part; 8] = [
    Part {
        table: "posts",
        columns: "id, title, body, status, author, user_id, source, inserted_at, updated_at, \
                  comments_locked, slug, published_at, publish_at, edited_by",
    },
    Part { table: "post_tags", columns: "post_id, ordinal, tag" },
    Part { table: "comments", columns: "id, post_id, body, author, user_id, inserted_at, state" },
    Part { table: "upload_uses", columns: "digest, post_id, comment_id" },
    Part { table: "old_addresses", columns: "path, post_id" },
    Part {
        table: "working_copies",
        columns: "id, user_id, post_id, form_key, title, body, tags, slug, status, publish_at, \
                  version, written_by, updated_at",
    },
    Part { table: "copy_uploads", columns: "copy_id, digest" },
    Part { table: "draft_links", columns: "id, token_digest, post_id, inserted_at, expires_at" },
];

impl Part {
    /// The condition for the rows of this table that move with a post, or with a comment.
    fn rows(&self, post: i64, comment: Option<i64>) -> Option<String> {
        match (self.table, comment) {
            ("posts", None) => Some(format!("id = {post}")),
            (
                "post_tags" | "comments" | "old_addresses" | "working_copies" | "draft_links",
                None,
            ) => Some(format!("post_id = {post}")),
            ("copy_uploads", None) => {
                Some(format!("copy_id IN (SELECT id FROM working_copies WHERE post_id = {post})"))
            }
            ("upload_uses", None) => Some(format!(
                "post_id = {post} \
                 OR comment_id IN (SELECT id FROM comments WHERE post_id = {post})"
            )),
            ("comments", Some(comment)) => Some(format!("id = {comment}")),
            ("upload_uses", Some(comment)) => Some(format!("comment_id = {comment}")),
            _ => None,
        }
    }
}

/// Moves a post and everything that belongs to it to the bin. `by` is the account that deletes it.
/// Returns the entry's id and the number of bytes that were moved.
pub fn put_post(
    connection: &mut DbConnection,
    post: &Post,
    by: Option<i64>,
    at: NaiveDateTime,
) -> QueryResult<(i64, usize)> {
    let of_post = format!("post_id = {}", post.id);
    let bytes =
        bytes(connection, "comments", &of_post)? + bytes(connection, "working_copies", &of_post)?;
    let id = put(connection, (post.id, None), post.user_id, by, at)?;
    post::delete(connection, post.id)?;
    Ok((id, bytes + post.body.len()))
}

/// Moves a comment to the bin. `by` is the account that deletes it. Returns the entry's id.
pub fn put_comment(
    connection: &mut DbConnection,
    comment: &Comment,
    by: Option<i64>,
    at: NaiveDateTime,
) -> QueryResult<i64> {
    let thing = (comment.post_id, Some(comment.id));
    let id = put(connection, thing, comment.user_id, by, at)?;
    comment::delete(connection, comment.id)?;
    Ok(id)
}

fn put(
    connection: &mut DbConnection,
    (post, comment): (i64, Option<i64>),
    author: Option<i64>,
    by: Option<i64>,
    at: NaiveDateTime,
) -> QueryResult<i64> {
    let row = (
        bin_entries::post_id.eq(post),
        bin_entries::comment_id.eq(comment),
        bin_entries::user_id.eq(author),
        bin_entries::deleted_by.eq(by),
        bin_entries::deleted_at.eq(at),
    );
    let id: i64 = with_variant!(connection, c => {
        diesel::insert_into(bin_entries::table).values(row).returning(bin_entries::id).get_result(c)
    })?;
    for part in &PARTS {
        let Some(rows) = part.rows(post, comment) else { continue };
        let Part { table, columns } = part;
        run(
            connection,
            &format!(
                "INSERT INTO bin_{table} (entry, {columns}) \
                 SELECT {id}, {columns} FROM {table} WHERE {rows}"
            ),
        )?;
    }
    Ok(id)
}

/// Moves an entry's rows back to their tables, and returns the number of bytes that were moved.
/// Fails for a comment whose post does not exist.
///
/// If an import has since assigned the post's source or its old addresses to another post, they
/// stay with that one.
pub fn take_out(connection: &mut DbConnection, entry: &Entry) -> QueryResult<usize> {
    let id = entry.id;
    let bytes = bytes(connection, "bin_comments", &format!("entry = {id}"))?
        + bytes(connection, "bin_posts", &format!("entry = {id}"))?
        + bytes(connection, "bin_working_copies", &format!("entry = {id}"))?;
    run(
        connection,
        &format!(
            "UPDATE bin_posts SET source = NULL WHERE entry = {id} \
             AND EXISTS (SELECT 1 FROM posts WHERE posts.source = bin_posts.source)"
        ),
    )?;
    run(
        connection,
        &format!(
            "DELETE FROM bin_old_addresses WHERE entry = {id} AND EXISTS \
             (SELECT 1 FROM old_addresses WHERE old_addresses.path = bin_old_addresses.path)"
        ),
    )?;
    for Part { table, columns } in &PARTS {
        run(
            connection,
            &format!(
                "INSERT INTO {table} ({columns}) SELECT {columns} FROM bin_{table} \
                 WHERE entry = {id}"
            ),
        )?;
    }
    diesel::delete(bin_entries::table.find(id)).execute(connection)?;
    Ok(bytes)
}

/// Deletes an entry permanently. With a post, its comments that have their own entries are deleted
/// too.
pub fn discard(connection: &mut DbConnection, entry: &Entry) -> QueryResult<()> {
    match entry.comment_id {
        None => discard_of_post(connection, entry.post_id),
        Some(_) => diesel::delete(bin_entries::table.find(entry.id)).execute(connection).map(drop),
    }
}

/// Permanently deletes a post that is in the bin, and those of its comments that were deleted
/// before it.
pub fn discard_of_post(connection: &mut DbConnection, post_id: i64) -> QueryResult<()> {
    let entries = bin_entries::table.filter(bin_entries::post_id.eq(post_id));
    diesel::delete(entries).execute(connection).map(drop)
}

/// Permanently deletes a comment that is in the bin as part of its post.
pub fn discard_with_post(connection: &mut DbConnection, comment_id: i64) -> QueryResult<()> {
    let uses = bin_upload_uses::table.filter(bin_upload_uses::comment_id.eq(comment_id));
    diesel::delete(uses).execute(connection)?;
    diesel::delete(bin_comments::table.find(comment_id)).execute(connection).map(drop)
}

/// Permanently deletes at most `limit` of the entries that were binned before this time. Returns
/// how many.
pub fn prune(
    connection: &mut DbConnection,
    before: NaiveDateTime,
    limit: usize,
) -> QueryResult<usize> {
    let due = bin_entries::table
        .filter(bin_entries::deleted_at.lt(before))
        .order((bin_entries::deleted_at, bin_entries::id))
        .limit(limit as i64)
        .select(Entry::as_select())
        .load::<Entry>(connection)?;
    for entry in &due {
        discard(connection, entry)?;
    }
    Ok(due.len())
}

/// The entry, or `NotFound`.
pub fn get(connection: &mut DbConnection, id: i64) -> QueryResult<Entry> {
    bin_entries::table.find(id).select(Entry::as_select()).first(connection)
}

/// The entry of a post, or `NotFound`.
pub fn of_post(connection: &mut DbConnection, post_id: i64) -> QueryResult<Entry> {
    bin_entries::table
        .filter(bin_entries::post_id.eq(post_id).and(bin_entries::comment_id.is_null()))
        .select(Entry::as_select())
        .first(connection)
}

/// The entry of a comment that was deleted on its own, or `NotFound`.
pub fn of_comment(connection: &mut DbConnection, comment_id: i64) -> QueryResult<Entry> {
    bin_entries::table
        .filter(bin_entries::comment_id.eq(comment_id))
        .select(Entry::as_select())
        .first(connection)
}

/// The facts that decide about an entry, or `NotFound`.
pub fn facts(connection: &mut DbConnection, entry: &Entry) -> QueryResult<Facts> {
    let shown = match entry.comment_id {
        None => None,
        Some(_) => post::facts(connection, entry.post_id).optional()?,
    };
    let is_without_post = entry.comment_id.is_some() && shown.is_none();
    let post = match shown {
        Some(post) => post,
        None => post_facts(connection, entry.post_id)?,
    };
    let thing = match entry.comment_id {
        None => Binned::Post(post),
        Some(id) => {
            let (author, state) = bin_comments::table
                .find(id)
                .select((bin_comments::user_id, bin_comments::state))
                .first::<(Option<i64>, String)>(connection)?;
            Binned::Comment(CommentFacts { author, post, state: CommentState::of(&state) })
        }
    };
    let access = BinFacts { thing, deleted_by: entry.deleted_by };
    Ok(Facts { access, is_without_post })
}

fn post_facts(connection: &mut DbConnection, id: i64) -> QueryResult<PostFacts> {
    let found = bin_posts::table.find(id);
    found.select(POST_FACTS).first::<post::Facts>(connection).map(PostFacts::from)
}

const POST_FACTS: (bin_posts::user_id, bin_posts::status, bin_posts::publish_at) =
    (bin_posts::user_id, bin_posts::status, bin_posts::publish_at);

/// A post that is in the bin, or `NotFound`.
pub fn post(connection: &mut DbConnection, id: i64) -> QueryResult<Post> {
    let row = bin_posts::table
        .find(id)
        .select((
            bin_posts::id,
            bin_posts::title,
            bin_posts::body,
            bin_posts::status,
            bin_posts::author,
            bin_posts::user_id,
            bin_posts::inserted_at,
            bin_posts::updated_at,
            bin_posts::comments_locked,
            bin_posts::slug,
            bin_posts::published_at,
            bin_posts::publish_at,
        ))
        .first::<post::Row>(connection)?;
    let tags = bin_post_tags::table
        .filter(bin_post_tags::post_id.eq(id))
        .order(bin_post_tags::ordinal)
        .select(bin_post_tags::tag)
        .load::<String>(connection)?;
    Ok(row.with_tags(tags))
}

/// A comment that is in the bin, or `NotFound`.
pub fn comment(connection: &mut DbConnection, id: i64) -> QueryResult<Comment> {
    let row = bin_comments::table.find(id).select((
        bin_comments::id,
        bin_comments::post_id,
        bin_comments::body,
        bin_comments::author,
        bin_comments::user_id,
        bin_comments::inserted_at,
        bin_comments::state,
    ));
    row.first::<comment::Row>(connection).map(Comment::from)
}

/// Whether an account has at least `count` posts, including those in the bin. `count` is at least
/// 1.
pub fn has_posts(connection: &mut DbConnection, user_id: i64, count: i64) -> QueryResult<bool> {
    let own = bin_posts::table.filter(bin_posts::user_id.eq(user_id));
    let binned: i64 = own.count().get_result(connection)?;
    Ok(binned >= count || post::has(connection, user_id, count - binned)?)
}

/// Whether an account has at least `count` comments, including those in the bin. `count` is at
/// least 1.
pub fn has_comments(connection: &mut DbConnection, user_id: i64, count: i64) -> QueryResult<bool> {
    let own = bin_comments::table.filter(bin_comments::user_id.eq(user_id));
    let binned: i64 = own.count().get_result(connection)?;
    Ok(binned >= count || comment::has(connection, user_id, count - binned)?)
}

/// The bytes that a moved row counts for, in addition to its text.
const EACH: usize = 256;

/// The bytes that moving these rows counts for.
fn bytes(connection: &mut DbConnection, table: &str, rows: &str) -> QueryResult<usize> {
    let sum =
        format!("(SELECT COALESCE(SUM(octet_length(body) + {EACH}), 0) FROM {table} WHERE {rows})");
    let bytes: i64 = diesel::select(sql::<BigInt>(&sum)).get_result(connection)?;
    Ok(usize::try_from(bytes).unwrap_or_default())
}

/// Runs a statement that contains no values other than ids.
fn run(connection: &mut DbConnection, statement: &str) -> QueryResult<()> {
    with_variant!(connection, c => diesel::sql_query(statement).execute(c)).map(drop)
}
