//! Comments over JSON, and the writes that their pages share.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::account::Account;
use super::body::Body;
use super::idempotency::{Created, Once};
use super::request::{self, Query};
use super::respond::{self, Precondition};
use crate::changeset::Errors;
use crate::db::{Touches, Tx};
use crate::error::{AppError, AppResult, Found};
use crate::models::comment::{self, Comment, CommentChanges, NewComment};
use crate::models::{now, post};
use crate::state::State;
use crate::{events, views};

/// GET /api/posts/{id}/comments
pub async fn index(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let post_id = request::id(&request, "post")?;
    let query = Query::of(&request)?.only(&["cursor", "limit"])?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let page = state
        .db
        .snapshot(move |connection| {
            post::status(connection, post_id).found("post")?;
            Ok::<_, AppError>(comment::list(connection, post_id, cursor, limit)?)
        })
        .await?;
    Ok(respond::list(&state.db, page.position, views::list("comments", &page.value)))
}

/// POST /api/posts/{id}/comments
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let post_id = request::id(&request, "post")?;
    let params = body.json().await?;
    let author = account.user();
    let new = NewComment::changeset_by(&params, author);
    let once = Once::of(&request, author, &params)?;
    let outcome = once.transact(&state.db, Touches::ExistingRows, move |tx| {
        let comment = insert(tx, post_id, new)?;
        Ok(Created::of(&comment)?.about(events::of_comment(&comment)))
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// Writes a new comment and announces it, on the channel of all comments and on its post's. A post
/// that is not there is told before fields that are wrong.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    post_id: i64,
    new: Result<NewComment, Errors>,
) -> AppResult<Comment> {
    let status = post::status(tx.connection, post_id).found("post")?;
    let comment = comment::insert(tx.connection, post_id, new?, now())?;
    tx.announce(events::comment_created(&comment, status)?);
    tx.announce(events::new_comment(&comment, status)?);
    Ok(comment)
}

/// PUT /api/comments/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    let params = body.json().await?;
    let changes = CommentChanges::changeset(&params);
    let precondition = Precondition::of(&request);
    let comment = state
        .db
        .transaction(move |tx| {
            let comment = comment::get(tx.connection, id).found("comment")?;
            precondition.check(&comment)?;
            let (comment, changed) = comment::update(tx.connection, comment, changes?)?;
            if changed {
                let status = post::status(tx.connection, comment.post_id)?;
                tx.announce(events::comment_updated(&comment, status)?);
            }
            Ok::<_, AppError>(comment)
        })
        .await?;
    respond::single(&request, &state.db, &comment)
}

/// DELETE /api/comments/{id}
pub async fn delete(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    remove(&state, id, Precondition::of(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a comment, announces it and gives what it was.
pub(super) async fn remove(
    state: &State,
    id: i64,
    precondition: Precondition,
) -> AppResult<Comment> {
    let deleted = state.db.transaction(move |tx| {
        let comment = comment::get(tx.connection, id).found("comment")?;
        precondition.check(&comment)?;
        comment::delete(tx.connection, id)?;
        let status = post::status(tx.connection, comment.post_id)?;
        tx.announce(events::comment_deleted(&comment, status)?);
        Ok::<_, AppError>(comment)
    });
    Ok(deleted.await?.value)
}
