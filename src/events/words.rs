//! The words of the events: each topic with its channel and the type of its payload. The events are
//! made of them, and so is the API's description.

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
/// How a node does.
pub const SAMPLE: &str = "sample";
/// Readers of a post have come, gone, or begun to type.
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

/// The part that the log keeps of an event whose thing was deleted or withdrawn.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Redacted {
    /// The id of the thing.
    pub id: i64,
    /// Always `true`.
    #[schemars(extend("const" = true))]
    pub redacted: bool,
}

/// How far an event gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is in the log, and clients get it with its position.
    Logged,
    /// Clients that listen get it. No replay has it.
    Ephemeral,
    /// Only members of the process groups get it.
    Inside,
}

/// A topic.
pub struct Topic {
    /// Its channel, or the beginning of it where a post's id follows.
    pub channel: &'static str,
    /// The word on the wire.
    pub word: &'static str,
    /// The reason why it is sent.
    pub reason: &'static str,
    /// How far it gets.
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

/// Every topic but the presence's, whose payload is `presence`'s own.
pub static TOPICS: [Topic; 15] = [
    logged::<Post>(POSTS, POST_CREATED, "A post was written."),
    logged::<Post>(POSTS, POST_UPDATED, "A post was changed."),
    logged::<Post>(POSTS, POST_PUBLISHED, "A post was published; follows its `post_updated`."),
    logged::<Deleted>(
        POSTS,
        POST_DELETED,
        "A post was deleted or withdrawn, its comments with it.",
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
        "The numbers of a node, each second while somebody listens. For admins.",
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

    /// The words that this file's constants hold, but for the presence's.
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
                    assert!(!arguments.contains('"'), "a word that is no constant: {arguments}");
                }
            }
        }
    }
}
