//! The site's events, with their channels, subjects and audiences.
//!
//! This module owns the vocabulary. `kilonova_feed` owns the log and delivery.

pub mod outage;
pub mod pruner;
pub mod sample;
pub mod words;

use kilonova_feed::{NewEvent, Subject};
use serde::Serialize;
use serde_json::Error;

use self::words::{Deleted, DeletedComment, LoggedIn};
use crate::access::{Audience, CommentState, PostFacts};
use crate::models::comment::Comment;
use crate::models::note::Note;
use crate::models::post::{Post, Status, Updated};
use crate::pubsub::{Payload, PubSub};

/// Posts: created, updated, published, deleted.
pub const POSTS: &str = "posts";
/// Comments on all posts: created, updated, deleted.
pub const COMMENTS: &str = "comments";
/// Notes: created, updated, deleted.
pub const NOTES: &str = "notes";
/// Users: `logged_in`. Ephemeral, and not sent to browsers.
pub const USERS: &str = "users";

/// The application itself: `deploy` when a node has started, for all nodes; `database` when this
/// node loses its database and when it reconnects, for this node's members. Ephemeral.
pub const SYSTEM: &str = "system";
/// The state of the nodes, for admins: one `sample` per node per second while an admin is watching.
/// Ephemeral.
pub const ADMIN: &str = "admin";
/// Messages between nodes about themselves. Ephemeral, and not sent to browsers.
pub const NODES: &str = "nodes";
/// The prefix of the channels for new comments on a single post; the post's id follows.
pub const POST_COMMENTS: &str = "post_comments_";

/// The prefix of the channels for the readers of a single post; the post's id follows. Ephemeral.
pub const PRESENCE: &str = "presence_";

/// The channel for the readers of a post.
pub fn presence(post_id: i64) -> String {
    format!("{PRESENCE}{post_id}")
}

/// The channel of one post's new comments.
pub fn post_comments(post_id: i64) -> String {
    format!("{POST_COMMENTS}{post_id}")
}

/// A post was written.
pub fn post_created(post: &Post) -> Result<NewEvent, Error> {
    post_event(words::POST_CREATED, post)
}

/// A post was changed.
pub fn post_updated(post: &Post) -> Result<NewEvent, Error> {
    post_event(words::POST_UPDATED, post)
}

/// A change published a post; follows its `post_updated`.
pub fn post_published(post: &Post) -> Result<NewEvent, Error> {
    post_event(words::POST_PUBLISHED, post)
}

/// The events for an update of a post; none if nothing changed.
pub fn of_update(updated: &Updated) -> Result<Vec<NewEvent>, Error> {
    let Updated { before, after } = updated;
    if before == after {
        return Ok(Vec::new());
    }
    let mut told = post_updated(after)?;
    if before.status.is_public() && !after.status.is_public() {
        told = told.for_audience(Audience::Withdrawn(after.user_id).to_string()).redacting();
    }
    let mut events = vec![told];
    if after.status == Status::Published && before.status != Status::Published {
        events.push(post_published(after)?);
    }
    Ok(events)
}

/// The events for a post that was restored from the bin with its comments.
pub fn of_restored(post: &Post) -> Result<Vec<NewEvent>, Error> {
    let mut events = vec![post_updated(post)?];
    if post.status == Status::Published {
        events.push(post_published(post)?);
    }
    Ok(events)
}

/// A post was deleted together with its comments.
pub fn post_deleted(post: &Post) -> Result<NewEvent, Error> {
    let event = NewEvent::new(POSTS, words::POST_DELETED, &Deleted { id: post.id })?;
    Ok(event
        .about(of_post(post.id))
        .for_audience(Audience::of(post.facts()).to_string())
        .redacting())
}

/// A comment was written; for subscribers to all comments. `post` is the comment's post.
pub fn comment_created(comment: &Comment, post: PostFacts) -> Result<NewEvent, Error> {
    comment_event(COMMENTS, words::COMMENT_CREATED, comment, post)
}

/// A comment was written; for subscribers to its post. `post` is the comment's post.
pub fn new_comment(comment: &Comment, post: PostFacts) -> Result<NewEvent, Error> {
    comment_event(&post_comments(comment.post_id), words::NEW_COMMENT, comment, post)
}

/// A comment was changed. `post` is the comment's post.
pub fn comment_updated(comment: &Comment, post: PostFacts) -> Result<NewEvent, Error> {
    comment_event(COMMENTS, words::COMMENT_UPDATED, comment, post)
}

/// The events for a comment that was approved, hidden or held again; none if its state is
/// unchanged. `post` is the comment's post.
///
/// Viewers who could not see the comment before get a new comment; viewers who can no longer see it
/// learn that it is gone.
pub fn of_state(
    before: CommentState,
    comment: &Comment,
    post: PostFacts,
) -> Result<Vec<NewEvent>, Error> {
    let facts = comment.facts(post);
    if before == comment.state {
        return Ok(Vec::new());
    }
    if Audience::of_comment(facts) == Audience::Public {
        return Ok(vec![comment_created(comment, post)?, new_comment(comment, post)?]);
    }
    let audience = Audience::of_state(before, facts);
    let told = comment_updated(comment, post)?.for_audience(audience.to_string());
    Ok(vec![if before == CommentState::Visible { told.redacting() } else { told }])
}

/// A comment was deleted. `post` is the comment's post.
pub fn comment_deleted(comment: &Comment, post: PostFacts) -> Result<NewEvent, Error> {
    let payload = DeletedComment { id: comment.id, post_id: comment.post_id };
    let event = NewEvent::new(COMMENTS, words::COMMENT_DELETED, &payload)?;
    let audience = Audience::of_comment(comment.facts(post));
    Ok(event.about(of_comment(comment)).for_audience(audience.to_string()).redacting())
}

/// A note was written.
pub fn note_created(note: &Note) -> Result<NewEvent, Error> {
    note_event(words::NOTE_CREATED, note.id, note)
}

/// A note was changed.
pub fn note_updated(note: &Note) -> Result<NewEvent, Error> {
    note_event(words::NOTE_UPDATED, note.id, note)
}

/// A note was deleted.
pub fn note_deleted(id: i64) -> Result<NewEvent, Error> {
    Ok(note_event(words::NOTE_DELETED, id, &Deleted { id })?.redacting())
}

/// Tells all nodes that a user has signed in. Unlike committed events this is in no log, and a
/// failure does not affect the sign-in.
pub async fn logged_in(pubsub: &PubSub, username: &str) {
    let told = match Payload::encode(&LoggedIn { username }) {
        Ok(payload) => pubsub.broadcast(USERS, words::LOGGED_IN, payload).await.is_ok(),
        Err(_) => false,
    };
    if !told {
        log::debug!("cannot announce a sign-in");
    }
}

/// The subject of events about a post.
pub fn of_post(id: i64) -> Subject {
    Subject::new("post", id)
}

/// The subject of events about a comment, which belongs to its post.
pub fn of_comment(comment: &Comment) -> Subject {
    Subject::new("comment", comment.id).within("post", comment.post_id)
}

/// The subject of events about a note.
pub fn of_note(id: i64) -> Subject {
    Subject::new("note", id)
}

fn post_event(topic: &'static str, post: &Post) -> Result<NewEvent, Error> {
    let event = NewEvent::new(POSTS, topic, post)?;
    Ok(event.about(of_post(post.id)).for_audience(Audience::of(post.facts()).to_string()))
}

fn comment_event(
    channel: &str,
    topic: &'static str,
    comment: &Comment,
    post: PostFacts,
) -> Result<NewEvent, Error> {
    let event = NewEvent::new(channel, topic, comment)?;
    let audience = Audience::of_comment(comment.facts(post));
    Ok(event.about(of_comment(comment)).for_audience(audience.to_string()))
}

fn note_event(topic: &'static str, id: i64, payload: &impl Serialize) -> Result<NewEvent, Error> {
    let event = NewEvent::new(NOTES, topic, payload)?;
    Ok(event.about(of_note(id)).for_audience(Audience::Accounts.to_string()))
}
