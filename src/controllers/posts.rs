//! Posts over JSON, and the writes that their pages share.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::account::Account;
use super::body::Body;
use super::idempotency::{Created, Once};
use super::request::{self, Query};
use super::respond::{self, Precondition};
use crate::changeset::Params;
use crate::db::{At, Touches};
use crate::error::{AppError, AppResult, Found};
use crate::models::now;
use crate::models::post::{self, Filter, NewPost, Post, PostChanges, Status};
use crate::state::State;
use crate::{events, views};

/// GET /api/posts
pub async fn index(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["status", "tag", "cursor", "limit"])?;
    let filter = filter(&query)?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let page = state
        .db
        .snapshot(move |c| Ok::<_, AppError>(post::list(c, &filter, cursor, limit)?))
        .await?;
    Ok(respond::list(&state.db, page.position, views::list("posts", &page.value)))
}

/// GET /api/posts/{id}
pub async fn show(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let post = state.db.snapshot(move |connection| post::get(connection, id).found("post")).await?;
    respond::single(&request, &state.db, &post)
}

/// POST /api/posts
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let params = body.json().await?;
    let author = account.user();
    let new = NewPost::changeset(&params)?.by(author);
    let once = Once::of(&request, author, &params)?;
    let outcome = once.transact(&state.db, Touches::NewRows, |tx| {
        let post = post::insert(tx.connection, new, now())?;
        tx.announce(events::post_created(&post)?);
        let created = Created::of(&post)?.about(events::of_post(post.id));
        Ok(created.at(format!("/api/posts/{}", post.id)))
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// PUT or PATCH /api/posts/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let params = body.json().await?;
    let post = change(&state, id, &params, Precondition::of(&request)).await?;
    respond::single(&request, &state.db, &post)
}

/// DELETE /api/posts/{id}
pub async fn delete(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    remove(&state, id, Precondition::of(&request)).await?;
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

/// Changes a post and announces it, unless nothing changes. A post that is not there is told before
/// fields that are wrong.
pub(super) async fn change(
    state: &State,
    id: i64,
    params: &Params,
    precondition: Precondition,
) -> AppResult<At<Post>> {
    let changes = PostChanges::changeset(params);
    state
        .db
        .transaction(move |tx| {
            let before = post::get(tx.connection, id).found("post")?;
            precondition.check(&before)?;
            let updated = post::update(tx.connection, before, changes?, now())?;
            for event in events::of_update(&updated)? {
                tx.announce(event);
            }
            Ok(updated.after)
        })
        .await
}

/// Deletes a post with its comments and announces it.
pub(super) async fn remove(state: &State, id: i64, precondition: Precondition) -> AppResult<()> {
    state
        .db
        .transaction(move |tx| {
            let post = post::get(tx.connection, id).found("post")?;
            precondition.check(&post)?;
            post::delete(tx.connection, id)?;
            tx.announce(events::post_deleted(&post)?);
            Ok::<_, AppError>(())
        })
        .await?;
    Ok(())
}
