//! Posts and their tags: the row and its queries. `fields` owns the fields that a request may set
//! and change; `heads`, `listed` and `addresses` read posts without their bodies.

mod addresses;
mod fields;
mod heads;
mod listed;
mod tag_cache;

use std::collections::HashMap;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::exists;
use diesel::prelude::*;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::addresses::{Location, parts, public_in, public_path};
pub use self::fields::{BODY, MAX_BODY, MAX_TAGS, NewPost, PostChanges, SLUG, TAG, TITLE};
pub use self::heads::{Head, Newest, bodies, newest};
pub use self::listed::{Line, Neighbours, TagCount, neighbours, of_year, tags_in_use, years};
pub use self::tag_cache::TagCache;
use super::{
    Cursor, Excerpt, Page, Time, draft_link, from_optional_rfc3339, from_rfc3339, optional_rfc3339,
    paginate, rfc3339, slug, substr, upload, user,
};
pub use crate::access::Status;
use crate::access::{CommentRules, PostFacts, Scope, Thread};
use crate::connection::{DbConnection, with_variant};
use crate::schema::{post_tags, posts};

/// A post, as the API, the events and the pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Post {
    /// Never reused for another post, not even after this one is deleted.
    pub id: i64,
    /// One line, 3 to 200 characters.
    pub title: String,
    /// The words after the id in its page's address. Unless somebody chose them, they are made from
    /// the title when the post is first published. `null` until then, and if the title has no
    /// letters or digits.
    #[serde(default)]
    pub slug: Option<String>,
    /// Markdown, at most 1 MiB.
    pub body: String,
    /// Whether it is a draft, scheduled, published or archived.
    pub status: Status,
    /// The author: the account's name, or the name in an imported file.
    pub author: Option<String>,
    /// The account that wrote it.
    pub user_id: Option<i64>,
    /// In the author's order, without duplicates.
    pub tags: Vec<String>,
    /// UTC.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "Time")]
    pub inserted_at: NaiveDateTime,
    /// UTC; the last change of any field but `comments_locked`.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "Time")]
    pub updated_at: NaiveDateTime,
    /// UTC; when it was first published.
    #[serde(
        default,
        serialize_with = "optional_rfc3339",
        deserialize_with = "from_optional_rfc3339"
    )]
    #[schemars(with = "Option<Time>")]
    pub published_at: Option<NaiveDateTime>,
    /// UTC; when it is to be published, if it is scheduled.
    #[serde(
        default,
        serialize_with = "optional_rfc3339",
        deserialize_with = "from_optional_rfc3339"
    )]
    #[schemars(with = "Option<Time>")]
    pub publish_at: Option<NaiveDateTime>,
    /// Whether the post is closed to new comments.
    #[serde(default)]
    pub comments_locked: bool,
}

impl Post {
    /// A digest of its body, which distinguishes versions of the text.
    pub fn body_digest(&self) -> String {
        super::digest(&self.body)
    }

    /// The last segment of its page's address.
    pub fn address(&self) -> String {
        address(self.id, self.slug.as_deref())
    }

    /// The path of its page, percent-encoded.
    pub fn path(&self) -> String {
        path(self.id, self.slug.as_deref())
    }

    /// The time that readers see: that of its first publication or, before that, of its creation.
    pub fn shown_at(&self) -> &NaiveDateTime {
        self.published_at.as_ref().unwrap_or(&self.inserted_at)
    }

    /// Sets the fields of a post that is or was published, unless they are set: the time and the
    /// slug.
    pub(crate) fn published(&mut self, at: NaiveDateTime) {
        self.published_at.get_or_insert(at);
        if self.slug.is_none() {
            self.slug = slug::of(&self.title);
        }
    }

    /// The facts that decide who may see and change it.
    pub fn facts(&self) -> PostFacts {
        PostFacts { author: self.user_id, status: self.status }
    }

    /// The facts that decide who may add a comment, under these rules.
    pub fn thread(&self, rules: CommentRules) -> Thread {
        Thread { post: self.facts(), locked: self.comments_locked, rules }
    }
}

fn address(id: i64, slug: Option<&str>) -> String {
    match slug {
        Some(slug) => format!("{id}-{slug}"),
        None => id.to_string(),
    }
}

fn path(id: i64, slug: Option<&str>) -> String {
    format!("/posts/{}", utf8_percent_encode(&address(id, slug), CONTROLS))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = posts)]
pub(super) struct Row {
    id: i64,
    title: String,
    body: String,
    status: String,
    author: Option<String>,
    user_id: Option<i64>,
    inserted_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    comments_locked: bool,
    slug: Option<String>,
    published_at: Option<NaiveDateTime>,
    publish_at: Option<NaiveDateTime>,
}

impl Row {
    pub(super) fn with_tags(self, tags: Vec<String>) -> Post {
        let status = status(&self.status, self.publish_at.is_some());
        Post {
            id: self.id,
            title: self.title,
            body: self.body,
            slug: self.slug,
            status,
            author: self.author,
            user_id: self.user_id,
            tags,
            inserted_at: self.inserted_at,
            updated_at: self.updated_at,
            published_at: self.published_at,
            // A node of an older version publishes a draft without clearing this time.
            publish_at: self.publish_at.filter(|_| status == Status::Scheduled),
            comments_locked: self.comments_locked,
        }
    }
}

/// The status of a row. A draft with a due time is scheduled; nodes of an older version see it as a
/// draft.
fn status(word: &str, is_due: bool) -> Status {
    match Status::of(word) {
        Status::Draft if is_due => Status::Scheduled,
        status => status,
    }
}

/// The word for a status in a row.
fn word(status: Status) -> &'static str {
    match status {
        Status::Scheduled => Status::Draft.as_str(),
        other => other.as_str(),
    }
}

/// The posts that a list shows.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only those with this status.
    pub status: Status,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those of this account.
    pub author: Option<i64>,
    /// The accounts whose drafts are listed.
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
        .filter(posts::status.eq(word(filter.status)))
        .order((posts::listed_at.desc(), posts::id.desc()))
        .limit(limit as i64 + 1)
        .select((Row::as_select(), posts::listed_at))
        .into_boxed();
    match filter.status {
        Status::Draft => query = query.filter(posts::publish_at.is_null()),
        Status::Scheduled => query = query.filter(posts::publish_at.is_not_null()),
        Status::Published | Status::Archived => {}
    }
    match filter.drafts {
        _ if filter.status.is_public() => {}
        Scope::All => {}
        Scope::Of(author) => query = query.filter(posts::user_id.eq(author)),
        Scope::None => return Ok(Page { items: Vec::new(), next: None }),
    }
    if let Some(author) = filter.author {
        query = query.filter(posts::user_id.eq(author));
    }
    match &filter.tag {
        // This finds them in order, without reading the posts that do not have the tag.
        Some(tag) if filter.status == Status::Published => {
            let ids = listed::with_tag(connection, tag, after, limit as i64 + 1)?;
            query = query.filter(posts::id.eq_any(ids));
        }
        Some(tag) => {
            query = query.filter(exists(
                post_tags::table
                    .filter(post_tags::post_id.eq(posts::id))
                    .filter(post_tags::tag.eq(tag)),
            ));
        }
        None => {}
    }
    if let Some(Cursor { at, id }) = after {
        // An index scan starts at the first condition; the second one alone could not use it.
        query =
            query.filter(posts::listed_at.le(at).and(posts::listed_at.lt(at).or(posts::id.lt(id))));
    }
    let rows = query.load_iter::<(Row, NaiveDateTime), _>(connection)?;
    let page = paginate(rows, limit, |(row, at)| (Cursor { at: *at, id: row.id }, row.body.len()))?;
    let rows = page.items.into_iter().map(|(row, _)| row).collect();
    Ok(Page { items: tagged(connection, rows)?, next: page.next })
}

/// At most `limit` posts of any status with ids above `after`, by id. Repeat to walk all of them.
pub fn walk(connection: &mut DbConnection, after: i64, limit: usize) -> QueryResult<Vec<Post>> {
    let rows = posts::table
        .filter(posts::id.gt(after))
        .order(posts::id)
        .limit(limit as i64)
        .select(Row::as_select())
        .load(connection)?;
    tagged(connection, rows)
}

/// The number of posts, of any status.
pub fn count(connection: &mut DbConnection) -> QueryResult<i64> {
    posts::table.count().get_result(connection)
}

/// The statuses of posts that everyone may read.
pub(super) const PUBLIC: [Status; 2] = [Status::Published, Status::Archived];

/// The public posts among these ids, in no order, with at most `length` characters of their bodies.
pub fn excerpts(
    connection: &mut DbConnection,
    ids: &[i64],
    length: i32,
) -> QueryResult<Vec<Excerpt>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let body = substr(posts::body, 1, length);
    let rows = posts::table
        .filter(posts::id.eq_any(ids.to_vec()))
        .filter(posts::status.eq_any(PUBLIC.map(Status::as_str)))
        .select((posts::id, posts::title, body, posts::published_at, posts::inserted_at))
        .load::<(i64, String, String, Option<NaiveDateTime>, NaiveDateTime)>(connection)?;
    let excerpt = |(id, title, body, published_at, inserted_at): (_, _, _, Option<_>, _)| Excerpt {
        id,
        title,
        body,
        at: published_at.unwrap_or(inserted_at),
    };
    Ok(rows.into_iter().map(excerpt).collect())
}

/// The number of public posts among these ids.
pub fn count_public(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<usize> {
    if ids.is_empty() {
        return Ok(0);
    }
    let count: i64 = posts::table
        .filter(posts::id.eq_any(ids.to_vec()))
        .filter(posts::status.eq_any(PUBLIC.map(Status::as_str)))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// A post as a list of comments names it.
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

pub(super) type Facts = (Option<i64>, String, Option<NaiveDateTime>);

pub(super) const FACTS: (posts::user_id, posts::status, posts::publish_at) =
    (posts::user_id, posts::status, posts::publish_at);

impl From<Facts> for PostFacts {
    fn from((author, word, publish_at): Facts) -> PostFacts {
        PostFacts { author, status: status(&word, publish_at.is_some()) }
    }
}

/// The facts that decide who may see and change a post, or `NotFound`. This is the cheapest way to
/// check that a post exists.
pub fn facts(connection: &mut DbConnection, id: i64) -> QueryResult<PostFacts> {
    let found = posts::table.find(id);
    found.select(FACTS).first::<Facts>(connection).map(PostFacts::from)
}

/// The facts that decide who may add a comment to a post, under these rules; or `NotFound`.
pub fn thread(connection: &mut DbConnection, id: i64, rules: CommentRules) -> QueryResult<Thread> {
    let found = posts::table.find(id).select((FACTS, posts::comments_locked));
    let (facts, locked) = found.first::<(Facts, bool)>(connection)?;
    Ok(Thread { post: facts.into(), locked, rules })
}

/// Whether an account has at least `count` posts. `count` is at least 1.
pub fn has(connection: &mut DbConnection, user_id: i64, count: i64) -> QueryResult<bool> {
    let own = posts::table.filter(posts::user_id.eq(user_id)).select(posts::id);
    let last = own.order(posts::id).offset(count - 1).limit(1);
    Ok(last.first::<i64>(connection).optional()?.is_some())
}

/// The post that an import created from `source`, if it exists.
pub fn by_source(connection: &mut DbConnection, source: &str) -> QueryResult<Option<Post>> {
    let id = posts::table
        .filter(posts::source.eq(source))
        .select(posts::id)
        .first::<i64>(connection)
        .optional()?;
    id.map(|id| get(connection, id)).transpose()
}

/// The ids and titles of at most `limit` imported posts with ids above `after`, by id.
pub fn imported(
    connection: &mut DbConnection,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<(i64, String)>> {
    posts::table
        .filter(posts::id.gt(after))
        .filter(posts::source.is_not_null())
        .order(posts::id)
        .limit(limit)
        .select((posts::id, posts::title))
        .load(connection)
}

/// A post and its source, if the post exists.
pub fn with_source(
    connection: &mut DbConnection,
    id: i64,
) -> QueryResult<Option<(Post, Option<String>)>> {
    let source = posts::table.find(id).select(posts::source).first(connection).optional()?;
    source.map(|source| Ok((get(connection, id)?, source))).transpose()
}

/// The sources by which an import recognizes these posts. Posts without one are left out.
pub fn sources(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<HashMap<i64, String>> {
    let found = posts::table.filter(posts::id.eq_any(ids.to_vec()));
    let found = found.filter(posts::source.is_not_null());
    let rows = found
        .select((posts::id, posts::source.assume_not_null()))
        .load::<(i64, String)>(connection)?;
    Ok(rows.into_iter().collect())
}

/// Changes the source by which an import recognizes a post.
pub fn set_source(connection: &mut DbConnection, id: i64, source: Option<&str>) -> QueryResult<()> {
    let change = diesel::update(posts::table.find(id)).set(posts::source.eq(source));
    change.execute(connection).map(drop)
}

/// Inserts a post with its tags.
pub fn insert(connection: &mut DbConnection, new: NewPost, at: NaiveDateTime) -> QueryResult<Post> {
    insert_dated(connection, new, at, at)
}

/// Inserts a post with these times, for one that was written and last changed elsewhere.
pub fn insert_dated(
    connection: &mut DbConnection,
    new: NewPost,
    inserted_at: NaiveDateTime,
    updated_at: NaiveDateTime,
) -> QueryResult<Post> {
    let mut post = Post {
        id: 0,
        title: new.title,
        body: new.body,
        slug: new.slug,
        status: new.status,
        author: new.author,
        user_id: new.user_id,
        tags: new.tags,
        inserted_at,
        updated_at,
        published_at: None,
        publish_at: new.publish_at,
        comments_locked: new.comments_locked,
    };
    if post.status.is_public() {
        post.published(inserted_at);
    }
    insert_whole(connection, None, post, new.source.as_deref())
}

/// Inserts a post with all its fields, except that a given id replaces its own.
pub fn insert_whole(
    connection: &mut DbConnection,
    id: Option<i64>,
    mut post: Post,
    source: Option<&str>,
) -> QueryResult<Post> {
    let row = (
        posts::title.eq(&post.title),
        posts::body.eq(&post.body),
        posts::slug.eq(&post.slug),
        posts::status.eq(word(post.status)),
        posts::author.eq(&post.author),
        posts::user_id.eq(post.user_id),
        posts::source.eq(source),
        posts::inserted_at.eq(post.inserted_at),
        posts::updated_at.eq(post.updated_at),
        posts::published_at.eq(post.published_at),
        posts::publish_at.eq(post.publish_at),
        posts::comments_locked.eq(post.comments_locked),
    );
    post.id = match id {
        Some(id) => {
            let row = (posts::id.eq(id), row);
            diesel::insert_into(posts::table).values(row).execute(connection)?;
            id
        }
        None => with_variant!(connection, c => {
            diesel::insert_into(posts::table).values(row).returning(posts::id).get_result(c)
        })?,
    };
    insert_tags(connection, post.id, &post.tags)?;
    upload::note_uses(connection, upload::Text::Post(post.id), "", &post.body)?;
    Ok(post)
}

/// The result of an update.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The post before the update.
    pub before: Post,
    /// The post after the update. If it equals `before`, nothing was written.
    pub after: Post,
}

/// Replaces `before`, which this transaction has read, with `after`. `by` is the account that
/// changes it, if any.
pub fn update(
    connection: &mut DbConnection,
    before: Post,
    mut after: Post,
    by: Option<i64>,
    at: NaiveDateTime,
) -> QueryResult<Updated> {
    let id = before.id;
    if after == before {
        return Ok(Updated { before, after });
    }
    if after.status.is_public() {
        after.published(at);
    }
    // Locking the comments changes nothing that readers read, so it does not count as an update.
    if (Post { comments_locked: before.comments_locked, ..after.clone() }) != before {
        // Feeds distinguish versions by their times, so the time must increase even after the clock
        // was set back.
        after.updated_at = at.max(before.updated_at + TimeDelta::microseconds(1));
    }
    diesel::update(posts::table.find(id))
        .set((
            posts::title.eq(&after.title),
            posts::body.eq(&after.body),
            posts::slug.eq(&after.slug),
            posts::status.eq(word(after.status)),
            posts::author.eq(&after.author),
            posts::user_id.eq(after.user_id),
            posts::inserted_at.eq(after.inserted_at),
            posts::updated_at.eq(after.updated_at),
            posts::published_at.eq(after.published_at),
            posts::publish_at.eq(after.publish_at),
            posts::comments_locked.eq(after.comments_locked),
            posts::edited_by.eq(by),
        ))
        .execute(connection)?;
    upload::note_uses(connection, upload::Text::Post(id), &before.body, &after.body)?;
    if after.status.is_public() && !before.status.is_public() {
        draft_link::end_all(connection, id)?;
    }
    if after.tags != before.tags {
        diesel::delete(post_tags::table.filter(post_tags::post_id.eq(id))).execute(connection)?;
        insert_tags(connection, id, &after.tags)?;
    }
    Ok(Updated { before, after })
}

/// The name of the account that last changed a post, if any.
pub fn editor(connection: &mut DbConnection, id: i64) -> QueryResult<Option<String>> {
    let by = posts::table.find(id).select(posts::edited_by).first(connection)?;
    user::name_of(connection, by)
}

/// The first `limit` scheduled posts that are due at this time, in the order of their due times.
pub fn due(connection: &mut DbConnection, at: NaiveDateTime, limit: i64) -> QueryResult<Vec<Post>> {
    let rows = posts::table
        .filter(posts::status.eq(word(Status::Scheduled)).and(posts::publish_at.le(at)))
        .order((posts::publish_at, posts::id))
        .limit(limit)
        .select(Row::as_select())
        .load(connection)?;
    tagged(connection, rows)
}

/// The time at which the next scheduled post is due.
pub fn next_due(connection: &mut DbConnection) -> QueryResult<Option<NaiveDateTime>> {
    posts::table
        .filter(posts::status.eq(word(Status::Scheduled)))
        .filter(posts::publish_at.is_not_null())
        .select(diesel::dsl::min(posts::publish_at))
        .first(connection)
}

/// Publishes a scheduled post.
pub fn publish(
    connection: &mut DbConnection,
    post: Post,
    at: NaiveDateTime,
) -> QueryResult<Updated> {
    let after = Post {
        status: Status::Published,
        published_at: post.publish_at,
        publish_at: None,
        ..post.clone()
    };
    update(connection, post, after, None, at)
}

/// Gives posts that an older version published the slugs that this version would have given them.
pub(crate) fn fill_slugs(connection: &mut DbConnection) -> QueryResult<()> {
    let mut last = 0;
    loop {
        let found = posts::table
            .filter(posts::id.gt(last))
            .filter(posts::published_at.is_not_null())
            .filter(posts::slug.is_null())
            .order(posts::id)
            .limit(1000)
            .select((posts::id, posts::title))
            .load::<(i64, String)>(connection)?;
        let Some((id, _)) = found.last() else { return Ok(()) };
        last = *id;
        for (id, title) in found {
            let slug = posts::slug.eq(slug::of(&title));
            diesel::update(posts::table.find(id)).set(slug).execute(connection)?;
        }
    }
}

/// Deletes the post with its comments and tags, or returns `NotFound`. `bin` deletes its comments
/// that are in the bin.
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

/// Adds the tags of any number of rows, with one query.
fn tagged(connection: &mut DbConnection, rows: Vec<Row>) -> QueryResult<Vec<Post>> {
    let mut tags = tags(connection, rows.iter().map(|row| row.id).collect())?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = tags.remove(&row.id).unwrap_or_default();
            row.with_tags(tags)
        })
        .collect())
}

/// The tags of these posts, each post's in its order.
fn tags(connection: &mut DbConnection, ids: Vec<i64>) -> QueryResult<HashMap<i64, Vec<String>>> {
    let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
    if ids.is_empty() {
        return Ok(tags);
    }
    let found = post_tags::table
        .filter(post_tags::post_id.eq_any(ids))
        .order((post_tags::post_id, post_tags::ordinal))
        .select((post_tags::post_id, post_tags::tag))
        .load::<(i64, String)>(connection)?;
    for (id, tag) in found {
        tags.entry(id).or_default().push(tag);
    }
    Ok(tags)
}
