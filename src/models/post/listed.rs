//! Published posts in lists, without their bodies: the archive, the previous and next posts, and
//! the tags in use.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use diesel::dsl::{count_star, max};
use diesel::prelude::*;

use super::{Post, Status, path, word};
use crate::connection::DbConnection;
use crate::models::{Cursor, Page, paginate};
use crate::schema::{post_tags, posts};

/// The most years in the archive.
const MAX_YEARS: usize = 100;

/// A published post in a list.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Line {
    /// See [`Post::id`].
    pub id: i64,
    /// See [`Post::title`].
    pub title: String,
    slug: Option<String>,
    /// See [`Post::shown_at`].
    pub shown_at: NaiveDateTime,
}

const LINE: (posts::id, posts::title, posts::slug, posts::listed_at) =
    (posts::id, posts::title, posts::slug, posts::listed_at);

impl Line {
    /// The path of its page, percent-encoded.
    pub fn path(&self) -> String {
        path(self.id, self.slug.as_deref())
    }
}

/// The posts before and after a published post, in the order of publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The post that was published before it.
    pub previous: Option<Line>,
    /// The post that was published after it.
    pub next: Option<Line>,
}

/// The posts before and after a post; none if the post is not published.
pub fn neighbours(connection: &mut DbConnection, post: &Post) -> QueryResult<Neighbours> {
    if post.status != Status::Published {
        return Ok(Neighbours::default());
    }
    let (at, id) = (*post.shown_at(), post.id);
    let published = posts::table.filter(posts::status.eq(word(Status::Published))).select(LINE);
    // An index scan starts at the first condition; the second one alone could not use it.
    let previous = published
        .filter(posts::listed_at.le(at).and(posts::listed_at.lt(at).or(posts::id.lt(id))))
        .order((posts::listed_at.desc(), posts::id.desc()))
        .first(connection)
        .optional()?;
    let next = published
        .filter(posts::listed_at.ge(at).and(posts::listed_at.gt(at).or(posts::id.gt(id))))
        .order((posts::listed_at, posts::id))
        .first(connection)
        .optional()?;
    Ok(Neighbours { previous, next })
}

/// The years in which posts were published, newest first, at most 100.
pub fn years(connection: &mut DbConnection) -> QueryResult<Vec<i32>> {
    let published = posts::table.filter(posts::status.eq(word(Status::Published)));
    let mut newest: Option<NaiveDateTime> =
        published.select(max(posts::listed_at)).first(connection)?;
    let mut years = Vec::new();
    // One query for each year, which uses the index to find the next.
    while let Some(year) = newest.map(|newest| newest.year())
        && years.len() < MAX_YEARS
    {
        years.push(year);
        let Some(start) = start_of(year) else { break };
        newest = published
            .filter(posts::listed_at.lt(start))
            .select(max(posts::listed_at))
            .first(connection)?;
    }
    Ok(years)
}

/// A page of the posts of a year, newest first.
pub fn of_year(
    connection: &mut DbConnection,
    year: i32,
    after: Option<Cursor>,
    limit: usize,
) -> QueryResult<Page<Line>> {
    let Some((start, end)) = start_of(year).zip(start_of(year.saturating_add(1))) else {
        return Ok(Page { items: Vec::new(), next: None });
    };
    let mut query = posts::table
        .filter(posts::status.eq(word(Status::Published)))
        .filter(posts::listed_at.ge(start).and(posts::listed_at.lt(end)))
        .order((posts::listed_at.desc(), posts::id.desc()))
        .limit(limit as i64 + 1)
        .select(LINE)
        .into_boxed();
    if let Some(Cursor { at, id }) = after {
        query =
            query.filter(posts::listed_at.le(at).and(posts::listed_at.lt(at).or(posts::id.lt(id))));
    }
    let rows = query.load_iter::<Line, _>(connection)?;
    paginate(rows, limit, |line| (Cursor { at: line.shown_at, id: line.id }, line.title.len()))
}

/// The first moment of a year.
fn start_of(year: i32) -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(year, 1, 1).map(|day| day.and_time(NaiveTime::MIN))
}

/// A tag and the number of published posts that have it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// At least one.
    pub posts: i64,
}

/// The first tags of published posts after this one, in the database's order, and whether there are
/// more.
pub fn tags_in_use(
    connection: &mut DbConnection,
    after: Option<&str>,
    limit: usize,
) -> QueryResult<(Vec<TagCount>, bool)> {
    let mut query = post_tags::table
        .filter(post_tags::listed_at.is_not_null())
        .group_by(post_tags::tag)
        .order(post_tags::tag)
        .limit(limit as i64 + 1)
        .select((post_tags::tag, count_star()))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(post_tags::tag.gt(after.to_owned()));
    }
    let mut found = query.load::<TagCount>(connection)?;
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// The ids of the first published posts with a tag, newest first.
pub(super) fn with_tag(
    connection: &mut DbConnection,
    tag: &str,
    after: Option<Cursor>,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let mut query = post_tags::table
        .filter(post_tags::tag.eq(tag.to_owned()))
        .filter(post_tags::listed_at.is_not_null())
        .order((post_tags::listed_at.desc(), post_tags::post_id.desc()))
        .limit(limit)
        .select(post_tags::post_id)
        .into_boxed();
    if let Some(Cursor { at, id }) = after {
        let earlier = post_tags::listed_at.lt(at).or(post_tags::post_id.lt(id).nullable());
        query = query.filter(post_tags::listed_at.le(at).and(earlier));
    }
    query.load(connection)
}
