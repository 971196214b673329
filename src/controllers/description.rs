//! The documents that describe the API. They are the same for everyone, and need no database.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::respond;
use crate::description::Document;
use crate::state::State;

/// GET /api/openapi.json
pub async fn openapi(state: Data<State>, request: HttpRequest) -> HttpResponse {
    answer(&state.description.openapi, &request)
}

/// GET /api/asyncapi.json
pub async fn asyncapi(state: Data<State>, request: HttpRequest) -> HttpResponse {
    answer(&state.description.asyncapi, &request)
}

fn answer(document: &Document, request: &HttpRequest) -> HttpResponse {
    let json = || document.json.clone();
    respond::revalidated(request, "application/json", &document.etag, json)
}
