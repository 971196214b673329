//! Comments over JSON, and the writes that the pages share.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use diesel::OptionalExtension as _;
use serde_json::Value;

use super::account::{Account, Asker, SIGN_IN, answer, within};
use super::bin;
use super::body::Body;
use super::idempotency::{Created, Once};
use super::request::{self, Query};
use super::respond::{self, Precondition};
use super::users;
use crate::access::{self, Action, CommentFacts, CommentRules, CommentState, Viewer};
use crate::changeset::{Errors, Params};
use crate::connection::DbConnection;
use crate::db::{At, Touches, Tx};
use crate::error::{AppError, AppResult, Found};
use crate::limits::GuestComment;
use crate::models::comment::{self, Comment, CommentChanges, Filter, NewComment};
use crate::models::{bin as entries, clock, now, post};
use crate::state::State;
use crate::{events, views};

/// GET /api/posts/{id}/comments
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let viewer = account.viewer();
    let post_id = request::id(&request, "post")?;
    let query = Query::of(&request)?.only(&["cursor", "limit", "state"])?;
    let (cursor, limit, state_asked) = (query.cursor()?, query.limit()?, asked_state(&query)?);
    let list = state
        .db
        .snapshot(move |connection| {
            let post = post::facts(connection, post_id).found("post")?;
            answer(access::may(viewer, Action::ReadPost(post)), "post")?;
            let filter = Filter { withheld: access::withheld(viewer, post), state: state_asked };
            let page = comment::list(connection, post_id, filter, cursor, limit)?;
            Ok::<_, AppError>(views::list("comments", &page)?)
        })
        .await?;
    Ok(respond::list(&state.db, list))
}

/// The `state` parameter of a list.
fn asked_state(query: &Query) -> AppResult<Option<CommentState>> {
    let parse = |word| CommentState::parse(word).ok_or_else(|| request::invalid("state"));
    query.get("state").map(parse).transpose()
}

/// GET /api/comments: those that await approval, on posts whose comments the account moderates.
pub async fn held(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    account.permit(Action::ReadHeld)?;
    let query = Query::of(&request)?.only(&["cursor", "limit", "state"])?;
    if asked_state(&query)?.is_some_and(|state| state != CommentState::Held) {
        return Err(request::invalid("state"));
    }
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let of_posts = access::moderated(account.viewer());
    let list = state.db.snapshot(move |connection| {
        let page = comment::held(connection, of_posts, cursor, limit)?;
        Ok::<_, AppError>(views::list("comments", &page)?)
    });
    Ok(respond::list(&state.db, list.await?))
}

/// POST /api/posts/{id}/comments
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let post_id = request::id(&request, "post")?;
    let (settings, counted) = permit_comment(&state, &request, &account)?;
    if account.has_ended() {
        // An ended sign-in does not continue as a guest.
        return Err(SIGN_IN);
    }
    let params = body.json().await?;
    let (author, asker) = (account.user(), account.asker.clone());
    let new = NewComment::changeset_by(&params, author);
    let once = Once::of(&request, author, &params)?;
    let outcome = once.transact(&state.db, Touches::ExistingRows, move |tx| {
        let comment = insert(tx, &asker, post_id, settings, new)?;
        Ok(Created::of(&comment)?.about(events::of_comment(&comment)))
    });
    let outcome = outcome.await?;
    if let Some(counted) = counted
        && !outcome.replayed
    {
        counted.written();
    }
    Ok(respond::created(&state.db, outcome))
}

/// The configured rules for new comments.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    rules: CommentRules,
    quota: Option<i64>,
    /// The most comments of guests that may await approval.
    held: Option<i64>,
}

/// Fails with 401 for guests who may not comment and with 429 over the rate limit, before the body
/// is read. For a guest, the returned count must be marked once the comment is written.
pub(super) fn permit_comment<'a>(
    state: &'a State,
    request: &HttpRequest,
    account: &Account,
) -> AppResult<(Settings, Option<GuestComment<'a>>)> {
    let quotas = &state.config.quotas;
    let rules = state.config.comments;
    let settings = Settings { rules, quota: quotas.comments, held: quotas.held_comments };
    if !settings.rules.guests {
        account.permit_writing()?;
    }
    let client = account.client(request);
    state.limits.comment(client)?;
    let is_guest = account.viewer() == Viewer::Nobody;
    let counted = is_guest.then(|| state.limits.guest_comment(client)).transpose()?;
    Ok((settings, counted))
}

/// Writes a new comment and announces it on the channel of all comments and, if it is visible, on
/// that of its post. A missing post is reported before invalid fields.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    asker: &Asker,
    post_id: i64,
    settings: Settings,
    new: Result<NewComment, Errors>,
) -> AppResult<Comment> {
    let thread = post::thread(tx.connection, post_id, settings.rules).found("post")?;
    let viewer = asker.permit(tx.connection, Action::WriteComment(thread), "post")?;
    let new = new?;
    users::refuse_guest(tx.connection, viewer, new.guest())?;
    within(
        settings.quota,
        viewer,
        "this account has reached its limit of comments",
        |account, quota| entries::has_comments(tx.connection, account, quota),
    )?;
    if let (Viewer::Nobody, Some(most)) = (viewer, settings.held)
        && comment::guests_hold(tx.connection, most)?
    {
        const WAIT: Duration = Duration::from_secs(60 * 60);
        return Err(AppError::too_many("too many comments wait for approval", WAIT));
    }
    let is_held =
        access::is_held(viewer, thread, |account| comment::has_visible(tx.connection, account))?;
    let state = if is_held { CommentState::Held } else { CommentState::Visible };
    let comment = comment::insert(tx.connection, post_id, new, state, now())?;
    tx.announce(events::comment_created(&comment, thread.post)?);
    if state == CommentState::Visible {
        tx.announce(events::new_comment(&comment, thread.post)?);
    }
    Ok(comment)
}

/// PUT /api/comments/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    let params = body.json().await?;
    let changes = CommentChanges::changeset(&params);
    let (precondition, asker) = (Precondition::of(&request), account.asker);
    let comment = state
        .db
        .transaction(move |tx| {
            let comment = comment::get(tx.connection, id).found("comment")?;
            let facts = facts(tx.connection, &comment)?;
            asker.permit(tx.connection, Action::ChangeComment(facts), "comment")?;
            precondition.check(&comment)?;
            let (comment, changed) = comment::update(tx.connection, comment, changes?)?;
            if changed {
                tx.announce(events::comment_updated(&comment, facts.post)?);
            }
            Ok::<_, AppError>(comment)
        })
        .await?;
    respond::single(&request, &state.db, &comment)
}

/// PATCH /api/comments/{id}
pub async fn moderate(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    let params = body.json().await?;
    let precondition = Precondition::of(&request);
    let comment = set_state(&state, &account, id, &params, precondition).await?;
    respond::single(&request, &state.db, &comment)
}

/// Gives a comment the state in the parameters, and announces the change. The parameter `seen` is
/// the digest of the text that the moderator has read.
pub(super) async fn set_state(
    state: &State,
    account: &Account,
    id: i64,
    params: &Params,
    precondition: Precondition,
) -> AppResult<At<Comment>> {
    let asker = account.asker.clone();
    let asked = comment::new_state(params);
    let seen = params.get("seen").and_then(Value::as_str).map(ToOwned::to_owned);
    let changed = state.db.transaction(move |tx| {
        let before = comment::get(tx.connection, id).found("comment")?;
        let facts = facts(tx.connection, &before)?;
        asker.permit(tx.connection, Action::ModerateComment(facts), "comment")?;
        precondition.check(&before)?;
        if seen.is_some_and(|seen| seen != before.digest()) {
            // Only the text that the moderator has read may be approved.
            return Err(AppError::PreconditionFailed);
        }
        let (asked, was) = (asked?, before.state);
        if asked == was {
            return Ok(before);
        }
        let comment = comment::set_state(tx.connection, before, asked)?;
        for event in events::of_state(was, &comment, facts.post)? {
            tx.announce(event);
        }
        Ok::<_, AppError>(comment)
    });
    changed.await
}

/// DELETE /api/comments/{id}
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.permit_writing()?;
    remove(&state, &account, id, Precondition::of(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Permanently deletes a comment, in the bin or not, and announces it unless it was in the bin.
async fn remove(
    state: &State,
    account: &Account,
    id: i64,
    precondition: Precondition,
) -> AppResult<()> {
    let asker = account.asker.clone();
    let deleted = state.db.transaction(move |tx| {
        let Some(comment) = comment::get(tx.connection, id).optional()? else {
            return bin::discard_comment(tx, &asker, id, &precondition);
        };
        let facts = facts(tx.connection, &comment)?;
        asker.permit(tx.connection, Action::DeleteComment(facts), "comment")?;
        precondition.check(&comment)?;
        comment::delete(tx.connection, id)?;
        tx.announce(events::comment_deleted(&comment, facts.post)?);
        Ok::<_, AppError>(())
    });
    deleted.await?;
    Ok(())
}

/// Moves a comment to the bin and announces that it is deleted. Returns the comment and the id of
/// its entry in the bin.
pub(super) async fn put_in_bin(
    state: &State,
    account: &Account,
    id: i64,
) -> AppResult<(Comment, i64)> {
    let asker = account.asker.clone();
    let moved = state.db.transaction(move |tx| {
        let comment = comment::get(tx.connection, id).found("comment")?;
        let facts = facts(tx.connection, &comment)?;
        let viewer = asker.permit(tx.connection, Action::DeleteComment(facts), "comment")?;
        let now = clock(tx.connection)?;
        let entry = entries::put_comment(tx.connection, &comment, viewer.account(), now)?;
        tx.announce(events::comment_deleted(&comment, facts.post)?);
        Ok::<_, AppError>((comment, entry))
    });
    Ok(moved.await?.value)
}

/// The facts that decide who may change a comment.
fn facts(connection: &mut DbConnection, comment: &Comment) -> AppResult<CommentFacts> {
    Ok(comment.facts(post::facts(connection, comment.post_id)?))
}
