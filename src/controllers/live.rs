//! The live endpoints: the channels that each serves, and the shape of their frames.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::{OptionalExtension as _, QueryResult};
use indexmap::IndexSet;
use kilonova_feed::{SessionOptions, StartAt};

use super::account::{Account, answer};
use super::posts;
use super::request::{self, Query};
use crate::access::{self, Action, Audience, PostFacts, Seen, Viewer};
use crate::connection::DbConnection;
use crate::error::{AppError, AppResult};
use crate::events;
use crate::models::{log, post, user};
use crate::pubsub::Channel;
use crate::state::State;

/// WS /feed: posts and comments, or the requested `channels`. With `as=guest`, the events are those
/// that somebody who is not signed in sees.
pub async fn feed(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Payload,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["channels", "frame", "last_event_id", "log", "as"])?;
    let account = match query.get("as") {
        None => account,
        Some("guest") => Account::nobody(&request),
        Some(_) => return Err(request::invalid("as")),
    };
    let channels = match query.get("channels") {
        None => vec![events::POSTS.into(), events::COMMENTS.into()],
        Some(names) => channels(names, state.config.max_channels_per_socket, true)?,
    };
    let posts = posts_of(&channels, events::POST_COMMENTS);
    let present = posts_of(&channels, events::PRESENCE).first().copied();
    let is_alone = channels.len() == 1;
    if channels.iter().any(|channel| *channel == events::NOTES) {
        account.permit(Action::ReadNotes)?;
    }
    if channels.iter().any(|channel| *channel == events::ADMIN) {
        account.permit(Action::ReadChannels)?;
    }
    let mut seat = None;
    if !posts.is_empty() || present.is_some() {
        let (viewer, user) = (account.viewer(), account.user().map(|user| user.id));
        let check = move |connection: &mut DbConnection| {
            posts.into_iter().try_for_each(|id| follows(connection, id, viewer))?;
            let seat =
                present.map(|id| seat_of(connection, id, viewer, user, is_alone)).transpose();
            Ok::<_, AppError>(seat?.flatten())
        };
        seat = state.db.read(check).await?;
    }
    let is_of_posts = |channel: &Channel| !channel.as_str().starts_with(events::PRESENCE);
    let is_ephemeral =
        |channel: &Channel| [events::SYSTEM, events::ADMIN].contains(&channel.as_str());
    let (ephemeral, logged): (Vec<Channel>, Vec<Channel>) =
        channels.into_iter().filter(is_of_posts).partition(is_ephemeral);
    let mut options = SessionOptions::new(logged, account.viewer()).ephemeral(ephemeral);
    if let Some((id, Seat { post, shows_name })) = present.zip(seat) {
        let name = account.user().filter(|_| shows_name).map(|user| user.username.clone());
        let is_signed_in = account.user().is_some();
        let presence = state.presence.attend(id, post, account.viewer(), name, is_signed_in);
        options = options.present(presence.map_err(AppError::internal)?);
    }
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

/// Whether the request asks for frames with HTML.
fn is_html(query: &Query) -> AppResult<bool> {
    match query.get("frame") {
        None => Ok(false),
        Some("html") => Ok(true),
        Some(_) => Err(request::invalid("frame")),
    }
}

/// Opens a WebSocket or an event stream, as requested, at the position in the request. It closes
/// when the request's sign-in ends.
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

/// Checks that a viewer may follow the comments on a post: the viewer sees the post, or saw it
/// before it was deleted, and so may learn about the deletion.
fn follows(connection: &mut DbConnection, id: i64, viewer: Viewer) -> AppResult<()> {
    match post::facts(connection, id) {
        Ok(post) => answer(access::may(viewer, Action::ReadPost(post)), "post"),
        Err(diesel::NotFound) => match has_seen(connection, id, viewer)? {
            true => Ok(()),
            false => Err(AppError::NotFound("post")),
        },
        Err(error) => Err(error.into()),
    }
}

/// Whether the log has an event about a post that the viewer may see.
fn has_seen(connection: &mut DbConnection, id: i64, viewer: Viewer) -> QueryResult<bool> {
    let seen = |audience: &str| Audience::parse(audience).seen_by(viewer) != Seen::Nothing;
    Ok(log::audiences(connection, &events::of_post(id))?.iter().any(|it| seen(it)))
}

/// The facts about somebody who may be present at a post.
struct Seat {
    post: PostFacts,
    /// Whether other readers see the name.
    shows_name: bool,
}

/// The viewer's seat at a post that it sees. If the post of an open page was withdrawn or deleted,
/// the socket continues without a seat, provided that it has other channels.
fn seat_of(
    connection: &mut DbConnection,
    id: i64,
    viewer: Viewer,
    user: Option<i64>,
    is_alone: bool,
) -> AppResult<Option<Seat>> {
    let post = post::facts(connection, id).optional()?;
    if let Some(post) = post.filter(|post| access::sees(viewer, *post)) {
        let shows_name = user.map(|user| user::shows_presence(connection, user)).transpose()?;
        return Ok(Some(Seat { post, shows_name: shows_name.unwrap_or(false) }));
    }
    match !is_alone && has_seen(connection, id, viewer)? {
        true => Ok(None),
        false => Err(AppError::NotFound("post")),
    }
}

/// The posts' ids in the channels with this prefix.
fn posts_of(channels: &[Channel], prefix: &str) -> Vec<i64> {
    let id = |channel: &Channel| channel.as_str().strip_prefix(prefix).and_then(request::parse_id);
    channels.iter().filter_map(id).collect()
}

/// Parses a list of at most `max` channels, without duplicates. Internal channels are refused like
/// channels that do not exist. A socket's list (`is_live`) may also name one presence channel and
/// the admins' channel.
pub(super) fn channels(names: &str, max: usize, is_live: bool) -> AppResult<Vec<Channel>> {
    let mut channels = IndexSet::new();
    for name in names.split(',') {
        let is_of = |prefix| name.strip_prefix(prefix).and_then(request::parse_id).is_some();
        let known = [events::POSTS, events::COMMENTS, events::NOTES, events::SYSTEM]
            .contains(&name)
            || is_of(events::POST_COMMENTS)
            || (is_live && (name == events::ADMIN || is_of(events::PRESENCE)));
        if !known || (channels.insert(Channel::from(name)) && channels.len() > max) {
            return Err(request::invalid("channels"));
        }
    }
    let channels: Vec<Channel> = channels.into_iter().collect();
    match posts_of(&channels, events::PRESENCE).len() {
        0 | 1 => Ok(channels),
        _ => Err(request::invalid("channels")),
    }
}
