//! Lists of published posts: by tag, by author, by year. Everyone sees the same posts in them;
//! drafts have a separate list.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Datelike;

use super::posts::counts;
use super::{ROWS, page};
use crate::access::{Scope, Status};
use crate::connection::DbConnection;
use crate::controllers::account::Account;
use crate::controllers::request::{Query, part};
use crate::error::{AppError, AppResult};
use crate::models::post::{self, Filter, Post};
use crate::models::{Cursor, Page, now, user};
use crate::state::State;
use crate::views::pages::{Archive, Author, PostIndex, TagIndex};

/// The number of tags on one page.
const TAGS: usize = 500;

/// The number of posts on one page of the archive.
const LINES: usize = 300;

/// GET /tags
pub async fn tags(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let after = Query::of(&request)?.parse::<String>("after")?;
    let own = Data::clone(&state);
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let counted = match &after {
            None => own.tags.first(connection, frame.position, TAGS)?,
            Some(_) => Arc::new(post::tags_in_use(connection, after.as_deref(), TAGS)?),
        };
        let (mut tags, more) = Arc::unwrap_or_clone(counted);
        // Databases collate differently. Their order decides where a page ends; within the page,
        // this one applies.
        tags.sort_by_cached_key(|counted| counted.tag.to_lowercase());
        Ok(TagIndex { frame, after, tags, more })
    })
    .await
}

/// GET /tags/{tag}
pub async fn tag(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    const NOT_FOUND: AppError = AppError::NotFound("tag");
    let tag = part(&request, "tag").ok_or(NOT_FOUND)?;
    let cursor = Query::of(&request)?.cursor()?;
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let posts = published(connection, Some(tag.clone()), None, cursor)?.ok_or(NOT_FOUND)?;
        let counts = counts(connection, &posts)?;
        let (status, tag) = (Status::Published, Some(tag));
        Ok(PostIndex { frame, status, tag, author: None, cursor, posts, counts, start: None })
    })
    .await
}

/// GET /authors/{username}: an account without a published post is not found, like one that does
/// not exist.
pub async fn author(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    const NOT_FOUND: AppError = AppError::NotFound("author");
    let name = part(&request, "username").ok_or(NOT_FOUND)?;
    let cursor = Query::of(&request)?.cursor()?;
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let user = user::listed(connection, &name.to_ascii_lowercase())?.ok_or(NOT_FOUND)?.user;
        let posts = published(connection, None, Some(user.id), cursor)?.ok_or(NOT_FOUND)?;
        let counts = counts(connection, &posts)?;
        let author = Some(Author { id: user.id, username: user.username });
        let status = Status::Published;
        Ok(PostIndex { frame, status, tag: None, author, cursor, posts, counts, start: None })
    })
    .await
}

/// A page of the published posts of a tag or of an account; `None` if there are none at all.
fn published(
    connection: &mut DbConnection,
    tag: Option<String>,
    author: Option<i64>,
    cursor: Option<Cursor>,
) -> AppResult<Option<Page<Post>>> {
    let filter = Filter { status: Status::Published, tag, author, drafts: Scope::None };
    let posts = post::list(connection, &filter, cursor, ROWS)?;
    let is_none = posts.items.is_empty()
        && (cursor.is_none() || post::list(connection, &filter, None, 1)?.items.is_empty());
    Ok((!is_none).then_some(posts))
}

/// GET /archive
pub async fn archive(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    const NOT_FOUND: AppError = AppError::NotFound("year");
    let query = Query::of(&request)?;
    let (year, cursor) = (query.parse::<i32>("year")?, query.cursor()?);
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let years = post::years(connection)?;
        let shown = year.or(years.first().copied());
        let posts = post::of_year(connection, shown.unwrap_or(now().year()), cursor, LINES)?;
        if posts.items.is_empty() && year.is_some_and(|year| !years.contains(&year)) {
            return Err(NOT_FOUND);
        }
        Ok(Archive { frame, year: shown, years, cursor, posts })
    })
    .await
}
