//! The vocabulary of the events: each topic with its channel and the type of its payload. The
//! events and the API's description are built from it.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::sample::Sample;
use super::{ADMIN, COMMENTS, NOTES, POST_COMMENTS, POSTS, PRESENCE, SYSTEM, USERS};
use crate::models::comment::Comment;
use crate::models::note::Note;
use crate::models::post::Post;

/// A post was written.
pub const POST_CREATED: &str = "post_created";
/// A post was changed.
pub const POST_UPDATED: &str = "post_updated";
/// A post was published.
pub const POST_PUBLISHED: &str = "post_published";
/// A post was deleted.
pub const POST_DELETED: &str = "post_deleted";
/// A comment was written; for those who follow all comments.
pub const COMMENT_CREATED: &str = "comment_created";
/// A comment was changed.
pub const COMMENT_UPDATED: &str = "comment_updated";
/// A comment was deleted.
pub const COMMENT_DELETED: &str = "comment_deleted";
/// A comment was written; for those who follow its post.
pub const NEW_COMMENT: &str = "new_comment";
/// A note was written.
pub const NOTE_CREATED: &str = "note_created";
/// A note was changed.
pub const NOTE_UPDATED: &str = "note_updated";
/// A note was deleted.
pub const NOTE_DELETED: &str = "note_deleted";
/// Somebody has signed in.
pub const LOGGED_IN: &str = "logged_in";
/// A node has started.
pub const DEPLOY: &str = "deploy";
/// A node has lost its database, or reaches it again.
pub const DATABASE: &str = "database";
/// The numbers of a node at one moment.
pub const SAMPLE: &str = "sample";
/// Readers of a post have arrived, left, or started typing.
pub const READERS: &str = "presence";

/// A post or a note that was deleted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deleted {
    /// Its id.
    pub id: i64,
}

/// A comment that was deleted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletedComment {
    /// Its id.
    pub id: i64,
    /// The post that it was on.
    pub post_id: i64,
}

/// Somebody who has signed in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LoggedIn<'a> {
    /// The account's name.
    pub username: &'a str,
}

/// A node that has started.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deploy<'a> {
    /// The version of the application.
    pub version: &'a str,
    /// The node's name.
    pub node: &'a str,
}

/// A node and its database.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Database<'a> {
    /// Whether the node reaches its database.
    pub reachable: bool,
    /// The node's name.
    pub node: &'a str,
}

/// The payload that remains of an event when its post, comment or note is deleted or withdrawn.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Redacted {
    /// The id of the post, comment or note.
    pub id: i64,
    /// Always `true`.
    #[schemars(extend("const" = true))]
    pub redacted: bool,
}

/// The recipients of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is in the log; clients receive it with its position.
    Logged,
    /// Connected clients receive it. It is never replayed.
    Ephemeral,
    /// Only members of the process groups receive it, never clients.
    Inside,
}

/// A topic.
pub struct Topic {
    /// Its channel, or the prefix of one that ends with a post's id.
    pub channel: &'static str,
    /// The word on the wire.
    pub word: &'static str,
    /// The occasion on which it is sent.
    pub reason: &'static str,
    /// The recipients of its events.
    pub reach: Reach,
    /// The schema of its payload.
    pub payload: fn(&mut SchemaGenerator) -> Schema,
}

impl Topic {
    /// Whether its channel is one of a post.
    pub fn is_of_post(&self) -> bool {
        [POST_COMMENTS, PRESENCE].contains(&self.channel)
    }
}

/// Every topic except that of presence, whose payload is in `presence`.
pub static TOPICS: [Topic; 15] = [
    logged::<Post>(POSTS, POST_CREATED, "A post was written."),
    logged::<Post>(POSTS, POST_UPDATED, "A post was changed."),
    logged::<Post>(POSTS, POST_PUBLISHED, "A post was published. Sent after `post_updated`."),
    logged::<Deleted>(
        POSTS,
        POST_DELETED,
        "A post was deleted or withdrawn, and its comments with it.",
    ),
    logged::<Comment>(COMMENTS, COMMENT_CREATED, "A comment was written or approved."),
    logged::<Comment>(COMMENTS, COMMENT_UPDATED, "A comment was changed."),
    logged::<DeletedComment>(COMMENTS, COMMENT_DELETED, "A comment was deleted or hidden."),
    logged::<Comment>(
        POST_COMMENTS,
        NEW_COMMENT,
        "A comment on this post was written or approved.",
    ),
    logged::<Note>(NOTES, NOTE_CREATED, "A note was written."),
    logged::<Note>(NOTES, NOTE_UPDATED, "A note was changed."),
    logged::<Deleted>(NOTES, NOTE_DELETED, "A note was deleted."),
    topic::<LoggedIn<'_>>(USERS, LOGGED_IN, "Somebody has signed in.", Reach::Inside),
    topic::<Deploy<'_>>(SYSTEM, DEPLOY, "A node has started.", Reach::Ephemeral),
    topic::<Database<'_>>(
        SYSTEM,
        DATABASE,
        "This node has lost its database, or reaches it again.",
        Reach::Ephemeral,
    ),
    topic::<Sample>(
        ADMIN,
        SAMPLE,
        "The numbers of a node, each second while somebody is watching. For admins.",
        Reach::Ephemeral,
    ),
];

const fn logged<T: JsonSchema>(
    channel: &'static str,
    word: &'static str,
    reason: &'static str,
) -> Topic {
    topic::<T>(channel, word, reason, Reach::Logged)
}

const fn topic<T: JsonSchema>(
    channel: &'static str,
    word: &'static str,
    reason: &'static str,
    reach: Reach,
) -> Topic {
    Topic { channel, word, reason, reach, payload: SchemaGenerator::subschema_for::<T> }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of this file's constants, without that of presence.
    fn constants() -> Vec<&'static str> {
        let source = include_str!("words.rs");
        let words = source.lines().filter(|line| line.starts_with("pub const "));
        let words = words.filter_map(|line| line.split_once("&str = \"")?.1.strip_suffix("\";"));
        words.filter(|word| *word != READERS).collect()
    }

    #[test]
    fn every_word_is_a_topic() {
        let topics: Vec<_> = TOPICS.iter().map(|topic| topic.word).collect();
        assert_eq!(constants(), topics);
    }

    #[test]
    fn the_events_have_no_other_words() {
        for source in [include_str!("../events.rs"), include_str!("outage.rs")] {
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            for call in ["_event(", "NewEvent::new(", "broadcast("] {
                for arguments in code.split(call).skip(1) {
                    let arguments = arguments.split(')').next().unwrap_or_default();
                    assert!(!arguments.contains('"'), "a word without a constant: {arguments}");
                }
            }
        }
    }
}
