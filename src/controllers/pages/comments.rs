//! The forms of comments, which are on their posts' pages, and the page of those that wait for
//! approval.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::accounts::next_in;
use super::{ROWS, page, posts, see, to_sign_in};
use crate::access::{self, Action};
use crate::controllers::account::{Account, SIGN_IN};
use crate::controllers::body::Body;
use crate::controllers::request::{self, Query};
use crate::controllers::respond::Precondition;
use crate::controllers::{comments, users};
use crate::db::At;
use crate::error::{AppError, AppResult, Found};
use crate::models::comment::{self, Comment, Filter, NewComment};
use crate::models::{post, user};
use crate::state::State;
use crate::views::forms::CommentForm;
use crate::views::pages::Moderation;

/// POST /posts/{id}/comments
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let post_id = request::id(&request, "post")?;
    let (settings, counted) = comments::permit_comment(&state, &request, &account)?;
    let params = body.form().await?;
    if let Some(name) = params.get("as").and_then(Value::as_str)
        && account.user().is_none_or(|user| user.username != name)
    {
        // The form was made for an account that no longer sends it.
        return Err(SIGN_IN);
    }
    let new = NewComment::changeset_by(&params, account.user());
    let asker = account.asker.clone();
    let viewer = account.viewer();
    let written = state.db.transaction(move |tx| {
        let comment = comments::insert(tx, &asker, post_id, settings, new)?;
        let post = post::facts(tx.connection, post_id)?;
        let shown = access::sees_comment(viewer, comment.facts(post));
        let filter = Filter { withheld: access::withheld(viewer, post), state: None };
        let page = comment::page_of(tx.connection, &comment, filter, ROWS)?;
        Ok((comment.id, shown, page))
    });
    let written = written.await;
    if let Some(counted) = counted
        && written.is_ok()
    {
        counted.written();
    }
    match written {
        Ok(At { value: (id, true, cursor), .. }) => {
            let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
            Ok(see(format!("/posts/{post_id}{query}#comment-{id}")))
        }
        Ok(_) => Ok(see(format!("/posts/{post_id}?comment=held#write-comment"))),
        Err(AppError::Invalid(errors)) => {
            let form = CommentForm::refused(&params, errors);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let asked = posts::Asked::default();
            posts::show_with(&state, &account, post_id, asked, status, form).await
        }
        Err(error) => Err(error),
    }
}

/// POST /comments/{id}/delete
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    let next = next_in(&body.form().await?);
    let comment = comments::remove(&state, &account, id, Precondition::none()).await?;
    Ok(see(next.unwrap_or_else(|| format!("/posts/{}#comments-title", comment.post_id))))
}

/// POST /comments/{id}/state
pub async fn moderate(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    let params = body.form().await?;
    let none = Precondition::none();
    let comment = comments::set_state(&state, &account, id, &params, none).await?.value;
    Ok(see(next_in(&params).unwrap_or_else(|| place(&comment))))
}

/// POST /comments/{id}/block: disables the account that wrote a comment; for admins.
pub async fn block(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.signed_in()?;
    account.permit(Action::ManageUsers)?;
    let params = body.form().await?;
    let asker = account.asker.clone();
    let blocked = state.db.transaction(move |tx| {
        asker.permit(tx.connection, Action::ManageUsers, "comment")?;
        let comment = comment::get(tx.connection, id).found("comment")?;
        let writer = comment.user_id.ok_or(AppError::NotFound("user"))?;
        let name = user::folded_name(tx.connection, writer).found("user")?;
        let change = user::Change { disabled: Some(true), ..user::Change::default() };
        users::update_in(tx, &name, change)?;
        Ok::<_, AppError>(comment)
    });
    let comment = blocked.await?.value;
    state.accounts.ends.hurry().await;
    Ok(see(next_in(&params).unwrap_or_else(|| place(&comment))))
}

/// GET /moderation
pub async fn held(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    let cursor = Query::of(&request)?.cursor()?;
    let of_posts = access::moderated(account.viewer());
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let comments = comment::held(connection, of_posts, cursor, ROWS)?;
        let ids: Vec<i64> = comments.items.iter().map(|comment| comment.post_id).collect();
        let posts = post::headings(connection, &ids)?;
        Ok(Moderation { frame, cursor, comments, posts })
    })
    .await
}

/// The place of a comment on its post's page.
fn place(comment: &Comment) -> String {
    format!("/posts/{}#comment-{}", comment.post_id, comment.id)
}
