//! The live endpoints: which channels each serves, in which shape.

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use indexmap::IndexSet;

use super::request::{self, Query};
use crate::error::{AppResult, Found};
use crate::events;
use crate::live::frame::Shape;
use crate::live::{Subscription, sse, websocket};
use crate::models::post;
use crate::pubsub::Channel;
use crate::state::State;

/// WS /feed: posts and comments, or the `channels` that are asked for.
pub async fn feed(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let channels = match Query::of(&request)?.get("channels") {
        None => vec![events::POSTS.into(), events::COMMENTS.into()],
        Some(names) => channels(names, state.config.max_channels_per_socket)?,
    };
    open(state, request, channels, Shape::Channel).await
}

/// WS /posts/{id}/comments/ws: a post's new comments.
pub async fn post_comments(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let shape = match Query::of(&request)?.get("frame") {
        None => Shape::Payload,
        Some("event") => Shape::Event,
        Some(_) => return Err(request::invalid("frame")),
    };
    state.db.read(move |connection| post::status(connection, id).found("post")).await?;
    let channels = vec![events::post_comments(id).into()];
    open(state, request, channels, shape).await
}

/// WS /notifications: notes.
pub async fn notifications(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let channels = vec![events::NOTES.into()];
    open(state, request, channels, Shape::Event).await
}

/// Opens a socket or a stream, as the request asks. Both start where it says that it has come.
async fn open(
    state: Data<State>,
    request: HttpRequest,
    channels: Vec<Channel>,
    shape: Shape,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?;
    // A HEAD has no body to stream events in.
    let streams = request.method() == Method::GET
        && !asks_for_socket(request.headers())
        && crate::negotiation::accepts_events(request.headers());
    // A browser's EventSource keeps its first URL and tells in the header what came since.
    let told = request.headers().get("last-event-id").filter(|_| streams);
    let after = match told {
        Some(value) => Some(request::position("Last-Event-ID", value.to_str().unwrap_or(""))?),
        None => query.position("last_event_id")?,
    };
    let log = query.get("log").map(ToOwned::to_owned);
    let subscription = Subscription { channels, shape, after, log };
    if streams {
        sse::open(&request, &state.live, subscription).await
    } else {
        websocket::open(&request, &state.live, subscription).await
    }
}

/// Another upgrade that is offered, as `h2c` is by some clients, need not be taken.
fn asks_for_socket(headers: &HeaderMap) -> bool {
    headers.get_all(header::UPGRADE).any(|upgrade| {
        upgrade.to_str().is_ok_and(|upgrade| upgrade.to_ascii_lowercase().contains("websocket"))
    })
}

/// The channels that a list names, each once and no more than `max`. Those that browsers are not sent are refused like
/// those that do not exist.
fn channels(names: &str, max: usize) -> AppResult<Vec<Channel>> {
    let mut channels = IndexSet::new();
    for name in names.split(',') {
        let known = [events::POSTS, events::COMMENTS, events::NOTES, events::SYSTEM]
            .contains(&name)
            || name
                .strip_prefix(events::POST_COMMENTS)
                .is_some_and(|id| request::parse_id(id).is_some());
        if !known || (channels.insert(Channel::from(name)) && channels.len() > max) {
            return Err(request::invalid("channels"));
        }
    }
    Ok(channels.into_iter().collect())
}
