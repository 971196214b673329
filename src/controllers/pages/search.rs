//! The search page.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::page;
use crate::controllers::account::Account;
use crate::controllers::request::Query;
use crate::controllers::search;
use crate::error::{AppError, AppResult};
use crate::search::Kind;
use crate::state::State;
use crate::views::pages::{Hit, Outcome, Search};

/// GET /search
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let parameters = Query::of(&request)?;
    let words = parameters.get("q").unwrap_or("").trim().to_owned();
    let kind = parameters.get("kind").and_then(Kind::parse);
    let outcome = if words.is_empty() {
        Outcome::Idle
    } else {
        match search::find(&state, account.client(&request), &account, &parameters).await {
            Ok(hits) => Outcome::Hits(hits.into_iter().map(hit).collect()),
            Err(AppError::Unprocessable(message)) => Outcome::Invalid(message),
            Err(error) => return Err(error),
        }
    };
    let status = match outcome {
        Outcome::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Outcome::Idle | Outcome::Hits(_) => StatusCode::OK,
    };
    page(&state, &account, status, move |_, frame| {
        Ok(Search { frame, query: words, kind: kind.map(Kind::as_str), outcome })
    })
    .await
}

fn hit(hit: crate::search::Hit) -> Hit {
    Hit { kind: hit.kind.as_str(), id: hit.id, title: hit.title, snippet: hit.snippet }
}
