//! The pages: the same rows and the same writes as the JSON API's, for people.
//!
//! Forms work without JavaScript: an accepted POST answers 303, a refused one the form as it was
//! typed.

pub mod account;
pub mod accounts;
pub mod comments;
pub mod lists;
pub mod notes;
pub mod posts;
pub mod search;

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::account::Account;
use super::respond;
use crate::access::Viewer;
use crate::compression::Varies;
use crate::config::Access;
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult, Shown};
use crate::models::log as events;
use crate::negotiation::accepts_html;
use crate::state::State;
use crate::views::assets;
use crate::views::encoded;
use crate::views::pages::{ErrorPage, Frame, Reader};

/// Rows on one page.
const ROWS: usize = 20;

/// A page of the rows that `build` reads, with the position that it is true as of, from which the
/// page's script continues.
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
    let reader = match account.user() {
        Some(user) => Reader::User(user.username.clone()),
        None => Reader::Guest,
    };
    // A page with a reader's name on it must not be cached for others.
    let kept = if account.user().is_some() { "private, no-cache" } else { "no-cache" };
    let (template, position) = state
        .db
        .read(move |connection| {
            let position = events::state(connection)?.position;
            let frame = Frame { open, position, log, root, site, address, reader, viewer, rules };
            Ok::<_, AppError>((build(connection, frame)?, position))
        })
        .await?;
    // Laying out Markdown takes a while and some memory, and needs no database.
    let html =
        state.renderings.run(move || template.render()).await?.map_err(AppError::internal)?;
    let mut response = HttpResponse::build(status);
    respond::stamp(&mut response, &state.db, position);
    response.insert_header((header::CACHE_CONTROL, kept));
    let mut response = response.content_type("text/html; charset=utf-8").body(html);
    response.extensions_mut().insert(Varies("cookie"));
    Ok(response)
}

/// The way to a page that needs an account, for a reader without one: over the page to sign in.
fn to_sign_in(request: &HttpRequest, account: &Account) -> Option<HttpResponse> {
    (account.viewer() == Viewer::Nobody).then(|| sign_in_first(request))
}

/// The page to sign in, which leads on to the page that was asked for.
fn sign_in_first(request: &HttpRequest) -> HttpResponse {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    see(format!("/login?next={}", encoded(target)))
}

/// The response to a form that was accepted: 303.
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
    Ok(file_of(&request, kind, &file.version, file.bytes.clone().into_owned().into()))
}

/// A static file. Under an address with its version it never changes.
fn file_of(request: &HttpRequest, kind: &str, version: &str, bytes: Bytes) -> HttpResponse {
    let versioned = request.query_string().strip_prefix("v=") == Some(version);
    let kept = if versioned { "public, max-age=31536000, immutable" } else { "no-cache" };
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, kept)).content_type(kind).body(bytes)
}

/// Shows failures to browsers as pages; programs get their JSON.
pub async fn show_errors<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if request.path().starts_with("/api/") || !accepts_html(request.headers()) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let base = base(request.request());
    let is_of_form = !request.method().is_safe();
    match next.call(request).await {
        Ok(response) => {
            let shown = response.response().extensions().get::<Shown>().cloned();
            let Some(shown) = shown else { return Ok(response.map_into_left_body()) };
            let status = response.status();
            let (request, failed) = response.into_parts();
            let mut page = error_page(base, status, shown, is_of_form);
            if failed.head().connection_type() == ConnectionType::Close {
                page.head_mut().set_connection_type(ConnectionType::Close);
            }
            for name in [header::ALLOW, header::RETRY_AFTER, header::CACHE_CONTROL] {
                if let Some(value) = failed.headers().get(&name) {
                    page.headers_mut().insert(name, value.clone());
                }
            }
            Ok(ServiceResponse::new(request, page).map_into_right_body())
        }
        Err(error) => {
            let response = error.as_response_error().error_response();
            let shown = response.extensions().get::<Shown>().cloned();
            let Some(shown) = shown else { return Err(error) };
            let page = error_page(base, response.status(), shown, is_of_form);
            Err(InternalError::from_response(error, page).into())
        }
    }
}

/// What a page for nobody in particular is framed by.
fn base(request: &HttpRequest) -> Frame {
    let Some(state) = request.app_data::<Data<State>>() else { return Frame::default() };
    let open = state.config.access == Access::Open;
    let viewer = if open { Viewer::Anyone } else { Viewer::Nobody };
    let (root, site) = (state.config.reach.path().into(), Arc::clone(&state.config.site));
    Frame { open, viewer, root, site, ..Frame::default() }
}

fn error_page(frame: Frame, status: StatusCode, shown: Shown, is_of_form: bool) -> HttpResponse {
    let title = match status {
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => "This is not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too much at once",
        StatusCode::SERVICE_UNAVAILABLE => "Too busy just now",
        StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
        _ => "This did not work",
    };
    let mut message = shown.message;
    if let Some(first) = message.get(..1) {
        message = format!("{}{}.", first.to_uppercase(), &message[1..]);
    }
    let (status_code, title) = (status.as_u16(), title.to_owned());
    let page = ErrorPage { frame, status: status_code, title, message, is_of_form };
    match page.render() {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            log::error!("the error page cannot be rendered: {error}");
            HttpResponse::build(status).finish()
        }
    }
}
