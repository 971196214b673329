//! What the index is made from: the rows, page by page, and the events. Owns which rows count and
//! what each event means; leaves applying it to `indexer` and `reindex`.

use diesel::result::Error;
use serde::Deserialize;

use super::index::{Document, LogPosition};
use super::query::Kind;
use crate::connection::DbConnection;
use crate::events;
use crate::markdown;
use crate::models::log;
use crate::models::note::{self, Note};
use crate::models::post::{self, Post, Status};

/// Rows in one read. Each may be a mebibyte.
const PAGE: usize = 64;

impl Document {
    /// A post's document, if everyone may read it; nobody finds the others.
    fn of_post(post: &Post) -> Option<Document> {
        post.status.is_public().then(|| Document {
            kind: Kind::Post,
            id: post.id,
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
            title: note.title.clone(),
            text: markdown::plain(&note.body),
            author: Some(note.author.clone()),
            tags: Vec::new(),
        }
    }
}

/// Where a walk over all rows is.
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
    /// Where to go on, unless this was the last page.
    pub(super) next: Option<Walk>,
}

impl Walk {
    /// The start: posts first, then notes.
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
        };
        let next = match (ids.last(), self.kind) {
            (Some(last), kind) if ids.len() == PAGE => Some(Walk { kind, after: *last }),
            (_, Kind::Post) => Some(Walk { kind: Kind::Note, after: 0 }),
            (_, Kind::Note) => None,
        };
        Ok(Rows { documents, read: ids.len(), next })
    }
}

/// Where the log stands.
pub(super) fn newest(connection: &mut DbConnection) -> Result<LogPosition, Error> {
    log::state(connection)
        .map(|log| LogPosition { log: log.id.to_string(), position: log.position })
}

/// How many rows a walk will read.
pub(super) fn count(connection: &mut DbConnection) -> Result<u64, Error> {
    let rows = post::count(connection)? + note::count(connection)?;
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
    /// A row that must not be found, such as a draft.
    Hide(Kind, i64),
    /// It is about something else, or the event was redacted.
    Nothing,
}

/// The fields of posts and notes that matter here; in the log of either, or of what is left of it.
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
    author: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// The effect of the event with this channel, topic and payload.
pub(super) fn change(
    channel: &str,
    topic: &str,
    payload: &str,
) -> Result<Change, serde_json::Error> {
    let kind = match channel {
        events::POSTS => Kind::Post,
        events::NOTES => Kind::Note,
        _ => return Ok(Change::Nothing),
    };
    let row: Row = serde_json::from_str(payload)?;
    if row.redacted {
        return Ok(Change::Nothing);
    }
    if row.status.as_deref().is_some_and(|status| !Status::of(status).is_public()) {
        return Ok(Change::Hide(kind, row.id));
    }
    let document = |row: Row| Document {
        kind,
        id: row.id,
        title: row.title,
        text: markdown::plain(&row.body),
        author: row.author,
        tags: row.tags,
    };
    Ok(match topic {
        "post_created" | "note_created" => Change::New(document(row)),
        "post_updated" | "post_published" | "note_updated" => Change::Update(document(row)),
        "post_deleted" | "note_deleted" => Change::Delete(kind, row.id),
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
                change("posts", topic, r#"{"id":7,"redacted":true}"#).unwrap(),
                Change::Nothing
            );
        }
    }

    #[test]
    fn drafts_are_hidden_whatever_the_topic() {
        for topic in ["post_created", "post_updated", "post_published"] {
            let payload = r#"{"id":7,"title":"t","body":"b","status":"draft","tags":[],"author":null,"user_id":null}"#;
            assert_eq!(change("posts", topic, payload).unwrap(), Change::Hide(Kind::Post, 7));
        }
    }

    #[test]
    fn other_channels_and_topics_change_nothing() {
        assert_eq!(change("comments", "comment_created", "{}").unwrap(), Change::Nothing);
        assert_eq!(change("posts", "cache_invalidated", r#"{"id":7}"#).unwrap(), Change::Nothing);
    }
}
