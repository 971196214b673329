//! The pages for people. They read and write the same rows as the JSON API.
//!
//! Forms work without JavaScript: an accepted POST answers 303, and a refused one shows the form as
//! it was typed.

pub mod account;
pub mod accounts;
pub mod back;
pub mod bin;
pub mod comments;
pub mod copies;
pub mod docs;
pub mod draft_links;
pub mod embed;
pub mod failures;
pub mod lists;
pub mod notes;
pub mod overview;
pub mod posts;
pub mod preview;
pub mod search;
mod unsent;

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::account::Account;
use super::respond;
use crate::access::Viewer;
use crate::compression::{self, Varies};
use crate::config::Access;
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult};
use crate::models::log as events;
use crate::state::State;
use crate::views::assets;
use crate::views::encoded;
use crate::views::pages::{Frame, Reader};

/// The number of rows on one page.
const ROWS: usize = 20;

/// A page of the rows that `build` reads, with the position of the log at which it was true. The
/// page's script continues from there.
async fn page<T, F>(
    state: &State,
    account: &Account,
    status: StatusCode,
    build: F,
) -> AppResult<HttpResponse>
where
    T: Template + Send + 'static,
    F: FnOnce(&mut DbConnection, Frame) -> AppResult<T> + Send + 'static,
{
    let (log, root) = (state.db.log_id().into(), state.config.reach.path().into());
    let (open, viewer) = (state.config.access == Access::Open, account.viewer());
    let (rules, site) = (state.config.comments, Arc::clone(&state.config.site));
    let public = state.config.reach.public.is_some();
    let address = public.then(|| state.address.clone());
    let here = account.here().to_owned();
    let reader = match account.user() {
        Some(user) => Reader::User(user.username.clone()),
        None => Reader::Guest,
    };
    // A page with a reader's name on it must not be cached for others.
    let kept = if account.user().is_some() { "private, no-cache" } else { "no-cache" };
    let page = state.renderings.begin().await?;
    let (template, position) = state
        .db
        .read(move |connection| {
            let position = events::state(connection)?.position;
            let undo = bin::undo(connection, &here, viewer)?;
            let frame = Frame {
                open,
                position,
                log,
                root,
                site,
                address,
                reader,
                viewer,
                here,
                rules,
                undo,
            };
            Ok::<_, AppError>((build(connection, frame)?, position))
        })
        .await?;
    // Rendering Markdown takes time and memory, so the database connection is released first.
    let html = page.lay_out(move || template.render()).await?.map_err(AppError::internal)?;
    let mut response = HttpResponse::build(status);
    respond::stamp(&mut response, &state.db, position);
    response.insert_header((header::CACHE_CONTROL, kept));
    let mut response = response.content_type("text/html; charset=utf-8").body(html);
    response.extensions_mut().insert(Varies("cookie"));
    Ok(response)
}

/// The redirect of a guest from a page that needs an account to the sign-in page.
fn to_sign_in(request: &HttpRequest, account: &Account) -> Option<HttpResponse> {
    (account.viewer() == Viewer::Nobody).then(|| sign_in_first(request))
}

/// A redirect to the sign-in page, which continues to the requested page.
fn sign_in_first(request: &HttpRequest) -> HttpResponse {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    see(format!("/login?next={}", encoded(target)))
}

/// The response to an accepted form: 303.
fn see(location: impl Into<String>) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location.into())).finish()
}

/// GET /static/{file}
pub async fn asset(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let name = request.match_info().get("file").unwrap_or("");
    if let Some((file, kind)) = state.config.site.file(name) {
        return Ok(file_of(&request, kind, &file.version, file.bytes.clone()));
    }
    let file = assets::get(name).ok_or(AppError::NotFound("file"))?;
    let kind = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    if !compression::wants_gzip(&request) {
        return Ok(file_of(&request, kind, file.version, file.bytes.clone()));
    }
    let mut response = file_of(&request, kind, file.version, file.gzip.clone());
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// A static file, or 304 if the client has it. An address with a version never changes its content.
fn file_of(request: &HttpRequest, kind: &str, version: &str, bytes: Bytes) -> HttpResponse {
    let versioned = request.query_string().strip_prefix("v=") == Some(version);
    let kept = if versioned { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = respond::revalidated(request, kind, &format!("\"{version}\""), || bytes);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}
