//! Comments on posts: changesets, the row, its queries.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::dsl::count_star;
use diesel::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::post::{PUBLIC, Status};
use super::user::User;
use super::{Cursor, Page, Time, from_rfc3339, paginate, rfc3339, substr, upload};
use crate::access::{CommentFacts, CommentState, PostFacts, Scope};
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::connection::{DbConnection, with_variant};
use crate::schema::{comments, posts};

/// The rules of a body.
pub const BODY: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: 64 * 1024, single_line: false };
/// The rules of the name that a guest gives.
pub const AUTHOR: Text =
    Text { required: false, min: 1, max: 100, max_bytes: 2048, single_line: true };

/// A comment, as the API, the events and the pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    /// Never reused for another comment.
    pub id: i64,
    /// The post that it is on.
    pub post_id: i64,
    /// Markdown, at most 64 KiB.
    pub body: String,
    /// The account's name. Without an account, the name that the writer gave, if any.
    pub author: Option<String>,
    /// The account that wrote it.
    pub user_id: Option<i64>,
    /// UTC.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "Time")]
    pub inserted_at: NaiveDateTime,
    /// Whether it is visible.
    pub state: CommentState,
}

impl Comment {
    /// A digest of its text, to check that the text is the one that somebody has seen.
    pub fn digest(&self) -> String {
        super::digest(&self.body)
    }

    /// The facts that decide who may see and change it, on this post.
    pub fn facts(&self, post: PostFacts) -> CommentFacts {
        CommentFacts { author: self.user_id, post, state: self.state }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = comments)]
pub(super) struct Row {
    id: i64,
    post_id: i64,
    body: String,
    author: Option<String>,
    user_id: Option<i64>,
    inserted_at: NaiveDateTime,
    state: String,
}

impl From<Row> for Comment {
    fn from(row: Row) -> Comment {
        Comment {
            id: row.id,
            post_id: row.post_id,
            body: row.body,
            author: row.author,
            user_id: row.user_id,
            inserted_at: row.inserted_at,
            state: CommentState::of(&row.state),
        }
    }
}

/// The fields of a new comment, validated.
#[derive(Clone, Debug)]
pub struct NewComment {
    body: String,
    author: Option<String>,
    user_id: Option<i64>,
}

impl NewComment {
    /// Validates the fields of a new comment. If an account writes it, the comment has the
    /// account's name, whatever the fields say.
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

impl NewComment {
    /// The name that its writer gave, if no account wrote it.
    pub fn guest(&self) -> Option<&str> {
        self.author.as_deref().filter(|_| self.user_id.is_none())
    }
}

/// The state that a moderator gives a comment, validated. It is required.
pub fn new_state(params: &Params) -> Result<CommentState, Errors> {
    let mut changeset = Changeset::new(params, Mode::Create);
    let state = changeset.required("state", CommentState::parse);
    changeset.finish(|| state)
}

/// The fields that an update changes, validated.
#[derive(Clone, Debug)]
pub struct CommentChanges {
    body: Option<String>,
}

impl CommentChanges {
    /// Validates the body, the only field that may change.
    pub fn changeset(params: &Params) -> Result<CommentChanges, Errors> {
        let mut changeset = Changeset::new(params, Mode::Update);
        let body = changeset.text("body", BODY);
        changeset.finish(|| Some(CommentChanges { body }))
    }
}

/// The comments that a list shows.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// The authors whose comments are listed even when they are not visible.
    pub withheld: Scope,
    /// Only those in this state.
    pub state: Option<CommentState>,
}

/// A page of a post's comments, oldest first.
pub fn list(
    connection: &mut DbConnection,
    post_id: i64,
    filter: Filter,
    after: Option<Cursor>,
    limit: usize,
) -> QueryResult<Page<Comment>> {
    let mut query = seen(filter).filter(comments::post_id.eq(post_id));
    if let Some(Cursor { at, id }) = after {
        query = query.filter(
            comments::inserted_at.gt(at).or(comments::inserted_at.eq(at).and(comments::id.gt(id))),
        );
    }
    let query = query
        .order((comments::inserted_at, comments::id))
        .limit(limit as i64 + 1)
        .select(Row::as_select());
    page(query.load_iter::<Row, _>(connection)?.map(|row| row.map(Comment::from)), limit)
}

/// Selects the comments that match a filter.
fn seen(filter: Filter) -> comments::BoxedQuery<'static, <DbConnection as Connection>::Backend> {
    let mut query = comments::table.into_boxed();
    let visible = comments::state.eq(CommentState::Visible.as_str());
    match filter.withheld {
        Scope::All => {}
        Scope::Of(account) => {
            query = query.filter(visible.nullable().or(comments::user_id.eq(account)));
        }
        Scope::None => query = query.filter(visible),
    }
    if let Some(state) = filter.state {
        query = query.filter(comments::state.eq(state.as_str()));
    }
    query
}

fn page(
    rows: impl Iterator<Item = QueryResult<Comment>>,
    limit: usize,
) -> QueryResult<Page<Comment>> {
    paginate(rows, limit, |comment| {
        (Cursor { at: comment.inserted_at, id: comment.id }, comment.body.len())
    })
}

/// A page of the comments that await approval on the posts of these authors, oldest first.
pub fn held(
    connection: &mut DbConnection,
    of_posts: Scope,
    after: Option<Cursor>,
    limit: usize,
) -> QueryResult<Page<Comment>> {
    let mut query = comments::table
        .inner_join(posts::table)
        .filter(comments::state.eq(CommentState::Held.as_str()))
        .order((comments::inserted_at, comments::id))
        .limit(limit as i64 + 1)
        .select(Row::as_select())
        .into_boxed();
    match of_posts {
        Scope::All => {}
        Scope::Of(author) => query = query.filter(posts::user_id.eq(author)),
        Scope::None => return Ok(Page { items: Vec::new(), next: None }),
    }
    if let Some(Cursor { at, id }) = after {
        query = query.filter(
            comments::inserted_at.gt(at).or(comments::inserted_at.eq(at).and(comments::id.gt(id))),
        );
    }
    page(query.load_iter::<Row, _>(connection)?.map(|row| row.map(Comment::from)), limit)
}

/// Whether an account has a visible comment on somebody else's post.
pub fn has_visible(connection: &mut DbConnection, user_id: i64) -> QueryResult<bool> {
    let visible = comments::table
        .inner_join(posts::table)
        .filter(comments::user_id.eq(user_id))
        .filter(comments::state.eq(CommentState::Visible.as_str()))
        .filter(posts::user_id.is_null().or(posts::user_id.ne(user_id)));
    diesel::select(diesel::dsl::exists(visible)).get_result(connection)
}

/// Whether at least `count` comments of guests await approval. `count` is at least 1.
pub fn guests_hold(connection: &mut DbConnection, count: i64) -> QueryResult<bool> {
    let held = comments::table
        .filter(comments::state.eq(CommentState::Held.as_str()))
        .filter(comments::user_id.is_null())
        .select(comments::id);
    let last = held.offset(count - 1).limit(1);
    Ok(last.first::<i64>(connection).optional()?.is_some())
}

/// Whether an account has at least `count` comments. `count` is at least 1.
pub fn has(connection: &mut DbConnection, user_id: i64, count: i64) -> QueryResult<bool> {
    let own = comments::table.filter(comments::user_id.eq(user_id)).select(comments::id);
    let last = own.order(comments::id).offset(count - 1).limit(1);
    Ok(last.first::<i64>(connection).optional()?.is_some())
}

/// The beginning of a public comment, and its post's title.
#[derive(Clone, Debug, Queryable)]
pub struct Excerpt {
    /// Its id.
    pub id: i64,
    /// Its post.
    pub post_id: i64,
    /// The post's whole title.
    pub title: String,
    /// The first characters of its body, as Markdown.
    pub body: String,
    /// When it was written.
    pub at: NaiveDateTime,
}

/// Selects the public comments: visible ones, on posts that everyone may read.
macro_rules! shown {
    () => {
        comments::table
            .inner_join(posts::table)
            .filter(comments::state.eq(CommentState::Visible.as_str()))
            .filter(posts::status.eq_any(PUBLIC.map(Status::as_str)))
    };
}

/// The public comments among these ids, in no order, with at most `length` characters of their
/// bodies.
pub fn excerpts(
    connection: &mut DbConnection,
    ids: &[i64],
    length: i32,
) -> QueryResult<Vec<Excerpt>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let body = substr(comments::body, 1, length);
    shown!()
        .filter(comments::id.eq_any(ids.to_vec()))
        .select((comments::id, comments::post_id, posts::title, body, comments::inserted_at))
        .load(connection)
}

/// The number of public comments among these ids.
pub fn count_shown(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<usize> {
    if ids.is_empty() {
        return Ok(0);
    }
    let found = shown!().filter(comments::id.eq_any(ids.to_vec()));
    let count: i64 = found.count().get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// At most `limit` public comments with ids above `after`, by id, on one post or on all. Repeat to
/// walk all of them.
pub fn walk(
    connection: &mut DbConnection,
    post_id: Option<i64>,
    after: i64,
    limit: usize,
) -> QueryResult<Vec<Comment>> {
    let found = shown!().filter(comments::id.gt(after)).order(comments::id).limit(limit as i64);
    let found = found.select(Row::as_select());
    let rows: Vec<Row> = match post_id {
        Some(post_id) => found.filter(comments::post_id.eq(post_id)).load(connection)?,
        None => found.load(connection)?,
    };
    Ok(rows.into_iter().map(Comment::from).collect())
}

/// At most `limit` comments in any state with ids above `after`, by id.
pub fn every(connection: &mut DbConnection, after: i64, limit: usize) -> QueryResult<Vec<Comment>> {
    let found = comments::table.filter(comments::id.gt(after)).order(comments::id);
    let rows = found.limit(limit as i64).select(Row::as_select()).load::<Row>(connection)?;
    Ok(rows.into_iter().map(Comment::from).collect())
}

/// The number of public comments.
pub fn count(connection: &mut DbConnection) -> QueryResult<i64> {
    shown!().count().get_result(connection)
}

/// The comment, or `NotFound`.
pub fn get(connection: &mut DbConnection, id: i64) -> QueryResult<Comment> {
    let row = comments::table.find(id).select(Row::as_select()).first::<Row>(connection)?;
    Ok(row.into())
}

/// The cursor of the page that begins with a comment. `None` if the comment is among the first
/// `rows` that match the filter, and so on the first page.
pub fn page_of(
    connection: &mut DbConnection,
    comment: &Comment,
    filter: Filter,
    rows: usize,
) -> QueryResult<Option<Cursor>> {
    let before = seen(filter)
        .filter(comments::post_id.eq(comment.post_id))
        .filter(
            comments::inserted_at
                .lt(comment.inserted_at)
                .or(comments::inserted_at.eq(comment.inserted_at).and(comments::id.lt(comment.id))),
        )
        .order((comments::inserted_at.desc(), comments::id.desc()))
        .limit(rows as i64)
        .select((comments::inserted_at, comments::id))
        .load::<(NaiveDateTime, i64)>(connection)?;
    let cursor = before.first().filter(|_| before.len() == rows);
    Ok(cursor.map(|&(at, id)| Cursor { at, id }))
}

/// The number of visible comments on each of these posts. Posts without any are left out.
pub fn counts(connection: &mut DbConnection, posts: &[i64]) -> QueryResult<HashMap<i64, i64>> {
    if posts.is_empty() {
        return Ok(HashMap::new());
    }
    let found = comments::table
        .filter(comments::post_id.eq_any(posts.to_vec()))
        .filter(comments::state.eq(CommentState::Visible.as_str()))
        .group_by(comments::post_id)
        .select((comments::post_id, count_star()));
    Ok(found.load::<(i64, i64)>(connection)?.into_iter().collect())
}

/// The newest comment on a post that matches the filter, and the cursor of the page of `rows` that
/// ends with it.
pub fn newest(
    connection: &mut DbConnection,
    post_id: i64,
    filter: Filter,
    rows: usize,
) -> QueryResult<Option<(i64, Option<Cursor>)>> {
    let last = seen(filter)
        .filter(comments::post_id.eq(post_id))
        .order((comments::inserted_at.desc(), comments::id.desc()))
        .limit(rows as i64 + 1)
        .select((comments::inserted_at, comments::id))
        .load::<(NaiveDateTime, i64)>(connection)?;
    let before = last.get(rows).map(|&(at, id)| Cursor { at, id });
    Ok(last.first().map(|&(_, id)| (id, before)))
}

/// At most `limit` comments on a post with exactly this time, by id.
pub fn at(
    connection: &mut DbConnection,
    post_id: i64,
    at: NaiveDateTime,
    limit: usize,
) -> QueryResult<Vec<Comment>> {
    let found = comments::table
        .filter(comments::post_id.eq(post_id).and(comments::inserted_at.eq(at)))
        .order(comments::id)
        .limit(limit as i64)
        .select(Row::as_select());
    Ok(found.load::<Row>(connection)?.into_iter().map(Comment::from).collect())
}

/// Makes an account the author of a comment.
pub fn set_author(
    connection: &mut DbConnection,
    comment: Comment,
    user: &User,
) -> QueryResult<Comment> {
    diesel::update(comments::table.find(comment.id))
        .set((comments::author.eq(&user.username), comments::user_id.eq(user.id)))
        .execute(connection)?;
    Ok(Comment { author: Some(user.username.clone()), user_id: Some(user.id), ..comment })
}

/// Inserts a comment on a post that exists.
pub fn insert(
    connection: &mut DbConnection,
    post_id: i64,
    new: NewComment,
    state: CommentState,
    at: NaiveDateTime,
) -> QueryResult<Comment> {
    insert_as(connection, None, post_id, new, state, at)
}

/// Inserts a comment, with the given id if there is one.
pub fn insert_as(
    connection: &mut DbConnection,
    id: Option<i64>,
    post_id: i64,
    new: NewComment,
    state: CommentState,
    at: NaiveDateTime,
) -> QueryResult<Comment> {
    let row = (
        comments::post_id.eq(post_id),
        comments::body.eq(&new.body),
        comments::author.eq(&new.author),
        comments::user_id.eq(new.user_id),
        comments::inserted_at.eq(at),
        comments::state.eq(state.as_str()),
    );
    let id: i64 = match id {
        Some(id) => {
            let row = (comments::id.eq(id), row);
            diesel::insert_into(comments::table).values(row).execute(connection)?;
            id
        }
        None => with_variant!(connection, c => {
            diesel::insert_into(comments::table).values(row).returning(comments::id).get_result(c)
        })?,
    };
    upload::note_uses(connection, upload::Text::Comment(id), "", &new.body)?;
    Ok(Comment {
        id,
        post_id,
        body: new.body,
        author: new.author,
        user_id: new.user_id,
        inserted_at: at,
        state,
    })
}

/// Applies changes to a comment that this transaction has read, and returns whether there were any.
pub fn update(
    connection: &mut DbConnection,
    mut comment: Comment,
    changes: CommentChanges,
) -> QueryResult<(Comment, bool)> {
    match changes.body {
        Some(body) if body != comment.body => {
            let text = upload::Text::Comment(comment.id);
            upload::note_uses(connection, text, &comment.body, &body)?;
            diesel::update(comments::table.find(comment.id))
                .set(comments::body.eq(&body))
                .execute(connection)?;
            comment.body = body;
            Ok((comment, true))
        }
        _ => Ok((comment, false)),
    }
}

/// Changes the state of a comment.
pub fn set_state(
    connection: &mut DbConnection,
    comment: Comment,
    state: CommentState,
) -> QueryResult<Comment> {
    diesel::update(comments::table.find(comment.id))
        .set(comments::state.eq(state.as_str()))
        .execute(connection)?;
    Ok(Comment { state, ..comment })
}

/// Deletes the comment, or returns `NotFound`.
pub fn delete(connection: &mut DbConnection, id: i64) -> QueryResult<()> {
    match diesel::delete(comments::table.find(id)).execute(connection)? {
        0 => Err(diesel::NotFound),
        _ => Ok(()),
    }
}
