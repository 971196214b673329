//! Comments over JSON, and the writes that their pages share.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::account::{Account, Asker};
use super::body::Body;
use super::idempotency::{Created, Once};
use super::posts::visible;
use super::request::{self, Query};
use super::respond::{self, Precondition};
use crate::access::{Action, CommentFacts};
use crate::changeset::Errors;
use crate::connection::DbConnection;
use crate::db::{Touches, Tx};
use crate::error::{AppError, AppResult, Found};
use crate::models::comment::{self, Comment, CommentChanges, NewComment};
use crate::models::{now, post};
use crate::state::State;
use crate::{events, views};

/// GET /api/posts/{id}/comments
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let viewer = account.viewer();
    let post_id = request::id(&request, "post")?;
    let query = Query::of(&request)?.only(&["cursor", "limit"])?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let page = state
        .db
        .snapshot(move |connection| {
            visible(connection, post_id, viewer)?;
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
    account.permit_writing()?;
    let params = body.json().await?;
    let (author, asker) = (account.user(), account.asker.clone());
    let new = NewComment::changeset_by(&params, author);
    let once = Once::of(&request, author, &params)?;
    let outcome = once.transact(&state.db, Touches::ExistingRows, move |tx| {
        let comment = insert(tx, &asker, post_id, new)?;
        Ok(Created::of(&comment)?.about(events::of_comment(&comment)))
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// Writes a new comment and announces it, on the channel of all comments and on its post's. A post
/// that is not there is told before fields that are wrong.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    asker: &Asker,
    post_id: i64,
    new: Result<NewComment, Errors>,
) -> AppResult<Comment> {
    let post = post::facts(tx.connection, post_id).found("post")?;
    asker.permit(tx.connection, Action::WriteComment(post), "post")?;
    let comment = comment::insert(tx.connection, post_id, new?, now())?;
    tx.announce(events::comment_created(&comment, post)?);
    tx.announce(events::new_comment(&comment, post)?);
    Ok(comment)
}

/// PUT /api/comments/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    let params = body.json().await?;
    let changes = CommentChanges::changeset(&params);
    let (precondition, asker) = (Precondition::of(&request), account.asker);
    let comment = state
        .db
        .transaction(move |tx| {
            let comment = comment::get(tx.connection, id).found("comment")?;
            let facts = facts(tx.connection, &comment)?;
            asker.permit(tx.connection, Action::ChangeComment(facts), "comment")?;
            precondition.check(&comment)?;
            let (comment, changed) = comment::update(tx.connection, comment, changes?)?;
            if changed {
                tx.announce(events::comment_updated(&comment, facts.post)?);
            }
            Ok::<_, AppError>(comment)
        })
        .await?;
    respond::single(&request, &state.db, &comment)
}

/// DELETE /api/comments/{id}
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    remove(&state, &account, id, Precondition::of(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a comment, announces it and gives what it was.
pub(super) async fn remove(
    state: &State,
    account: &Account,
    id: i64,
    precondition: Precondition,
) -> AppResult<Comment> {
    let asker = account.asker.clone();
    let deleted = state.db.transaction(move |tx| {
        let comment = comment::get(tx.connection, id).found("comment")?;
        let facts = facts(tx.connection, &comment)?;
        asker.permit(tx.connection, Action::DeleteComment(facts), "comment")?;
        precondition.check(&comment)?;
        comment::delete(tx.connection, id)?;
        tx.announce(events::comment_deleted(&comment, facts.post)?);
        Ok::<_, AppError>(comment)
    });
    Ok(deleted.await?.value)
}

/// What decides who may change a comment.
fn facts(connection: &mut DbConnection, comment: &Comment) -> AppResult<CommentFacts> {
    let post = post::facts(connection, comment.post_id)?;
    Ok(CommentFacts { author: comment.user_id, post })
}
