//! The search page.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::page;
use crate::controllers::account::Account;
use crate::controllers::request::Query;
use crate::controllers::search as api;
use crate::error::{AppError, AppResult};
use crate::search::{self, Answer, Kind};
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
    let is_first = parameters.get("cursor").is_none();
    let outcome = if words.is_empty() {
        Ok(Answer::default())
    } else {
        // The form sends an empty kind for everything.
        let kind = parameters.get("kind").filter(|word| !word.is_empty());
        match api::find(&state, account.client(&request), &account, &parameters, kind).await {
            Ok(answer) => Ok(answer),
            Err(AppError::Unprocessable(message)) => Err(message),
            Err(error) => return Err(error),
        }
    };
    let status = match outcome {
        Err(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Ok(_) => StatusCode::OK,
    };
    page(&state, &account, status, move |_, frame| {
        let is_idle = words.is_empty();
        let outcome = match outcome {
            Err(message) => Outcome::Invalid(message),
            Ok(_) if is_idle => Outcome::Idle,
            Ok(Answer { hits, total, next, .. }) => Outcome::Hits {
                hits: hits.into_iter().map(hit).collect(),
                total,
                is_first,
                next: next.map(|next| next.to_string()),
            },
        };
        Ok(Search { frame, query: words, kind: kind.map(Kind::as_str), outcome })
    })
    .await
}

fn hit(hit: search::Hit) -> Hit {
    let search::Hit { kind, id, post_id, title, snippet, at, .. } = hit;
    let path = match post_id {
        None => format!("/{}s/{id}", kind.as_str()),
        Some(post) => format!("/posts/{post}?comment={id}#comment-{id}"),
    };
    Hit { kind: kind.as_str(), path, title, snippet, at }
}
