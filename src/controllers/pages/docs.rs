//! The page of the API's documents.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::page;
use crate::controllers::account::Account;
use crate::error::AppResult;
use crate::state::State;
use crate::views::pages::Docs;

/// GET /api/docs
pub async fn show(state: Data<State>, account: Account) -> AppResult<HttpResponse> {
    let reference = Arc::clone(&state.reference);
    page(&state, &account, StatusCode::OK, move |_, frame| Ok(Docs { frame, reference })).await
}
