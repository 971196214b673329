//! The addresses of all posts that everybody may read, for the sitemap. They come in parts by id:
//! a part holds as many posts as a document may, and a new post changes the last one alone.
//!
//! The index `posts_addresses` has everything that is read here, so that no body is passed over.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{PUBLIC, Status, path};
use crate::connection::DbConnection;
use crate::schema::posts;

/// The ids of a part. A sitemap may have 50,000 addresses in 50 MB; an address has at most 2,400
/// bytes beside the site's own.
const PART: i64 = 10_000;

/// The most parts: as many as an index of sitemaps may name.
const MOST: usize = 50_000;

/// A post that everybody may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The path of its page, encoded.
    pub path: String,
    /// Its last change; UTC.
    pub updated_at: NaiveDateTime,
}

/// The numbers of the parts in order: the first, and all others that have a post.
pub fn parts(connection: &mut DbConnection) -> QueryResult<Vec<i64>> {
    let mut parts = vec![1];
    let mut after = PART;
    while parts.len() < MOST
        && let Some(id) = next(connection, after)?
    {
        let part = (id - 1) / PART + 1;
        parts.push(part);
        after = part.saturating_mul(PART);
    }
    Ok(parts)
}

/// The lowest id above this one.
fn next(connection: &mut DbConnection, after: i64) -> QueryResult<Option<i64>> {
    let mut lowest: Option<i64> = None;
    for status in PUBLIC {
        let id = posts::table
            .filter(posts::status.eq(status.as_str()).and(posts::id.gt(after)))
            .order(posts::id)
            .select(posts::id)
            .first(connection)
            .optional()?;
        lowest = lowest.into_iter().chain(id).min();
    }
    Ok(lowest)
}

/// The path of a post's page, if everybody may read it.
pub fn public_path(connection: &mut DbConnection, id: i64) -> QueryResult<Option<String>> {
    let slug = posts::table
        .filter(posts::id.eq(id).and(posts::status.eq_any(PUBLIC.map(Status::as_str))))
        .select(posts::slug)
        .first::<Option<String>>(connection)
        .optional()?;
    Ok(slug.map(|slug| path(id, slug.as_deref())))
}

/// The posts of a part, in no order.
pub fn public_in(connection: &mut DbConnection, part: i64) -> QueryResult<Vec<Location>> {
    let Some(last) = part.checked_mul(PART) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for status in PUBLIC {
        let rows = posts::table
            .filter(posts::status.eq(status.as_str()))
            .filter(posts::id.gt(last - PART).and(posts::id.le(last)))
            .select((posts::id, posts::slug, posts::updated_at))
            .load_iter::<(i64, Option<String>, NaiveDateTime), _>(connection)?;
        for row in rows {
            let (id, slug, updated_at) = row?;
            found.push(Location { path: path(id, slug.as_deref()), updated_at });
        }
    }
    Ok(found)
}
