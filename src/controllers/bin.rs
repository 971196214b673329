//! Restoring and permanently deleting posts and comments in the bin. The pages do both; the API
//! deletes permanently, at the addresses of the posts and comments.

use diesel::OptionalExtension as _;

use super::account::{Account, Asker};
use super::respond::Precondition;
use crate::access::{Action, Status};
use crate::db::Tx;
use crate::error::{AppError, AppResult, Found};
use crate::events;
use crate::models::bin::{self, Entry};
use crate::models::post::{self, Post};
use crate::models::{clock, comment};
use crate::state::State;

/// The name of a missing entry in messages.
const ENTRY: &str = "deleted post or comment";

const WITHOUT_POST: AppError =
    AppError::Conflict("the post of this comment is in the bin; restore the post first");

/// Restores an entry and announces it. A post whose scheduled time has passed becomes a draft.
/// Returns the path of the page that shows it.
pub(super) async fn restore(state: &State, account: &Account, id: i64) -> AppResult<String> {
    let asker = account.asker.clone();
    let restored = state.db.transaction(move |tx| {
        let entry = bin::get(tx.connection, id).found(ENTRY)?;
        let facts = bin::facts(tx.connection, &entry).found(ENTRY)?;
        let viewer = asker.permit(tx.connection, Action::Restore(facts.access), ENTRY)?;
        if facts.is_without_post {
            return Err(WITHOUT_POST);
        }
        let bytes = bin::take_out(tx.connection, &entry)?;
        tx.moved(bytes);
        match entry.comment_id {
            None => restored_post(tx, entry.post_id, viewer.account())?,
            Some(id) => {
                let comment = comment::get(tx.connection, id)?;
                let post = post::facts(tx.connection, comment.post_id)?;
                tx.announce(events::comment_created(&comment, post)?);
            }
        }
        Ok::<_, AppError>(entry.place())
    });
    Ok(restored.await?.value)
}

fn restored_post(tx: &mut Tx<'_>, id: i64, by: Option<i64>) -> AppResult<()> {
    let mut post = post::get(tx.connection, id)?;
    let now = clock(tx.connection)?;
    if post.status == Status::Scheduled && post.publish_at.is_some_and(|due| due <= now) {
        // An undo must not publish.
        let draft = Post { status: Status::Draft, publish_at: None, ..post.clone() };
        post = post::update(tx.connection, post, draft, by, now)?.after;
    }
    for event in events::of_restored(&post)? {
        tx.announce(event);
    }
    Ok(())
}

/// Permanently deletes an entry. Its deletion was announced when it was moved to the bin.
pub(super) async fn discard(state: &State, account: &Account, id: i64) -> AppResult<()> {
    let asker = account.asker.clone();
    let discarded = state.db.transaction(move |tx| {
        let entry = bin::get(tx.connection, id).found(ENTRY)?;
        discard_in(tx, &asker, &entry, ENTRY)
    });
    discarded.await?;
    Ok(())
}

/// Permanently deletes a post in the bin, by the post's id.
pub(super) fn discard_post(
    tx: &mut Tx<'_>,
    asker: &Asker,
    id: i64,
    precondition: &Precondition,
) -> AppResult<()> {
    let entry = bin::of_post(tx.connection, id).found("post")?;
    let post = bin::post(tx.connection, id)?;
    discard_in(tx, asker, &entry, "post")?;
    precondition.check(&post)
}

/// Permanently deletes a comment in the bin, by its id. It may be there on its own or with its
/// post.
pub(super) fn discard_comment(
    tx: &mut Tx<'_>,
    asker: &Asker,
    id: i64,
    precondition: &Precondition,
) -> AppResult<()> {
    let comment = bin::comment(tx.connection, id).found("comment")?;
    match bin::of_comment(tx.connection, id).optional()? {
        Some(entry) => discard_in(tx, asker, &entry, "comment")?,
        None => {
            let post = bin::post(tx.connection, comment.post_id)?.facts();
            let delete = Action::DeleteComment(comment.facts(post));
            asker.permit(tx.connection, delete, "comment")?;
            bin::discard_with_post(tx.connection, id)?;
        }
    }
    precondition.check(&comment)
}

fn discard_in(tx: &mut Tx<'_>, asker: &Asker, entry: &Entry, what: &'static str) -> AppResult<()> {
    let facts = bin::facts(tx.connection, entry).found(what)?;
    asker.permit(tx.connection, Action::Discard(facts.access), what)?;
    Ok(bin::discard(tx.connection, entry)?)
}
