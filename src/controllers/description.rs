//! The documents that describe the API. They are the same for everyone, and need no database.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::respond::{self, Precondition};
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
    match Precondition::of(request).known(&document.etag) {
        Some(known) => respond::unchanged(&known),
        None => respond::document("application/json", &document.etag, document.json.clone()),
    }
}
