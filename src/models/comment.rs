//! Comments on posts: changesets, the row, its queries.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::user::User;
use super::{Cursor, Page, paginate, rfc3339};
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::connection::{DbConnection, with_variant};
use crate::schema::comments;

const BODY: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: 64 * 1024, single_line: false };
const AUTHOR: Text = Text { required: false, min: 1, max: 100, max_bytes: 2048, single_line: true };

/// A comment, as the API, the events and the pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Queryable, Selectable)]
#[diesel(table_name = comments)]
pub struct Comment {
    /// Never given to another comment.
    pub id: i64,
    /// The post that it is on.
    pub post_id: i64,
    /// Markdown, at most 64 KiB.
    pub body: String,
    /// The name of its account or, without one, the name that its writer gave, if any.
    pub author: Option<String>,
    /// The account that wrote it.
    pub user_id: Option<i64>,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    pub inserted_at: NaiveDateTime,
}

/// The fields of a new comment, validated.
#[derive(Clone, Debug)]
pub struct NewComment {
    body: String,
    author: Option<String>,
    user_id: Option<i64>,
}

impl NewComment {
    /// Validates the fields of a new comment, of this account if of any: then it has its name,
    /// whatever the fields claim.
    pub fn changeset_by(params: &Params, user: Option<&User>) -> Result<NewComment, Errors> {
        let mut changeset = Changeset::new(params, Mode::Create);
        let body = changeset.text("body", BODY);
        let author = match user {
            Some(user) => Some(user.username.clone()),
            None => changeset.text("author", AUTHOR),
        };
        let user_id = user.map(|user| user.id);
        changeset.finish(|| Some(NewComment { body: body?, author, user_id }))
    }
}

/// The fields that an update changes, validated.
#[derive(Clone, Debug)]
pub struct CommentChanges {
    body: Option<String>,
}

impl CommentChanges {
    /// Validates the field that may change, the body.
    pub fn changeset(params: &Params) -> Result<CommentChanges, Errors> {
        let mut changeset = Changeset::new(params, Mode::Update);
        let body = changeset.text("body", BODY);
        changeset.finish(|| Some(CommentChanges { body }))
    }
}

/// A page of a post's comments, oldest first.
pub fn list(
    connection: &mut DbConnection,
    post_id: i64,
    after: Option<Cursor>,
    limit: usize,
) -> QueryResult<Page<Comment>> {
    let mut query = comments::table
        .filter(comments::post_id.eq(post_id))
        .order((comments::inserted_at, comments::id))
        .limit(limit as i64 + 1)
        .select(Comment::as_select())
        .into_boxed();
    if let Some(Cursor { inserted_at, id }) = after {
        query = query.filter(
            comments::inserted_at
                .gt(inserted_at)
                .or(comments::inserted_at.eq(inserted_at).and(comments::id.gt(id))),
        );
    }
    paginate(query.load_iter::<Comment, _>(connection)?, limit, |comment| {
        (Cursor { inserted_at: comment.inserted_at, id: comment.id }, comment.body.len())
    })
}

/// The comment, or `NotFound`.
pub fn get(connection: &mut DbConnection, id: i64) -> QueryResult<Comment> {
    comments::table.find(id).select(Comment::as_select()).first(connection)
}

/// How many comments a post has.
pub fn count(connection: &mut DbConnection, post_id: i64) -> QueryResult<i64> {
    comments::table.filter(comments::post_id.eq(post_id)).count().get_result(connection)
}

/// Where the page starts that shows a post's newest comment: nowhere in particular while one page
/// of `rows` holds all of them, else right before it.
pub fn page_of(
    connection: &mut DbConnection,
    newest: &Comment,
    rows: usize,
) -> QueryResult<Option<Cursor>> {
    let before = comments::table
        .filter(comments::post_id.eq(newest.post_id))
        .filter(comments::id.ne(newest.id))
        .order((comments::inserted_at.desc(), comments::id.desc()))
        .limit(rows as i64)
        .select((comments::inserted_at, comments::id))
        .load::<(NaiveDateTime, i64)>(connection)?;
    let cursor = before.first().filter(|_| before.len() == rows);
    Ok(cursor.map(|&(inserted_at, id)| Cursor { inserted_at, id }))
}

/// Inserts a comment on a post that exists.
pub fn insert(
    connection: &mut DbConnection,
    post_id: i64,
    new: NewComment,
    at: NaiveDateTime,
) -> QueryResult<Comment> {
    let row = (
        comments::post_id.eq(post_id),
        comments::body.eq(&new.body),
        comments::author.eq(&new.author),
        comments::user_id.eq(new.user_id),
        comments::inserted_at.eq(at),
    );
    let id = with_variant!(connection, c => {
        diesel::insert_into(comments::table).values(row).returning(comments::id).get_result(c)
    })?;
    Ok(Comment {
        id,
        post_id,
        body: new.body,
        author: new.author,
        user_id: new.user_id,
        inserted_at: at,
    })
}

/// Applies changes to a comment that this transaction has read, and tells whether there were any.
pub fn update(
    connection: &mut DbConnection,
    mut comment: Comment,
    changes: CommentChanges,
) -> QueryResult<(Comment, bool)> {
    match changes.body {
        Some(body) if body != comment.body => {
            diesel::update(comments::table.find(comment.id))
                .set(comments::body.eq(&body))
                .execute(connection)?;
            comment.body = body;
            Ok((comment, true))
        }
        _ => Ok((comment, false)),
    }
}

/// Deletes the comment, or gives `NotFound`.
pub fn delete(connection: &mut DbConnection, id: i64) -> QueryResult<()> {
    match diesel::delete(comments::table.find(id)).execute(connection)? {
        0 => Err(diesel::NotFound),
        _ => Ok(()),
    }
}
