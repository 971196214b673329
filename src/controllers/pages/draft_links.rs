//! Links with which strangers can read a draft: their page, and the forms that create and revoke
//! them. A link's token is never logged or cached, and is not in any address on the page.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::accounts::unkept;
use super::failures::base;
use super::posts::{Beside, edit_with};
use super::see;
use crate::access::{self, Action};
use crate::connection::DbConnection;
use crate::controllers::account::Account;
use crate::controllers::body::Body;
use crate::controllers::{request, respond};
use crate::error::{AppError, AppResult, Found};
use crate::models::clock;
use crate::models::draft_link::{self, Token};
use crate::models::post::{self, Post};
use crate::state::State;
use crate::views::pages::{DraftLinks, Frame, PostAlone};

/// GET /drafts/{token}: the same for everyone who has the link.
pub async fn show(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    const MISSING: AppError = AppError::NotFound("draft");
    let token = request.match_info().get("token").and_then(Token::parse).ok_or(MISSING)?;
    let page = state.renderings.begin().await?;
    let found = state.db.snapshot(move |connection| {
        let now = clock(connection)?;
        let id = draft_link::post_of(connection, &token, now)?.ok_or(MISSING)?;
        let post = post::get(connection, id).found("draft")?;
        if access::sees_by_link(post.facts()) { Ok(post) } else { Err(MISSING) }
    });
    let (post, position) = found.await.map(|found| (found.value, found.position))?;
    let frame = Frame { position, log: state.db.log_id().into(), ..base(&request) };
    let says = "Draft. Only people with this link can read it.";
    let html = page.lay_out(move || PostAlone { frame, post, says }.render());
    let html = html.await?.map_err(AppError::internal)?;
    let mut response = HttpResponse::Ok();
    respond::stamp(&mut response, &state.db, position);
    response.insert_header((header::REFERRER_POLICY, "no-referrer"));
    Ok(unlisted(response.content_type("text/html; charset=utf-8").body(html)))
}

/// Keeps a page out of caches and search engines.
pub(super) fn unlisted(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    response
}

/// The links to a post, for its form. `None` while the post is public.
pub(super) fn of(
    connection: &mut DbConnection,
    post: &Post,
    most: Option<i64>,
    fresh: Option<String>,
) -> AppResult<Option<DraftLinks>> {
    if !access::sees_by_link(post.facts()) {
        return Ok(None);
    }
    let now = clock(connection)?;
    let list = draft_link::of_post(connection, post.id, now)?;
    let may_add = most.is_none_or(|most| (list.len() as i64) < most);
    Ok(Some(DraftLinks { list, may_add, fresh }))
}

/// POST /posts/{id}/links: the page shows the link, only this time.
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    account.writing_form(body).await?;
    let token = Token::random().map_err(AppError::internal)?;
    let address = state.address.to(&token.path());
    let (asker, most) = (account.asker.clone(), state.config.quotas.draft_links);
    let made = state.db.transaction(move |tx| {
        let post = post::get(tx.connection, id).found("post")?;
        asker.permit(tx.connection, Action::ChangePost(post.facts()), "post")?;
        let links = of(tx.connection, &post, most, None)?;
        let links = links.ok_or_else(|| refused("everyone can already read this post"))?;
        if !links.may_add {
            return Err(refused("this draft has reached its limit of links; revoke one first"));
        }
        let now = clock(tx.connection)?;
        Ok(draft_link::insert(tx.connection, &token, id, now)?)
    });
    made.await?;
    let beside = Beside { link: Some(address), ..Beside::default() };
    edit_with(&state, &account, id, StatusCode::CREATED, beside).await.map(unkept)
}

fn refused(why: &str) -> AppError {
    AppError::Unprocessable(why.to_owned())
}

/// POST /posts/{id}/links/{link}/delete
pub async fn revoke(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    account.writing_form(body).await?;
    let link = request.match_info().get("link").and_then(request::parse_id);
    let link = link.ok_or(AppError::NotFound("link"))?;
    let asker = account.asker.clone();
    let revoked = state.db.transaction(move |tx| {
        let post = post::get(tx.connection, id).found("post")?;
        asker.permit(tx.connection, Action::ChangePost(post.facts()), "post")?;
        draft_link::revoke(tx.connection, id, link).found("link")
    });
    revoked.await?;
    Ok(see(format!("/posts/{id}/edit#links")))
}
