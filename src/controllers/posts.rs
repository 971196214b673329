//! Posts over JSON, and the writes that the pages share.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use diesel::OptionalExtension as _;
use serde_json::Value;

use super::account::{Account, Asker, answer, within};
use super::bin;
use super::body::Body;
use super::idempotency::{Created, Once};
use super::request::{self, Query};
use super::respond::{self, Precondition};
use crate::access::{self, Action, Viewer};
use crate::changeset::Params;
use crate::connection::DbConnection;
use crate::db::{At, Touches, Tx};
use crate::error::{AppError, AppResult, Found};
use crate::models::post::{self, Filter, NewPost, Post, PostChanges, Status};
use crate::models::working_copy::{self, Of, Window};
use crate::models::{bin as entries, clock, now};
use crate::state::State;
use crate::{events, views};

/// GET /api/posts
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?.only(&["status", "tag", "cursor", "limit"])?;
    let filter = filter(&query, &account)?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let list = state.db.snapshot(move |connection| {
        let page = post::list(connection, &filter, cursor, limit)?;
        Ok::<_, AppError>(views::list("posts", &page)?)
    });
    Ok(respond::list(&state.db, list.await?))
}

/// GET /api/posts/{id}
pub async fn show(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let viewer = account.viewer();
    let post = state.db.snapshot(move |connection| visible(connection, id, viewer)).await?;
    respond::single(&request, &state.db, &post)
}

/// POST /api/posts
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.permit(Action::WritePost)?;
    let params = body.json().await?;
    let (author, asker) = (account.user(), account.asker.clone());
    let new = NewPost::changeset(&params, now()).map(|new| new.by(author));
    let once = Once::of(&request, author, &params)?;
    // A repeated request gets its stored response even if its scheduled time has passed since.
    let new = if once.is_keyed() { new } else { Ok(new?) };
    let quota = state.config.quotas.posts;
    let outcome = once.transact(&state.db, Touches::NewRows, move |tx| {
        let post = insert(tx, &asker, quota, new?)?;
        let created = Created::of(&post)?.about(events::of_post(post.id));
        Ok(created.at(format!("/api/posts/{}", post.id)))
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// Writes a new post and announces it.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    asker: &Asker,
    quota: Option<i64>,
    new: NewPost,
) -> AppResult<Post> {
    let viewer = asker.permit(tx.connection, Action::WritePost, "post")?;
    within(quota, viewer, "this account has reached its limit of posts", |account, quota| {
        entries::has_posts(tx.connection, account, quota)
    })?;
    let post = post::insert(tx.connection, new, now())?;
    tx.announce(events::post_created(&post)?);
    Ok(post)
}

/// PUT or PATCH /api/posts/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    account.permit_writing()?;
    let params = body.json().await?;
    let post = change(&state, &account, id, &params, Precondition::of(&request)).await?;
    respond::single(&request, &state.db, &post)
}

/// DELETE /api/posts/{id}
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    account.permit_writing()?;
    remove(&state, &account, id, Precondition::of(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A post that the viewer may see. Fails with 404 for others.
pub(super) fn visible(connection: &mut DbConnection, id: i64, viewer: Viewer) -> AppResult<Post> {
    let post = post::get(connection, id).found("post")?;
    answer(access::may(viewer, Action::ReadPost(post.facts())), "post")?;
    Ok(post)
}

/// The filter for the parameters `status` and `tag`, limited to the posts that the account may
/// list.
pub(super) fn filter(query: &Query, account: &Account) -> AppResult<Filter> {
    let status = match query.get("status") {
        None => Status::Published,
        Some(word) => Status::parse(word).ok_or_else(|| request::invalid("status"))?,
    };
    let drafts = access::drafts(account.viewer());
    Ok(Filter { status, tag: query.parse("tag")?, author: None, drafts })
}

/// Changes a post and announces it, unless nothing changes. A missing post is reported before
/// invalid fields.
pub(super) async fn change(
    state: &State,
    account: &Account,
    id: i64,
    params: &Params,
    precondition: Precondition,
) -> AppResult<At<Post>> {
    let changes = PostChanges::changeset(params);
    let refused = changes.is_err().then(|| params.clone());
    let window = precondition.is_of_form().then(|| Window::of(params));
    let asker = account.asker.clone();
    state
        .db
        .transaction(move |tx| {
            let before = post::get(tx.connection, id).found("post")?;
            let action = Action::ChangePost(before.facts());
            let viewer = asker.permit(tx.connection, action, "post")?;
            precondition.check(&before)?;
            if let (Some(account), Some(window)) = (viewer.account(), window) {
                working_copy::saved(tx.connection, account, &Of::Post(id), &window)?;
            }
            let is_stale = is_stale(&precondition, &before)?;
            // An imported title or body that breaks the rules may stay as it is.
            let changes = match refused {
                Some(params) => PostChanges::changeset(&changed(params, &before)),
                None => changes,
            };
            let after = changes.and_then(|changes| changes.applied(&before, now()));
            if is_stale {
                return respond::settle(before, after.ok());
            }
            let updated = post::update(tx.connection, before, after?, viewer.account(), now())?;
            for event in events::of_update(&updated)? {
                tx.announce(event);
            }
            Ok(updated.after)
        })
        .await
}

/// Whether a form was made from another version of a post. Locking the comments does not count,
/// since the form does not show it.
fn is_stale(precondition: &Precondition, post: &Post) -> AppResult<bool> {
    let other = || Post { comments_locked: !post.comments_locked, ..post.clone() };
    Ok(precondition.is_stale(post)? && precondition.is_stale(&other())?)
}

/// The parameters without a title and a body that are the same as the post's.
fn changed(mut params: Params, post: &Post) -> Params {
    for (name, text) in [("title", &post.title), ("body", &post.body)] {
        if params.get(name).and_then(Value::as_str) == Some(text) {
            params.remove(name);
        }
    }
    params
}

/// Permanently deletes a post with its comments, in the bin or not, and announces it unless it was
/// in the bin.
async fn remove(
    state: &State,
    account: &Account,
    id: i64,
    precondition: Precondition,
) -> AppResult<()> {
    let asker = account.asker.clone();
    state
        .db
        .transaction(move |tx| {
            let Some(post) = post::get(tx.connection, id).optional()? else {
                return bin::discard_post(tx, &asker, id, &precondition);
            };
            asker.permit(tx.connection, Action::ChangePost(post.facts()), "post")?;
            precondition.check(&post)?;
            post::delete(tx.connection, id)?;
            entries::discard_of_post(tx.connection, id)?;
            tx.announce(events::post_deleted(&post)?);
            Ok::<_, AppError>(())
        })
        .await?;
    Ok(())
}

/// Moves a post with its comments to the bin and announces that it is deleted. Returns the id of
/// its entry in the bin.
pub(super) async fn put_in_bin(state: &State, account: &Account, id: i64) -> AppResult<i64> {
    let asker = account.asker.clone();
    let moved = state.db.transaction(move |tx| {
        let post = post::get(tx.connection, id).found("post")?;
        let viewer = asker.permit(tx.connection, Action::ChangePost(post.facts()), "post")?;
        let now = clock(tx.connection)?;
        let (entry, bytes) = entries::put_post(tx.connection, &post, viewer.account(), now)?;
        tx.moved(bytes);
        tx.announce(events::post_deleted(&post)?);
        Ok::<_, AppError>(entry)
    });
    Ok(moved.await?.value)
}
