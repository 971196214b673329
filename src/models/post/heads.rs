//! The newest published posts without their bodies, which may be 1 MiB each: enough for a feed to
//! decide whether its reader already has the current version.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::{Status, listed, path, tags, word};
use crate::connection::DbConnection;
use crate::models::{octet_length, substr};
use crate::schema::posts;

/// A published post, with the start of its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// See [`super::Post::id`].
    pub id: i64,
    /// See [`super::Post::title`].
    pub title: String,
    /// See [`super::Post::slug`].
    pub slug: Option<String>,
    /// See [`super::Post::author`].
    pub author: Option<String>,
    /// See [`super::Post::tags`].
    pub tags: Vec<String>,
    /// See [`super::Post::shown_at`].
    pub shown_at: NaiveDateTime,
    /// Different for each version of a post.
    pub updated_at: NaiveDateTime,
    /// The first characters of the body, as Markdown.
    pub start: String,
    /// The length of the body in bytes.
    pub size: usize,
}

impl Head {
    /// The path of its page, percent-encoded.
    pub fn path(&self) -> String {
        path(self.id, self.slug.as_deref())
    }
}

/// The posts of a feed.
#[derive(Clone, Debug)]
pub enum Newest {
    /// All posts.
    Any,
    /// Posts with this tag.
    Tagged(String),
    /// Posts of this account.
    Of(i64),
}

type Row = (i64, String, Option<String>, Option<String>, NaiveDateTime, NaiveDateTime, String, i32);

/// The newest `limit` published posts, in the order of the pages, each with the first characters of
/// its body.
pub fn newest(
    connection: &mut DbConnection,
    which: &Newest,
    limit: i64,
    length: i32,
) -> QueryResult<Vec<Head>> {
    let mut query = posts::table
        .filter(posts::status.eq(word(Status::Published)))
        .order((posts::listed_at.desc(), posts::id.desc()))
        .limit(limit)
        .select((
            posts::id,
            posts::title,
            posts::slug,
            posts::author,
            posts::listed_at,
            posts::updated_at,
            substr(posts::body, 1, length),
            octet_length(posts::body),
        ))
        .into_boxed();
    match which {
        Newest::Any => {}
        Newest::Of(account) => query = query.filter(posts::user_id.eq(*account)),
        Newest::Tagged(tag) => {
            let ids = listed::with_tag(connection, tag, None, limit)?;
            query = query.filter(posts::id.eq_any(ids));
        }
    }
    let rows = query.load::<Row>(connection)?;
    let mut tags = tags(connection, rows.iter().map(|row| row.0).collect())?;
    let heads = rows.into_iter().map(|row| {
        let (id, title, slug, author, shown_at, updated_at, start, size) = row;
        let tags = tags.remove(&id).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(0);
        Head { id, title, slug, author, tags, shown_at, updated_at, start, size }
    });
    Ok(heads.collect())
}

/// The bodies of these posts.
pub fn bodies(connection: &mut DbConnection, ids: Vec<i64>) -> QueryResult<HashMap<i64, String>> {
    let found = posts::table.filter(posts::id.eq_any(ids)).select((posts::id, posts::body));
    Ok(found.load(connection)?.into_iter().collect())
}
