//! The note that the peers accept and the frame that they send, with Kilonova's shapes.

use std::time::SystemTime;

use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The body of a post's request.
#[derive(Deserialize)]
pub(super) struct NewNote {
    title: String,
    body: String,
    author: String,
}

/// The body of the response.
#[derive(Serialize)]
pub(super) struct Note {
    id: u64,
    title: String,
    body: String,
    author: String,
    inserted_at: String,
    updated_at: String,
}

/// The frame for every socket.
#[derive(Serialize)]
struct Frame<'a> {
    event: &'static str,
    data: &'a Note,
    id: u64,
}

impl NewNote {
    pub(super) fn into_note(self, id: u64) -> Note {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let NewNote { title, body, author } = self;
        Note { id, title, body, author, inserted_at: now.clone(), updated_at: now }
    }
}

impl Note {
    pub(super) fn frame(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Frame { event: "note_created", data: self, id: self.id })
    }
}

/// The current time in microseconds since the epoch, for the header of a response.
pub(super) fn stamp() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_micros() as u64
}
