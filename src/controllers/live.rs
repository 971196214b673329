//! The live endpoints: which channels each serves, in which shape.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use indexmap::IndexSet;
use kilonova_feed::{SessionOptions, StartAt};

use super::account::{Account, answer};
use super::posts;
use super::request::{self, Query};
use crate::access::{self, Action, Audience, Seen, Viewer};
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult};
use crate::events;
use crate::models::{log, post};
use crate::pubsub::Channel;
use crate::state::State;

/// WS /feed: posts and comments, or the `channels` that are asked for.
pub async fn feed(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Payload,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["channels", "frame", "last_event_id", "log"])?;
    let channels = match query.get("channels") {
        None => vec![events::POSTS.into(), events::COMMENTS.into()],
        Some(names) => channels(names, state.config.max_channels_per_socket)?,
    };
    let post = |channel: &Channel| {
        channel.as_str().strip_prefix(events::POST_COMMENTS).and_then(request::parse_id)
    };
    let posts: Vec<i64> = channels.iter().filter_map(post).collect();
    if channels.iter().any(|channel| *channel == events::NOTES) {
        account.permit(Action::ReadNotes)?;
    }
    if !posts.is_empty() {
        let viewer = account.viewer();
        let check = move |connection: &mut DbConnection| {
            posts.into_iter().try_for_each(|id| follows(connection, id, viewer))
        };
        state.db.read(check).await?;
    }
    let (ephemeral, logged): (Vec<Channel>, Vec<Channel>) =
        channels.into_iter().partition(|channel| *channel == events::SYSTEM);
    let mut options = SessionOptions::new(logged, account.viewer()).ephemeral(ephemeral);
    if is_html(&query)? {
        options = options.shape(state.shapes.html);
    }
    open(&state, &request, body, &account, options).await
}

/// WS /posts/{id}/comments/ws: a post's new comments.
pub async fn post_comments(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Payload,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let query = Query::of(&request)?.only(&["frame", "last_event_id", "log"])?;
    let shape = match query.get("frame") {
        None => state.shapes.payload,
        Some("event") => state.shapes.event,
        Some("html") => state.shapes.html,
        Some(_) => return Err(request::invalid("frame")),
    };
    let viewer = account.viewer();
    state.db.read(move |connection| posts::visible(connection, id, viewer)).await?;
    let options = SessionOptions::new([events::post_comments(id)], viewer).shape(shape);
    open(&state, &request, body, &account, options).await
}

/// WS /notifications: notes.
pub async fn notifications(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Payload,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["frame", "last_event_id", "log"])?;
    account.permit(Action::ReadNotes)?;
    let shape = if is_html(&query)? { state.shapes.html } else { state.shapes.event };
    let options = SessionOptions::new([events::NOTES], account.viewer()).shape(shape);
    open(&state, &request, body, &account, options).await
}

/// Whether the frames are to hold HTML.
fn is_html(query: &Query) -> AppResult<bool> {
    match query.get("frame") {
        None => Ok(false),
        Some("html") => Ok(true),
        Some(_) => Err(request::invalid("frame")),
    }
}

/// Opens a socket or a stream, whichever the request asks for, where it says that it has come. It
/// ends with the sign-in of the request.
async fn open(
    state: &State,
    request: &HttpRequest,
    body: Payload,
    account: &Account,
    options: SessionOptions<Viewer>,
) -> AppResult<HttpResponse> {
    let mut options = options.start(StartAt::from_request(request)?);
    if let Some((sign_in, as_of)) = account.grant() {
        options = options.grant(sign_in, as_of);
    }
    Ok(state.feed.open(request, body, options).await?)
}

/// Whether a viewer may follow the comments of a post: one that it sees, or one that was deleted and
/// that it has seen, to learn just that.
fn follows(connection: &mut DbConnection, id: i64, viewer: Viewer) -> AppResult<()> {
    match post::facts(connection, id) {
        Ok(post) => answer(access::may(viewer, Action::ReadPost(post)), "post"),
        Err(diesel::NotFound) => {
            let seen = |audience: &str| Audience::parse(audience).seen_by(viewer) != Seen::Nothing;
            match log::audiences(connection, &events::of_post(id))?.iter().any(|it| seen(it)) {
                true => Ok(()),
                false => Err(AppError::NotFound("post")),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// The channels that a list names, each once and no more than `max`. Those that browsers are not
/// sent are refused like those that do not exist.
pub(super) fn channels(names: &str, max: usize) -> AppResult<Vec<Channel>> {
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
