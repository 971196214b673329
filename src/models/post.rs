//! Posts and their tags: changesets, the row, its queries.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::dsl::exists;
use diesel::prelude::*;
use serde::Serialize;

use super::user::User;
use super::{Cursor, Excerpt, Page, paginate, rfc3339, substr};
pub use crate::access::Status;
use crate::access::{CommentRules, PostFacts, Scope, Thread};
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::connection::{DbConnection, with_variant};
use crate::schema::{post_tags, posts};

const TITLE: Text = Text { required: true, min: 3, max: 200, max_bytes: 4096, single_line: true };
const BODY: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: 1024 * 1024, single_line: false };
/// Several people, when an import says so, in one line.
const AUTHOR: Text =
    Text { required: false, min: 1, max: 1000, max_bytes: 8192, single_line: true };
const TAG: Text = Text { required: false, min: 1, max: 50, max_bytes: 400, single_line: true };
const MAX_TAGS: usize = 20;

/// A post, as the API, the events and the pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Post {
    /// Never given to another post, not even after this one is deleted.
    pub id: i64,
    /// One line, 3 to 200 characters.
    pub title: String,
    /// Markdown, at most 1 MiB.
    pub body: String,
    /// Whether it shows.
    pub status: Status,
    /// The author: the account's name, or the name in an imported file.
    pub author: Option<String>,
    /// The account that wrote it.
    pub user_id: Option<i64>,
    /// In the author's order, each once.
    pub tags: Vec<String>,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    pub inserted_at: NaiveDateTime,
    /// UTC; the last change of any field but `comments_locked`.
    #[serde(serialize_with = "rfc3339")]
    pub updated_at: NaiveDateTime,
    /// Whether nobody may add a comment.
    pub comments_locked: bool,
}

impl Post {
    /// What decides who may see and change it.
    pub fn facts(&self) -> PostFacts {
        PostFacts { author: self.user_id, status: self.status }
    }

    /// What decides who may add a comment, by these rules.
    pub fn thread(&self, rules: CommentRules) -> Thread {
        Thread { post: self.facts(), locked: self.comments_locked, rules }
    }
}

/// The fields of a new post, validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// See [`Post::title`].
    pub title: String,
    /// See [`Post::body`].
    pub body: String,
    /// Published unless asked otherwise.
    pub status: Status,
    /// See [`Post::author`].
    pub author: Option<String>,
    /// See [`Post::user_id`].
    pub user_id: Option<i64>,
    /// See [`Post::tags`].
    pub tags: Vec<String>,
    /// Where an import found it, which makes a second import of it an update.
    pub source: Option<String>,
    /// See [`Post::comments_locked`].
    pub comments_locked: bool,
}

/// The fields that an update changes, validated; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostChanges {
    title: Option<String>,
    body: Option<String>,
    status: Option<Status>,
    tags: Option<Vec<String>>,
    author: Option<Option<String>>,
    inserted_at: Option<NaiveDateTime>,
    comments_locked: Option<bool>,
}

impl NewPost {
    /// Validates the fields of a new post.
    pub fn changeset(params: &Params) -> Result<NewPost, Errors> {
        let mut changeset = Changeset::new(params, Mode::Create);
        let title = changeset.text("title", TITLE);
        let body = changeset.text("body", BODY);
        let status = changeset.one_of("status", Status::parse).unwrap_or(Status::Published);
        let tags = changeset.list("tags", MAX_TAGS, TAG).unwrap_or_default();
        let comments_locked = changeset.boolean("comments_locked").unwrap_or(false);
        changeset.finish(|| {
            Some(NewPost {
                title: title?,
                body: body?,
                status,
                author: None,
                user_id: None,
                tags,
                source: None,
                comments_locked,
            })
        })
    }

    /// The same as this user's, if anybody's.
    pub fn by(self, user: Option<&User>) -> NewPost {
        NewPost {
            author: user.map(|user| user.username.clone()).or(self.author),
            user_id: user.map(|user| user.id),
            ..self
        }
    }

    /// Validates what an import found at `source`, by the same rules. Unlike a request, a file may
    /// say who its author is.
    pub fn imported(params: &Params, source: String) -> Result<NewPost, Errors> {
        let new = NewPost::changeset(params)?;
        let mut changeset = Changeset::new(params, Mode::Create);
        let author = changeset.text("author", AUTHOR);
        changeset.finish(|| Some(NewPost { author, source: Some(source), ..new }))
    }
}

impl PostChanges {
    /// Validates any subset of a post's fields.
    pub fn changeset(params: &Params) -> Result<PostChanges, Errors> {
        let mut changeset = Changeset::new(params, Mode::Update);
        let title = changeset.text("title", TITLE);
        let body = changeset.text("body", BODY);
        let status = changeset.one_of("status", Status::parse);
        let tags = changeset.list("tags", MAX_TAGS, TAG);
        let comments_locked = changeset.boolean("comments_locked");
        changeset.finish(|| {
            let unchanged = PostChanges::default();
            Some(PostChanges { title, body, status, tags, comments_locked, ..unchanged })
        })
    }

    /// The changes that turn a post into what `new` says, and into one of that date if it is known.
    pub fn to(new: NewPost, inserted_at: Option<NaiveDateTime>) -> PostChanges {
        PostChanges {
            title: Some(new.title),
            body: Some(new.body),
            status: Some(new.status),
            tags: Some(new.tags),
            author: Some(new.author),
            inserted_at,
            comments_locked: None,
        }
    }

    /// `post` with these changes.
    fn applied(self, post: &Post) -> Post {
        Post {
            title: self.title.unwrap_or_else(|| post.title.clone()),
            body: self.body.unwrap_or_else(|| post.body.clone()),
            status: self.status.unwrap_or(post.status),
            tags: self.tags.unwrap_or_else(|| post.tags.clone()),
            author: self.author.unwrap_or_else(|| post.author.clone()),
            inserted_at: self.inserted_at.unwrap_or(post.inserted_at),
            comments_locked: self.comments_locked.unwrap_or(post.comments_locked),
            ..post.clone()
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = posts)]
struct Row {
    id: i64,
    title: String,
    body: String,
    status: String,
    author: Option<String>,
    user_id: Option<i64>,
    inserted_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    comments_locked: bool,
}

impl Row {
    fn with_tags(self, tags: Vec<String>) -> Post {
        Post {
            id: self.id,
            title: self.title,
            body: self.body,
            status: Status::of(&self.status),
            author: self.author,
            user_id: self.user_id,
            tags,
            inserted_at: self.inserted_at,
            updated_at: self.updated_at,
            comments_locked: self.comments_locked,
        }
    }
}

/// Which posts a list shows.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only those of this status.
    pub status: Status,
    /// Only those that carry this tag.
    pub tag: Option<String>,
    /// Of drafts, only these.
    pub drafts: Scope,
}

/// A page of posts, newest first.
pub fn list(
    connection: &mut DbConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> QueryResult<Page<Post>> {
    let mut query = posts::table
        .filter(posts::status.eq(filter.status.as_str()))
        .order((posts::inserted_at.desc(), posts::id.desc()))
        .limit(limit as i64 + 1)
        .select(Row::as_select())
        .into_boxed();
    match filter.drafts {
        _ if filter.status.is_public() => {}
        Scope::All => {}
        Scope::Of(author) => query = query.filter(posts::user_id.eq(author)),
        Scope::None => return Ok(Page { items: Vec::new(), next: None }),
    }
    if let Some(tag) = &filter.tag {
        query = query.filter(exists(
            post_tags::table
                .filter(post_tags::post_id.eq(posts::id))
                .filter(post_tags::tag.eq(tag)),
        ));
    }
    if let Some(Cursor { inserted_at, id }) = after {
        query = query.filter(
            posts::inserted_at
                .lt(inserted_at)
                .or(posts::inserted_at.eq(inserted_at).and(posts::id.lt(id))),
        );
    }
    let page = paginate(query.load_iter::<Row, _>(connection)?, limit, |row| {
        (Cursor { inserted_at: row.inserted_at, id: row.id }, row.body.len())
    })?;
    Ok(Page { items: tagged(connection, page.items)?, next: page.next })
}

/// At most `limit` posts of any status with ids above `after`, by id: the way to walk all of them.
pub fn walk(connection: &mut DbConnection, after: i64, limit: usize) -> QueryResult<Vec<Post>> {
    let rows = posts::table
        .filter(posts::id.gt(after))
        .order(posts::id)
        .limit(limit as i64)
        .select(Row::as_select())
        .load(connection)?;
    tagged(connection, rows)
}

/// How many posts there are, of any status.
pub fn count(connection: &mut DbConnection) -> QueryResult<i64> {
    posts::table.count().get_result(connection)
}

/// Those of the posts with these ids that everyone may read, in no order, with at most `length`
/// characters of their bodies.
pub fn excerpts(
    connection: &mut DbConnection,
    ids: &[i64],
    length: i32,
) -> QueryResult<Vec<Excerpt>> {
    posts::table
        .filter(posts::id.eq_any(ids.to_vec()))
        .filter(posts::status.eq_any([Status::Published, Status::Archived].map(Status::as_str)))
        .select((posts::id, posts::title, substr(posts::body, 1, length)))
        .load(connection)
}

/// A post as a comment's page names it.
#[derive(Clone, Debug, Queryable)]
pub struct Heading {
    /// Its id.
    pub id: i64,
    /// Its title.
    pub title: String,
}

/// The titles of these posts, in no order.
pub fn headings(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Heading>> {
    let found = posts::table.filter(posts::id.eq_any(ids.to_vec()));
    found.select((posts::id, posts::title)).load(connection)
}

/// The post, or `NotFound`.
pub fn get(connection: &mut DbConnection, id: i64) -> QueryResult<Post> {
    let row = posts::table.find(id).select(Row::as_select()).first(connection)?;
    tagged(connection, vec![row])?.pop().ok_or(diesel::NotFound)
}

/// Whose a post is and who may see it, or `NotFound`: the cheapest way to ask whether it is there.
pub fn facts(connection: &mut DbConnection, id: i64) -> QueryResult<PostFacts> {
    let found = posts::table.find(id).select((posts::user_id, posts::status));
    let (author, status) = found.first::<(Option<i64>, String)>(connection)?;
    Ok(PostFacts { author, status: Status::of(&status) })
}

/// What decides who may add a comment to a post, by these rules; or `NotFound`.
pub fn thread(connection: &mut DbConnection, id: i64, rules: CommentRules) -> QueryResult<Thread> {
    let found =
        posts::table.find(id).select((posts::user_id, posts::status, posts::comments_locked));
    let (author, status, locked) = found.first::<(Option<i64>, String, bool)>(connection)?;
    Ok(Thread { post: PostFacts { author, status: Status::of(&status) }, locked, rules })
}

/// Whether an account has this many posts, at least one.
pub fn has(connection: &mut DbConnection, user_id: i64, count: i64) -> QueryResult<bool> {
    let own = posts::table.filter(posts::user_id.eq(user_id)).select(posts::id);
    let last = own.order(posts::id).offset(count - 1).limit(1);
    Ok(last.first::<i64>(connection).optional()?.is_some())
}

/// The post that an import made of `source`, if it did and it is still there.
pub fn by_source(connection: &mut DbConnection, source: &str) -> QueryResult<Option<Post>> {
    let id = posts::table
        .filter(posts::source.eq(source))
        .select(posts::id)
        .first::<i64>(connection)
        .optional()?;
    id.map(|id| get(connection, id)).transpose()
}

/// Inserts a post with its tags.
pub fn insert(connection: &mut DbConnection, new: NewPost, at: NaiveDateTime) -> QueryResult<Post> {
    insert_dated(connection, new, at, at)
}

/// Inserts a post that was written and last changed elsewhere.
pub fn insert_dated(
    connection: &mut DbConnection,
    new: NewPost,
    inserted_at: NaiveDateTime,
    updated_at: NaiveDateTime,
) -> QueryResult<Post> {
    let row = (
        posts::title.eq(&new.title),
        posts::body.eq(&new.body),
        posts::status.eq(new.status.as_str()),
        posts::author.eq(&new.author),
        posts::user_id.eq(new.user_id),
        posts::source.eq(&new.source),
        posts::inserted_at.eq(inserted_at),
        posts::updated_at.eq(updated_at),
        posts::comments_locked.eq(new.comments_locked),
    );
    let id: i64 = with_variant!(connection, c => {
        diesel::insert_into(posts::table).values(row).returning(posts::id).get_result(c)
    })?;
    insert_tags(connection, id, &new.tags)?;
    Ok(Post {
        id,
        title: new.title,
        body: new.body,
        status: new.status,
        author: new.author,
        user_id: new.user_id,
        tags: new.tags,
        inserted_at,
        updated_at,
        comments_locked: new.comments_locked,
    })
}

/// The result of an update.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The post before.
    pub before: Post,
    /// The post now; the same when the changes changed nothing, and then nothing was written.
    pub after: Post,
}

/// Applies changes to a post that this transaction has read.
pub fn update(
    connection: &mut DbConnection,
    before: Post,
    changes: PostChanges,
    at: NaiveDateTime,
) -> QueryResult<Updated> {
    let id = before.id;
    let mut after = changes.applied(&before);
    if after == before {
        return Ok(Updated { before, after });
    }
    // Readers are not told of a change where there is none to read.
    if (Post { comments_locked: before.comments_locked, ..after.clone() }) != before {
        // A clock set back does not let a change look older than what it changes.
        after.updated_at = at.max(before.updated_at);
    }
    diesel::update(posts::table.find(id))
        .set((
            posts::title.eq(&after.title),
            posts::body.eq(&after.body),
            posts::status.eq(after.status.as_str()),
            posts::author.eq(&after.author),
            posts::inserted_at.eq(after.inserted_at),
            posts::updated_at.eq(after.updated_at),
            posts::comments_locked.eq(after.comments_locked),
        ))
        .execute(connection)?;
    if after.tags != before.tags {
        diesel::delete(post_tags::table.filter(post_tags::post_id.eq(id))).execute(connection)?;
        insert_tags(connection, id, &after.tags)?;
    }
    Ok(Updated { before, after })
}

/// Deletes the post with its comments and tags, or gives `NotFound`.
pub fn delete(connection: &mut DbConnection, id: i64) -> QueryResult<()> {
    match diesel::delete(posts::table.find(id)).execute(connection)? {
        0 => Err(diesel::NotFound),
        _ => Ok(()),
    }
}

fn insert_tags(connection: &mut DbConnection, id: i64, tags: &[String]) -> QueryResult<()> {
    for (ordinal, tag) in (0_i32..).zip(tags) {
        diesel::insert_into(post_tags::table)
            .values((
                post_tags::post_id.eq(id),
                post_tags::ordinal.eq(ordinal),
                post_tags::tag.eq(tag),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Joins rows with their tags, in two queries whatever their number.
fn tagged(connection: &mut DbConnection, rows: Vec<Row>) -> QueryResult<Vec<Post>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
    if !ids.is_empty() {
        let found = post_tags::table
            .filter(post_tags::post_id.eq_any(ids))
            .order((post_tags::post_id, post_tags::ordinal))
            .select((post_tags::post_id, post_tags::tag))
            .load::<(i64, String)>(connection)?;
        for (id, tag) in found {
            tags.entry(id).or_default().push(tag);
        }
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = tags.remove(&row.id).unwrap_or_default();
            row.with_tags(tags)
        })
        .collect())
}
