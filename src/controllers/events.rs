//! The log over JSON: the events after a position.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use kilonova_feed::{Event, Visibility};

use super::account::Account;
use super::live;
use super::request::{self, Query};
use super::respond;
use crate::error::{AppError, AppResult};
use crate::models::log;
use crate::site_log;
use crate::state::State;
use crate::views::answers;

/// GET /api/events?after=N: 410 if events after N were pruned, or if N is in the future or belongs
/// to another log.
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["after", "channel", "limit", "log"])?;
    let after = query.position("after")?.ok_or_else(|| request::invalid("after"))?;
    let channels = query
        .get("channel")
        .map(|name| live::channels(name, 1, false).map_err(|_| request::invalid("channel")));
    let channels = channels.transpose()?;
    let limit = query.limit()?;
    let foreign = query.get("log").is_some_and(|log| log != state.db.log_id());
    let viewer = account.viewer();
    let list = state
        .db
        .snapshot(move |connection| {
            let log = log::state(connection)?;
            if foreign || after > log.position || after < log.oldest - 1 {
                return Err(AppError::Gone(log.oldest));
            }
            let page = log::after(connection, after, channels.as_deref(), limit)?;
            let seen = |event: &Event| match site_log::visibility(viewer, event) {
                Visibility::Whole => Some(answers::Event::of(event)),
                Visibility::Reduced(event) => Some(answers::Event::of(&event)),
                _ => None,
            };
            let events = page.events.iter().filter_map(seen).collect();
            let list = answers::Events { events, last_event_id: page.through };
            Ok(serde_json::to_string(&list)?)
        })
        .await?;
    Ok(respond::list(&state.db, list))
}
