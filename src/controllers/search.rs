//! Search over JSON.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::account::Account;
use super::request::{self, Query};
use crate::access::Action;
use crate::error::{AppError, AppResult};
use crate::limits::Client;
use crate::search::{self, Answer, Kind, SearchError};
use crate::state::State;
use crate::turns::WorksFor;
use crate::views::answers;

/// GET /api/search?q=…
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["q", "kind", "limit", "cursor"])?;
    let Answer { hits, total, next, .. } =
        find(&state, account.client(&request), &account, &query, query.get("kind")).await?;
    let next = next.map(|next| next.to_string());
    Ok(HttpResponse::Ok().json(answers::Found { hits, total, next }))
}

/// The hits for the parameters `q`, `limit` and `cursor` that the account may read, of one kind if
/// it is given.
pub(super) async fn find(
    state: &State,
    client: Client,
    account: &Account,
    parameters: &Query,
    kind: Option<&str>,
) -> AppResult<Answer> {
    let words = parameters.get("q").ok_or_else(|| request::invalid("q"))?;
    state.limits.search(client)?;
    let mut query = search::Query::parse(words)?.limit(parameters.limit()?)?;
    if let Some(word) = kind {
        query = query.of_kind(Kind::parse(word).ok_or_else(|| request::invalid("kind"))?);
    }
    if account.permit(Action::ReadNotes).is_err() {
        query = query.without(Kind::Note);
    }
    if let Some(place) = parameters.parse("cursor")? {
        query = query.after(place);
    }
    let (search, limits) = (state.search.clone(), state.limits.clone());
    // In a task: a client that disconnects does not stop the search, and still pays for it.
    let work = async move {
        let answer = search.query(&query).await?;
        limits.searched(client, answer.took);
        Ok::<_, SearchError>(answer)
    };
    let answered = actix_web::rt::spawn(WorksFor::current().run(work));
    Ok(answered.await.map_err(AppError::internal)??)
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
