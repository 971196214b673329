//! Atom feeds: the newest published posts of the site, of a tag, or of an account. Cookies and
//! tokens are ignored, so that everyone gets the same feed and shared caches may keep it.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::request::part;
use super::respond::{self, Precondition};
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult};
use crate::models::post::{self, Head, Newest};
use crate::models::user;
use crate::state::State;
use crate::views::feeds::{self, Subject};

const NOT_FOUND: AppError = AppError::NotFound("feed");

/// GET /feed.xml
pub async fn site(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    answer(state, &request, |_| Ok((Subject::Site, Newest::Any))).await
}

/// GET /tags/{tag}/feed.xml
pub async fn tag(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let tag = part(&request, "tag").ok_or(NOT_FOUND)?;
    answer(state, &request, |_| Ok((Subject::Tag(tag.clone()), Newest::Tagged(tag)))).await
}

/// GET /authors/{username}/feed.xml: the feed of an account. The author of an imported post is free
/// text, which may name several people, and has no feed.
pub async fn author(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let name = part(&request, "username").ok_or(NOT_FOUND)?;
    let find = move |connection: &mut DbConnection| {
        let user = user::listed(connection, &name.to_ascii_lowercase())?.ok_or(NOT_FOUND)?.user;
        let of = Newest::Of(user.id);
        Ok((Subject::Author { id: user.id, username: user.username }, of))
    };
    answer(state, &request, find).await
}

/// The data read for a request.
enum Read {
    /// The client already has this version. Holds its entity tag.
    Known(String),
    /// A new version. Holds its entity tag and the feed.
    New(String, Subject, Vec<Head>, HashMap<i64, String>),
}

async fn answer(
    state: Data<State>,
    request: &HttpRequest,
    find: impl FnOnce(&mut DbConnection) -> AppResult<(Subject, Newest)> + Send + 'static,
) -> AppResult<HttpResponse> {
    let client = Precondition::of(request);
    let (address, site) = (state.address.clone(), Arc::clone(&state.config.site));
    let read = move |connection: &mut DbConnection| {
        let (subject, which) = find(connection)?;
        let heads = post::newest(connection, &which, feeds::POSTS, feeds::START)?;
        if heads.is_empty() && subject != Subject::Site {
            return Err(NOT_FOUND);
        }
        // A head has the time of its version, so the bodies are not needed to identify them.
        let of_site = (&site.name, &site.description);
        let version = (crate::VERSION, of_site, address.to(&subject.path()), &heads);
        let etag = respond::etag(&serde_json::to_string(&version)?);
        if let Some(known) = client.known(&etag) {
            return Ok(Read::Known(known));
        }
        let bodies = post::bodies(connection, feeds::chosen(&heads))?;
        Ok(Read::New(etag, subject, heads, bodies))
    };
    let page = state.renderings.begin().await?;
    match state.db.read(read).await? {
        Read::Known(etag) => Ok(respond::unchanged(&etag)),
        Read::New(etag, subject, heads, bodies) => {
            let own = Data::clone(&state);
            let lay_out = move || {
                let site = &own.config.site;
                feeds::atom(site, &subject, &heads, &bodies, &own.address, &own.feeds_key)
            };
            let xml = page.lay_out(lay_out).await?.map_err(AppError::internal)?;
            Ok(respond::document("application/atom+xml; charset=utf-8", &etag, xml))
        }
    }
}
