//! The events: which there are, on which channels, and how the committed ones go out.
//!
//! Owns the vocabulary of channels and topics. The table is `models::event`'s, the groups are
//! `pubsub`'s.

mod order;
pub mod relay;

use serde_json::{Error, json};

use crate::models::comment::Comment;
use crate::models::event::NewEvent;
use crate::models::note::Note;
use crate::models::post::{Post, Status, Updated};

/// Posts: created, updated, published, deleted.
pub const POSTS: &str = "posts";
/// Comments on all posts: created, updated, deleted.
pub const COMMENTS: &str = "comments";
/// Notes: created, updated, deleted.
pub const NOTES: &str = "notes";

/// The application itself: a new version. Ephemeral.
pub const SYSTEM: &str = "system";
/// What the channels of single posts' new comments begin with; the post's id follows.
pub const POST_COMMENTS: &str = "post_comments_";

/// The channel of one post's new comments.
pub fn post_comments(post_id: i64) -> String {
    format!("{POST_COMMENTS}{post_id}")
}

/// A post was written.
pub fn post_created(post: &Post) -> Result<NewEvent, Error> {
    NewEvent::new(POSTS, "post_created", post_subject(post.id), post)
}

/// A post was changed.
pub fn post_updated(post: &Post) -> Result<NewEvent, Error> {
    NewEvent::new(POSTS, "post_updated", post_subject(post.id), post)
}

/// A change made a post published that was not; follows its `post_updated`.
pub fn post_published(post: &Post) -> Result<NewEvent, Error> {
    NewEvent::new(POSTS, "post_published", post_subject(post.id), post)
}

/// What an update of a post is told by: nothing when it changed nothing.
pub fn of_update(updated: &Updated) -> Result<Vec<NewEvent>, Error> {
    let Updated { before, after } = updated;
    if before == after {
        return Ok(Vec::new());
    }
    let mut events = vec![post_updated(after)?];
    if after.status == Status::Published && before.status != Status::Published {
        events.push(post_published(after)?);
    }
    Ok(events)
}

/// A post was deleted, its comments with it.
pub fn post_deleted(id: i64) -> Result<NewEvent, Error> {
    NewEvent::new(POSTS, "post_deleted", post_subject(id), &json!({ "id": id }))
}

/// A comment was written, told to who follows all comments.
pub fn comment_created(comment: &Comment) -> Result<NewEvent, Error> {
    NewEvent::new(COMMENTS, "comment_created", comment_subject(comment.id), comment)
}

/// A comment was written, told to who follows its post.
pub fn new_comment(comment: &Comment) -> Result<NewEvent, Error> {
    let channel = post_comments(comment.post_id);
    NewEvent::new(channel, "new_comment", comment_subject(comment.id), comment)
}

/// A comment was changed.
pub fn comment_updated(comment: &Comment) -> Result<NewEvent, Error> {
    NewEvent::new(COMMENTS, "comment_updated", comment_subject(comment.id), comment)
}

/// A comment was deleted.
pub fn comment_deleted(comment: &Comment) -> Result<NewEvent, Error> {
    let payload = json!({ "id": comment.id, "post_id": comment.post_id });
    NewEvent::new(COMMENTS, "comment_deleted", comment_subject(comment.id), &payload)
}

/// A note was written.
pub fn note_created(note: &Note) -> Result<NewEvent, Error> {
    NewEvent::new(NOTES, "note_created", note_subject(note.id), note)
}

/// A note was changed.
pub fn note_updated(note: &Note) -> Result<NewEvent, Error> {
    NewEvent::new(NOTES, "note_updated", note_subject(note.id), note)
}

/// A note was deleted.
pub fn note_deleted(id: i64) -> Result<NewEvent, Error> {
    NewEvent::new(NOTES, "note_deleted", note_subject(id), &json!({ "id": id }))
}

fn post_subject(id: i64) -> String {
    format!("post:{id}")
}

fn comment_subject(id: i64) -> String {
    format!("comment:{id}")
}

fn note_subject(id: i64) -> String {
    format!("note:{id}")
}
