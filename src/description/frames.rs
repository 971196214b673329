//! The messages of the live endpoints: every topic in every shape in which it is sent, and the
//! other messages that a socket sends and accepts.

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::events::words::{READERS, Reach, Redacted, TOPICS, Topic};
use crate::events::{POST_COMMENTS, PRESENCE};
use crate::presence::{Said, Summary};

/// The shape of an event on a live endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `{"channel","event","data","id"}`.
    Whole,
    /// `{"event","data","id"}`.
    Event,
    /// The payload itself.
    Payload,
}

/// The topics that clients may receive, including that of presence.
pub(super) fn topics() -> impl Iterator<Item = &'static Topic> {
    TOPICS.iter().chain([&PRESENT]).filter(|topic| topic.reach != Reach::Inside)
}

/// Every topic, including internal ones.
pub(super) fn all_topics() -> impl Iterator<Item = &'static Topic> {
    TOPICS.iter().chain([&PRESENT])
}

static PRESENT: Topic = Topic {
    channel: PRESENCE,
    word: READERS,
    reason: "Readers of this post have arrived, left, or started typing. At most one a second.",
    reach: Reach::Ephemeral,
    payload: |generator| generator.subschema_for::<Summary>(),
};

/// The name of a channel in documents.
pub(super) fn channel_of(topic: &Topic) -> String {
    let id = if topic.is_of_post() { "{post id}" } else { "" };
    format!("{}{id}", topic.channel)
}

/// The schema of a topic's payload. A logged payload is reduced to an id if its subject is deleted.
pub(super) fn payload_of(topic: &Topic, schemas: &mut Schemas) -> Value {
    let whole = schemas.by(topic.payload);
    match topic.reach {
        Reach::Logged => json!({ "anyOf": [whole, schemas.of::<Redacted>()] }),
        Reach::Ephemeral | Reach::Inside => whole,
    }
}

/// The message of a topic in a shape.
pub(super) fn message(topic: &Topic, shape: Shape, schemas: &mut Schemas) -> Value {
    let data = payload_of(topic, schemas);
    let payload = match shape {
        Shape::Payload => data,
        Shape::Event => frame(topic, data, false),
        Shape::Whole => frame(topic, data, true),
    };
    json!({ "name": topic.word, "title": topic.word, "summary": topic.reason, "payload": payload })
}

fn frame(topic: &Topic, data: Value, has_channel: bool) -> Value {
    let mut fields = Map::new();
    if has_channel {
        let name = match topic.is_of_post() {
            true => {
                json!({ "type": "string", "pattern": format!("^{}[1-9][0-9]*$", topic.channel) })
            }
            false => json!({ "const": topic.channel }),
        };
        fields.insert("channel".to_owned(), name);
    }
    fields.insert("event".to_owned(), json!({ "const": topic.word }));
    fields.insert("data".to_owned(), data);
    if topic.reach == Reach::Logged {
        fields.insert("id".to_owned(), position("The event's position in the log."));
    }
    let required: Vec<Value> = fields.keys().map(|name| name.as_str().into()).collect();
    json!({ "type": "object", "required": required, "properties": fields })
}

fn position(about: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": about })
}

/// The messages of every socket other than the events, by their names.
pub(super) fn common() -> [(&'static str, Value); 5] {
    let control = |word: &str, summary: &str| {
        json!({
            "name": word,
            "title": word,
            "summary": summary,
            "payload": {
                "type": "object",
                "required": ["event", "id"],
                "properties": {
                    "event": { "const": word },
                    "id": position("A position in the log."),
                },
            },
        })
    };
    let text = |word: &str, summary: &str| {
        json!({
            "name": word,
            "title": word,
            "summary": summary,
            "contentType": "text/plain",
            "payload": { "const": word },
        })
    };
    [
        ("position", control("position", "Every 25 s to a client that resumes: resume from here.")),
        ("resync", control("resync", "The log does not reach back to your position: reload.")),
        ("pong", text("pong", "The answer to `ping`.")),
        ("html", html()),
        ("erlang", erlang()),
    ]
}

/// A broadcast from another cluster.
fn erlang() -> Value {
    json!({
        "name": "erlang",
        "title": "erlang",
        "summary": "A broadcast by a process on a connected Erlang node, with any topic and \
                    payload. It is not in the log.",
        "payload": {
            "type": "object",
            "required": ["event", "data", "origin"],
            "properties": {
                "channel": { "type": "string" },
                "event": { "type": "string" },
                "data": {},
                "origin": { "const": "erlang" },
            },
        },
    })
}

/// The messages of a client.
pub(super) fn of_clients(schemas: &mut Schemas) -> [(&'static str, Value); 2] {
    let ping = json!({
        "name": "ping",
        "title": "ping",
        "summary": "Asks for `pong`, for clients that cannot send WebSocket pings.",
        "contentType": "text/plain",
        "payload": { "const": "ping" },
    });
    let typing = json!({
        "name": "typing",
        "title": "typing",
        "summary": format!(
            "On a socket that follows a `{PRESENCE}ID` channel: the reader is typing. At most one \
             a second."
        ),
        "payload": schemas.of::<Said>(),
    });
    [("ping", ping), ("typing", typing)]
}

/// An event in the shape for open pages.
fn html() -> Value {
    let about = "The payload with `body_digest` instead of `body`.";
    json!({
        "name": "html",
        "title": "An event as HTML",
        "summary": "With `?frame=html`, sent instead of each event: its subject as lists show it.",
        "payload": {
            "type": "object",
            "required": ["channel", "event", "data"],
            "properties": {
                "channel": { "type": "string" },
                "event": { "type": "string" },
                "data": { "type": "object", "description": about },
                "id": position("The event's position in the log."),
                "html": {
                    "type": "string",
                    "description": "Missing if the subject was deleted, is in no list, or is too \
                                    large.",
                },
            },
        },
    })
}

/// Whether a topic is that of a post's new comments.
pub(super) fn is_new_comment(topic: &Topic) -> bool {
    topic.channel == POST_COMMENTS
}
