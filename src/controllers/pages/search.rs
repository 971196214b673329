//! The search page.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use diesel::{OptionalExtension as _, QueryResult};

use super::{ROWS, page};
use crate::access::{self, Viewer};
use crate::connection::DbConnection;
use crate::controllers::account::Account;
use crate::controllers::request::Query;
use crate::controllers::search as api;
use crate::error::{AppError, AppResult};
use crate::models::comment::{self, Filter};
use crate::models::{Cursor, post};
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
        match api::find(&state, account.client(&request), &account, &parameters).await {
            Ok(answer) => Ok(answer),
            Err(AppError::Unprocessable(message)) => Err(message),
            Err(error) => return Err(error),
        }
    };
    let status = match outcome {
        Err(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Ok(_) => StatusCode::OK,
    };
    page(&state, &account, status, move |connection, frame| {
        let is_idle = words.is_empty();
        let outcome = match outcome {
            Err(message) => Outcome::Invalid(message),
            Ok(_) if is_idle => Outcome::Idle,
            Ok(Answer { hits, total, next, .. }) => Outcome::Hits {
                hits: hits
                    .into_iter()
                    .map(|found| hit(connection, frame.viewer, found))
                    .collect::<QueryResult<_>>()?,
                total,
                is_first,
                next: next.map(|next| next.to_string()),
            },
        };
        Ok(Search { frame, query: words, kind: kind.map(Kind::as_str), outcome })
    })
    .await
}

fn hit(connection: &mut DbConnection, viewer: Viewer, hit: search::Hit) -> QueryResult<Hit> {
    let search::Hit { kind, id, post_id, title, snippet, .. } = hit;
    let path = match post_id {
        None => format!("/{}s/{id}", kind.as_str()),
        Some(post) => {
            let query = cursor(connection, viewer, post, id).optional()?.flatten();
            let query = query.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
            format!("/posts/{post}{query}#comment-{id}")
        }
    };
    Ok(Hit { kind: kind.as_str(), path, title, snippet })
}

/// Where the page of a post's comments starts that shows this one.
fn cursor(
    connection: &mut DbConnection,
    viewer: Viewer,
    post_id: i64,
    id: i64,
) -> QueryResult<Option<Cursor>> {
    let withheld = access::withheld(viewer, post::facts(connection, post_id)?);
    let comment = comment::get(connection, id)?;
    comment::page_of(connection, &comment, Filter { withheld, state: None }, ROWS)
}
