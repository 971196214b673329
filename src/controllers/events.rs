//! The log over JSON: what happened after a position.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::request::{self, Query};
use super::respond;
use crate::error::{AppError, AppResult};
use crate::events::replay;
use crate::models::event;
use crate::state::State;

/// GET /api/events?after=N: 410 when events after N are gone, as they are
/// when N is in the future or of another log.
pub async fn index(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?;
    let after = query.position("after")?.ok_or_else(|| request::invalid("after"))?;
    let channels = query.parse::<String>("channel")?.map(|channel| vec![channel]);
    let limit = query.limit()?;
    let foreign = query.get("log").is_some_and(|log| log != state.db.log_id());
    let slice = state
        .db
        .snapshot(move |connection| {
            let (newest, oldest) = replay::bounds(connection)?;
            if foreign || after > newest || after < oldest - 1 {
                return Err(AppError::Gone(oldest));
            }
            Ok(event::slice(connection, after, channels.as_deref(), limit)?)
        })
        .await?;
    let body = json!({ "events": slice.value.events, "last_event_id": slice.value.through });
    Ok(respond::list(&state.db, slice.position, body))
}
