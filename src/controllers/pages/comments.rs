//! The forms of comments, which are on their posts' pages.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{ROWS, posts, see};
use crate::controllers::account::Account;
use crate::controllers::body::Body;
use crate::controllers::comments;
use crate::controllers::request;
use crate::controllers::respond::Precondition;
use crate::error::{AppError, AppResult};
use crate::models::comment::{self, NewComment};
use crate::state::State;
use crate::views::forms::CommentForm;

/// POST /posts/{id}/comments
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let post_id = request::id(&request, "post")?;
    account.permit_writing()?;
    let params = body.form().await?;
    let new = NewComment::changeset_by(&params, account.user());
    let asker = account.asker.clone();
    let written = state.db.transaction(move |tx| {
        let comment = comments::insert(tx, &asker, post_id, new)?;
        let page = comment::page_of(tx.connection, &comment, ROWS)?;
        Ok((comment.id, page))
    });
    match written.await {
        Ok(written) => {
            let (id, cursor) = written.value;
            let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
            Ok(see(format!("/posts/{post_id}{query}#comment-{id}")))
        }
        Err(AppError::Invalid(errors)) => {
            let form = CommentForm::refused(&params, errors);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            posts::show_with(&state, &account, post_id, None, status, form).await
        }
        Err(error) => Err(error),
    }
}

/// POST /comments/{id}/delete
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    let comment = comments::remove(&state, &account, id, Precondition::none()).await?;
    Ok(see(format!("/posts/{}#comments-title", comment.post_id)))
}
