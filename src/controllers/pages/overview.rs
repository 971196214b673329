//! The page for admins that shows the state of the nodes.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{page, to_sign_in};
use crate::access::Action;
use crate::controllers::account::Account;
use crate::error::{AppError, AppResult};
use crate::overview;
use crate::state::State;
use crate::views::pages::Overview;

/// GET /admin: the current numbers of this node. The page's script adds the other nodes and keeps
/// the numbers up to date.
pub async fn show(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    account.permit(Action::ReadChannels)?;
    let stopped = |_| AppError::Unavailable("the process groups have stopped");
    let sample = overview::now(&state).await.map_err(stopped)?;
    page(&state, &account, StatusCode::OK, move |_, frame| Ok(Overview { frame, sample })).await
}
