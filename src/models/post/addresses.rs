//! The addresses of all public posts, for the sitemap. They are divided into parts by id. A part
//! fits into one document, and a new post changes only the last part.
//!
//! The index `posts_addresses` covers these queries, so that they do not read the bodies.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{PUBLIC, Status, path};
use crate::connection::DbConnection;
use crate::schema::posts;

/// The number of ids in a part. A sitemap may have 50,000 addresses in 50 MB; an address has at
/// most 2,400 bytes after the site's own.
const PART: i64 = 10_000;

/// The most parts: the limit of a sitemap index.
const MOST: usize = 50_000;

/// A public post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The path of its page, percent-encoded.
    pub path: String,
    /// The time of its last change; UTC.
    pub updated_at: NaiveDateTime,
}

/// The numbers of the parts, in order: the first one, and all others that have a post.
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

/// The lowest id of a public post above this one.
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

/// The path of a post's page, if the post is public.
pub fn public_path(connection: &mut DbConnection, id: i64) -> QueryResult<Option<String>> {
    let slug = posts::table
        .filter(posts::id.eq(id).and(posts::status.eq_any(PUBLIC.map(Status::as_str))))
        .select(posts::slug)
        .first::<Option<String>>(connection)
        .optional()?;
    Ok(slug.map(|slug| path(id, slug.as_deref())))
}

/// The public posts of a part, in no order.
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
