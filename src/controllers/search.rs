//! Search over JSON.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::account::Account;
use super::request::{self, Query};
use crate::access::Action;
use crate::error::{AppError, AppResult};
use crate::limits::Client;
use crate::search::{self, Hit, Kind, SearchError};
use crate::state::State;

/// GET /api/search?q=…
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["q", "kind", "limit"])?;
    let hits = find(&state, account.client(&request), &account, &query).await?;
    Ok(HttpResponse::Ok().json(json!({ "hits": hits })))
}

/// The hits of `q`, `kind` and `limit` among what the account may read.
pub(super) async fn find(
    state: &State,
    client: Client,
    account: &Account,
    parameters: &Query,
) -> AppResult<Vec<Hit>> {
    let words = parameters.get("q").ok_or_else(|| request::invalid("q"))?;
    state.limits.search(client)?;
    let mut query = search::Query::parse(words)?.limit(parameters.limit()?)?;
    // The page's form sends an empty kind for everything.
    if let Some(word) = parameters.get("kind").filter(|word| !word.is_empty()) {
        query = query.of_kind(Kind::parse(word).ok_or_else(|| request::invalid("kind"))?);
    }
    if account.permit(Action::ReadNotes).is_err() {
        if query.kind() == Some(Kind::Note) {
            return Ok(Vec::new());
        }
        query = query.of_kind(Kind::Post);
    }
    Ok(state.search.query(&query).await?)
}

impl From<SearchError> for AppError {
    fn from(error: SearchError) -> AppError {
        match error {
            SearchError::BadQuery(message) => AppError::Unprocessable(message),
            SearchError::NotReady => {
                AppError::Unavailable("the search index is being built: try again later")
            }
            SearchError::Overloaded => AppError::Unavailable("overloaded: try again later"),
            SearchError::Stopped => AppError::Unavailable("stopping: try again later"),
            SearchError::Database(error) => error.into(),
            other => AppError::internal(other),
        }
    }
}
