//! GET requests for the addresses of forms: a reader who opens the address of a refused form again
//! is redirected to the page that has the form.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::comments::place;
use super::see;
use crate::access;
use crate::controllers::account::Account;
use crate::controllers::posts;
use crate::controllers::request::{self, Query};
use crate::error::{AppError, AppResult, Found};
use crate::models::comment;
use crate::state::State;

/// GET /posts
pub async fn to_posts() -> HttpResponse {
    see("/")
}

/// GET /posts/preview and /posts/new/copy/discard
pub async fn to_new() -> HttpResponse {
    see("/posts/new")
}

/// GET /posts/{id}/copy/discard, /posts/{id}/links and everything below it
pub async fn to_edit(request: HttpRequest) -> AppResult<HttpResponse> {
    Ok(see(format!("/posts/{}/edit", request::id(&request, "post")?)))
}

/// GET /posts/{id}/comments
pub async fn to_thread(request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let cursor = Query::of(&request)?.cursor()?;
    let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
    Ok(see(format!("/posts/{id}{query}#write-comment")))
}

/// GET /posts/{id}/delete
pub async fn to_post(request: HttpRequest) -> AppResult<HttpResponse> {
    Ok(see(format!("/posts/{}", request::id(&request, "post")?)))
}

/// GET /notes/{id}/delete
pub async fn to_note(request: HttpRequest) -> AppResult<HttpResponse> {
    Ok(see(format!("/notes/{}", request::id(&request, "note")?)))
}

/// GET /comments/{id}/delete, /comments/{id}/state and /comments/{id}/block
pub async fn to_comment(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    let viewer = account.viewer();
    let found = state.db.read(move |connection| {
        let comment = comment::get(connection, id).found("comment")?;
        let post = posts::visible(connection, comment.post_id, viewer)?;
        match access::sees_comment(viewer, comment.facts(post.facts())) {
            true => Ok(comment),
            false => Err(AppError::NotFound("comment")),
        }
    });
    Ok(see(place(&found.await?)))
}

/// GET of the addresses of forms below /bin
pub async fn to_bin() -> HttpResponse {
    see("/bin")
}

/// GET of the addresses of forms below /account
pub async fn to_account() -> HttpResponse {
    see("/account")
}
