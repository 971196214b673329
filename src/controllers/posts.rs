//! Posts over JSON, and the writes that their pages share.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::request::{self, Json, Query};
use crate::app::State;
use crate::changeset::Params;
use crate::error::{AppError, AppResult, Found};
use crate::models::now;
use crate::models::post::{self, Filter, NewPost, Post, PostChanges, Status};
use crate::{events, views};

/// GET /api/posts
pub async fn index(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?;
    let filter = filter(&query)?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let page = state
        .db
        .read(move |connection| Ok::<_, AppError>(post::list(connection, &filter, cursor, limit)?))
        .await?;
    Ok(HttpResponse::Ok().json(views::list("posts", &page)))
}

/// GET /api/posts/{id}
pub async fn show(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let post = state.db.read(move |connection| post::get(connection, id).found("post")).await?;
    Ok(HttpResponse::Ok().json(post))
}

/// POST /api/posts
pub async fn create(state: Data<State>, Json(params): Json) -> AppResult<HttpResponse> {
    let post = insert(&state, &params).await?;
    let location = format!("/api/posts/{}", post.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(post))
}

/// PUT or PATCH /api/posts/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    Json(params): Json,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let post = change(&state, id, &params).await?;
    Ok(HttpResponse::Ok().json(post))
}

/// DELETE /api/posts/{id}
pub async fn delete(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    remove(&state, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which posts `status` and `tag` ask for.
pub(super) fn filter(query: &Query) -> AppResult<Filter> {
    let status = match query.get("status") {
        None => Status::Published,
        Some(word) => Status::parse(word).ok_or_else(|| request::invalid("status"))?,
    };
    Ok(Filter { status, tag: query.parse("tag")? })
}

/// Writes a new post and announces it.
pub(super) async fn insert(state: &State, params: &Params) -> AppResult<Post> {
    let new = NewPost::changeset(params)?;
    state
        .db
        .transaction(move |tx| {
            let post = post::insert(tx.connection, new, now())?;
            tx.announce(events::post_created(&post)?);
            Ok(post)
        })
        .await
}

/// Changes a post and announces it, unless nothing changes. A post that is not there is told before
/// fields that are wrong.
pub(super) async fn change(state: &State, id: i64, params: &Params) -> AppResult<Post> {
    let changes = PostChanges::changeset(params);
    state
        .db
        .transaction(move |tx| {
            let before = post::get(tx.connection, id).found("post")?;
            let updated = post::update(tx.connection, before, changes?, now())?;
            for event in events::of_update(&updated)? {
                tx.announce(event);
            }
            Ok(updated.after)
        })
        .await
}

/// Deletes a post with its comments and announces it.
pub(super) async fn remove(state: &State, id: i64) -> AppResult<()> {
    state
        .db
        .transaction(move |tx| {
            let post = post::get(tx.connection, id).found("post")?;
            post::delete(tx.connection, id)?;
            tx.announce(events::post_deleted(&post)?);
            Ok(())
        })
        .await
}
