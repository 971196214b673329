//! A post in a frame on another site's page: read-only, and as a guest sees it, whoever makes the
//! request.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{ROWS, page};
use crate::access::{self, Viewer};
use crate::compression::Varies;
use crate::controllers::account::Account;
use crate::controllers::posts;
use crate::controllers::request::{self, Query};
use crate::error::{AppError, AppResult};
use crate::models::comment::{self, Filter};
use crate::policy;
use crate::state::State;
use crate::views::pages::Embed;

/// GET /embed/posts/{id}
pub async fn show(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let cursor = Query::of(&request)?.cursor()?;
    let stranger = Account::nobody(&request);
    let mut response = page(&state, &stranger, StatusCode::OK, move |connection, frame| {
        let post = posts::visible(connection, id, Viewer::Nobody)?;
        let withheld = access::withheld(Viewer::Nobody, post.facts());
        let filter = Filter { withheld, state: None };
        let comments = comment::list(connection, id, filter, cursor, ROWS)?;
        let count = comment::counts(connection, &[id])?.remove(&id).unwrap_or_default();
        Ok(Embed { frame, post, cursor, comments, count })
    })
    .await?;
    let policy = policy::content(&state.config.reach.allowed_origins);
    let policy = policy.parse::<HeaderValue>().map_err(AppError::internal)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    // The page is the same for everyone.
    response.extensions_mut().remove::<Varies>();
    Ok(response)
}
