//! Documents for search engines: the sitemap and `robots.txt`. As with feeds, everyone gets the
//! same.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::request::parse_id;
use super::respond::{self, Precondition};
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult};
use crate::models::{log as events, post};
use crate::reach::Address;
use crate::state::State;
use crate::views::sitemaps::{self, Index, Sitemap};

const NOT_FOUND: AppError = AppError::NotFound("sitemap");

/// GET /robots.txt
pub async fn robots(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let text = sitemaps::robots(&state.address);
    let etag = respond::etag(&text);
    match Precondition::of(&request).known(&etag) {
        Some(known) => respond::unchanged(&known),
        None => respond::document("text/plain; charset=utf-8", &etag, text),
    }
}

/// GET /sitemap.xml: every page or, if there are too many for one document, an index of the parts.
pub async fn sitemap(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let write = |connection: &mut DbConnection, address: &Address| {
        let parts = post::parts(connection)?;
        match parts.as_slice() {
            [number] => part(connection, address, *number),
            _ => Ok(Index { address, parts }.render().map_err(AppError::internal)?),
        }
    };
    answer(&state, &request, write).await
}

/// GET /sitemaps/{number}.xml: a part of the sitemap.
pub async fn sitemap_part(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let number = request.match_info().get("number").and_then(parse_id).ok_or(NOT_FOUND)?;
    answer(&state, &request, move |connection, address| part(connection, address, number)).await
}

/// Writes a part. The first one also has the front page; any other exists only if it has a post.
fn part(connection: &mut DbConnection, address: &Address, number: i64) -> AppResult<String> {
    let posts = post::public_in(connection, number)?;
    let front = number == 1;
    if posts.is_empty() && !front {
        return Err(NOT_FOUND);
    }
    Sitemap { address, front, posts }.render().map_err(AppError::internal)
}

/// Answers with a document. It may be mebibytes, so it is written off the workers, where it is
/// read.
async fn answer(
    state: &State,
    request: &HttpRequest,
    write: impl FnOnce(&mut DbConnection, &Address) -> AppResult<String> + Send + 'static,
) -> AppResult<HttpResponse> {
    let client = Precondition::of(request);
    let (address, log) = (state.address.clone(), state.db.log_id().to_owned());
    let path = request.path().to_owned();
    let read = move |connection: &mut DbConnection| {
        // The position identifies the version, since every change of a post writes an event.
        let position = events::state(connection)?.position;
        let version = (crate::VERSION, address.to(&path), log, position);
        let etag = respond::etag(&serde_json::to_string(&version)?);
        match client.known(&etag) {
            Some(known) => Ok::<_, AppError>((known, None)),
            None => write(connection, &address).map(|xml| (etag, Some(xml))),
        }
    };
    Ok(match state.db.read(read).await? {
        (etag, None) => respond::unchanged(&etag),
        (etag, Some(xml)) => respond::document("application/xml; charset=utf-8", &etag, xml),
    })
}
