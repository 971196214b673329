//! The sources of the index: the rows, page by page, and the events. Owns which rows are indexed
//! and the effect of each event; leaves applying it to `indexer` and `reindex`.

use diesel::result::Error;
use serde::Deserialize;

use super::index::{Document, LogPosition};
use super::query::Kind;
use crate::access::Audience;
use crate::connection::DbConnection;
use crate::events;
use crate::markdown;
use crate::models::comment::{self, Comment};
use crate::models::log;
use crate::models::note::{self, Note};
use crate::models::post::{self, Post, Status};

/// The rows in one read. Each may be a mebibyte.
const PAGE: usize = 64;

impl Document {
    /// A post's document; `None` unless everyone may read the post. Other posts are never found.
    fn of_post(post: &Post) -> Option<Document> {
        post.status.is_public().then(|| Document {
            kind: Kind::Post,
            id: post.id,
            post: None,
            title: post.title.clone(),
            text: markdown::plain(&post.body),
            author: post.author.clone(),
            tags: post.tags.clone(),
        })
    }

    fn of_note(note: &Note) -> Document {
        Document {
            kind: Kind::Note,
            id: note.id,
            post: None,
            title: note.title.clone(),
            text: markdown::plain(&note.body),
            author: Some(note.author.clone()),
            tags: Vec::new(),
        }
    }

    /// The document of a comment that everyone may read.
    fn of_comment(comment: &Comment) -> Document {
        Document {
            kind: Kind::Comment,
            id: comment.id,
            post: Some(comment.post_id),
            title: String::new(),
            text: markdown::plain(&comment.body),
            author: comment.author.clone(),
            tags: Vec::new(),
        }
    }
}

/// The position of a walk over all rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    kind: Kind,
    after: i64,
}

/// A page of a walk.
pub(super) struct Rows {
    pub(super) documents: Vec<Document>,
    /// The rows read, drafts included.
    pub(super) read: usize,
    /// The position of the next page; `None` after the last.
    pub(super) next: Option<Walk>,
}

impl Walk {
    /// The start: posts first, then notes, then comments.
    pub(super) const START: Walk = Walk { kind: Kind::Post, after: 0 };

    /// The next page.
    pub(super) fn page(self, connection: &mut DbConnection) -> Result<Rows, Error> {
        let (documents, ids): (Vec<Document>, Vec<i64>) = match self.kind {
            Kind::Post => {
                let posts = post::walk(connection, self.after, PAGE)?;
                (
                    posts.iter().filter_map(Document::of_post).collect(),
                    posts.iter().map(|post| post.id).collect(),
                )
            }
            Kind::Note => {
                let notes = note::walk(connection, self.after, PAGE)?;
                (
                    notes.iter().map(Document::of_note).collect(),
                    notes.iter().map(|note| note.id).collect(),
                )
            }
            Kind::Comment => {
                let comments = comment::walk(connection, None, self.after, PAGE)?;
                (
                    comments.iter().map(Document::of_comment).collect(),
                    comments.iter().map(|comment| comment.id).collect(),
                )
            }
        };
        let next = match (ids.last(), self.kind) {
            (Some(last), kind) if ids.len() == PAGE => Some(Walk { kind, after: *last }),
            (_, Kind::Post) => Some(Walk { kind: Kind::Note, after: 0 }),
            (_, Kind::Note) => Some(Walk { kind: Kind::Comment, after: 0 }),
            (_, Kind::Comment) => None,
        };
        Ok(Rows { documents, read: ids.len(), next })
    }
}

/// The next public comments of a post with ids above `after`, and true if they are the last.
pub(super) fn comments(
    connection: &mut DbConnection,
    post_id: i64,
    after: i64,
) -> Result<(Vec<Document>, bool), Error> {
    let comments = comment::walk(connection, Some(post_id), after, PAGE)?;
    Ok((comments.iter().map(Document::of_comment).collect(), comments.len() < PAGE))
}

/// The log's current position.
pub(super) fn newest(connection: &mut DbConnection) -> Result<LogPosition, Error> {
    log::state(connection)
        .map(|log| LogPosition { log: log.id.to_string(), position: log.position })
}

/// The number of rows that a walk will read.
pub(super) fn count(connection: &mut DbConnection) -> Result<u64, Error> {
    let rows = post::count(connection)? + note::count(connection)? + comment::count(connection)?;
    Ok(u64::try_from(rows).unwrap_or_default())
}

/// The effect of an event on the index.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A new row.
    New(Document),
    /// A row as it is now.
    Update(Document),
    Delete(Kind, i64),
    /// A row that must not be found, such as a draft or a held comment.
    Hide(Kind, i64),
    /// The event concerns something else, or it was redacted.
    Nothing,
}

/// The fields of a post, note or comment that matter here, from the payload of its event. A
/// redacted payload has only the id.
#[derive(Deserialize)]
struct Row {
    id: i64,
    #[serde(default)]
    redacted: bool,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    post_id: Option<i64>,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// The effect on the index of an event with this channel, topic, audience and payload.
pub(super) fn change(
    channel: &str,
    topic: &str,
    audience: &str,
    payload: &str,
) -> Result<Change, serde_json::Error> {
    let kind = match channel {
        events::POSTS => Kind::Post,
        events::NOTES => Kind::Note,
        events::COMMENTS => Kind::Comment,
        _ => return Ok(Change::Nothing),
    };
    let row: Row = serde_json::from_str(payload)?;
    if row.redacted {
        return Ok(Change::Nothing);
    }
    if row.status.as_deref().is_some_and(|status| !Status::of(status).is_public()) {
        return Ok(Change::Hide(kind, row.id));
    }
    let is_deleted = topic == "comment_deleted";
    if kind == Kind::Comment && !is_deleted && Audience::parse(audience) != Audience::Public {
        return Ok(Change::Hide(kind, row.id));
    }
    let document = |row: Row| Document {
        kind,
        id: row.id,
        post: row.post_id,
        title: row.title,
        text: markdown::plain(&row.body),
        author: row.author,
        tags: row.tags,
    };
    Ok(match topic {
        "post_created" | "note_created" | "comment_created" => Change::New(document(row)),
        "post_updated" | "post_published" | "note_updated" | "comment_updated" => {
            Change::Update(document(row))
        }
        "post_deleted" | "note_deleted" | "comment_deleted" => Change::Delete(kind, row.id),
        _ => Change::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacted_events_change_nothing() {
        for topic in ["post_created", "post_updated", "post_published", "post_deleted"] {
            assert_eq!(
                change("posts", topic, "public", r#"{"id":7,"redacted":true}"#).unwrap(),
                Change::Nothing
            );
        }
    }

    #[test]
    fn drafts_are_hidden_whatever_the_topic() {
        for topic in ["post_created", "post_updated", "post_published"] {
            let payload = r#"{"id":7,"title":"t","body":"b","status":"draft","tags":[],"author":null,"user_id":null}"#;
            assert_eq!(
                change("posts", topic, "draft:", payload).unwrap(),
                Change::Hide(Kind::Post, 7)
            );
        }
    }

    #[test]
    fn other_channels_and_topics_change_nothing() {
        for (channel, topic) in
            [("post_comments_1", "new_comment"), ("users", "x"), ("posts", "cache_invalidated")]
        {
            assert_eq!(change(channel, topic, "public", r#"{"id":7}"#).unwrap(), Change::Nothing);
        }
    }

    #[test]
    fn only_public_comments_are_indexed() {
        let payload = r#"{"id":7,"post_id":3,"body":"*b*","author":"ada","user_id":1}"#;
        let change = |topic, audience| change("comments", topic, audience, payload).unwrap();
        let document = Document {
            kind: Kind::Comment,
            id: 7,
            post: Some(3),
            title: String::new(),
            text: "b\n".to_owned(),
            author: Some("ada".to_owned()),
            tags: Vec::new(),
        };
        assert_eq!(change("comment_created", "public"), Change::New(document.clone()));
        assert_eq!(change("comment_updated", "public"), Change::Update(document));
        for audience in ["held:1:2", "withheld:1:2", "draft:2", "draft:", "", "of the future"] {
            for topic in ["comment_created", "comment_updated"] {
                assert_eq!(change(topic, audience), Change::Hide(Kind::Comment, 7), "{audience}");
            }
            assert_eq!(change("comment_deleted", audience), Change::Delete(Kind::Comment, 7));
        }
    }
}
