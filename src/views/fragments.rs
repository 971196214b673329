//! The event frames for open pages: each has the row's list item as HTML, rendered once for all
//! readers. Owns the content of a frame; the markup comes from the pages' templates.

use std::sync::Arc;

use askama::Template;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::filters;
use super::pages::{Frame, number_of_comments};
use crate::access::CommentState;
use crate::models::note::Note;
use crate::models::post::{Post, Status};
use crate::models::{self, comment::Comment};
use crate::pubsub::Envelope;

/// The largest fragment, in bytes; a page fetches a larger one itself. A few kilobytes of text can
/// render as megabytes, and frames are kept in memory for clients that reconnect.
const LARGEST: usize = 256 * 1024;

/// Stands for the account of a note's author, which the event does not name.
const SOME_ACCOUNT: i64 = 0;

#[derive(Template)]
#[template(path = "posts/card.html")]
struct Card {
    frame: Frame,
    post: Post,
    /// True for a post that was just created.
    is_new: bool,
}

#[derive(Template)]
#[template(path = "posts/comment.html")]
struct OneComment {
    frame: Frame,
    comment: Comment,
}

impl Card {
    /// A post's event does not have the number of its comments: only a new post surely has none.
    fn comments(&self, _: &Post) -> Option<String> {
        self.is_new.then(|| number_of_comments(0))
    }
}

impl OneComment {
    /// A fragment has no controls, which depend on the post.
    fn thread(&self) -> Option<&Post> {
        None
    }
}

#[derive(Template)]
#[template(path = "notes/note.html")]
struct OneNote {
    frame: Frame,
    note: Note,
}

/// The frame of an event.
#[derive(Serialize)]
struct Told<'a> {
    channel: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    data: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

/// Makes the frames of a site.
#[derive(Clone, Debug)]
pub struct Fragments {
    /// The prefix of all paths of the site; empty for none.
    pub root: Arc<str>,
    /// True if access is open, so that guests may have written notes.
    pub open: bool,
}

impl Fragments {
    /// Returns `{"channel","event","id","data","html"}`. `data` has `body_digest` instead of the
    /// body. `html` is missing for a row that was deleted, is in no list, or is too large.
    pub fn frame(&self, envelope: &Envelope) -> String {
        let (channel, event) = (envelope.channel().as_str(), envelope.topic());
        let payload = envelope.payload().as_json();
        let mut data = match serde_json::from_str(payload) {
            Ok(Value::Object(data)) => data,
            Ok(other) => Map::from_iter([("value".to_owned(), other)]),
            Err(_) => Map::new(),
        };
        let html = self.html(event, payload).filter(|html| html.len() <= LARGEST);
        if let Some(Value::String(body)) = data.remove("body") {
            data.insert("body_digest".to_owned(), models::digest(&body).into());
        }
        let told = Told { channel, event, id: envelope.position(), data, html };
        serde_json::to_string(&told).unwrap_or_else(|error| {
            // Unreachable in practice: strings, numbers and parsed JSON always encode.
            log::error!("event {:?} cannot be encoded: {error}", envelope.position());
            String::new()
        })
    }

    fn html(&self, event: &str, payload: &str) -> Option<String> {
        let frame = Frame { root: Arc::clone(&self.root), ..Frame::default() };
        let html = match event {
            "post_created" | "post_updated" | "post_published" => {
                Card { frame, post: read(payload)?, is_new: event == "post_created" }.render()
            }
            "comment_created" | "comment_updated" | "new_comment" => {
                OneComment { frame, comment: read(payload)? }.render()
            }
            "note_created" | "note_updated" => {
                let mut note: Note = read(payload)?;
                note.user_id = (!self.open).then_some(SOME_ACCOUNT);
                OneNote { frame, note }.render()
            }
            _ => return None,
        };
        match html {
            Ok(html) => Some(html),
            Err(error) => {
                log::error!("a fragment cannot be rendered: {error}");
                None
            }
        }
    }
}

/// The row in a payload; `None` if it was redacted or an older version wrote it.
fn read<T: DeserializeOwned>(payload: &str) -> Option<T> {
    serde_json::from_str(payload).ok()
}
