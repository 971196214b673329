//! The parameters of requests: ids in paths, queries, and precondition headers.

use serde_json::{Value, json};

use crate::access::{CommentState, Status};
use crate::models::stored_response::MAX_KEY;
use crate::models::user;
use crate::search;

/// A parameter of the path.
pub(super) fn id(of: &str) -> Value {
    json!({
        "name": "id",
        "in": "path",
        "required": true,
        "description": format!("The id of the {of}."),
        "schema": { "type": "integer", "format": "int64", "minimum": 1 },
        "example": 1,
    })
}

pub(super) fn username() -> Value {
    let rules = user::USERNAME;
    json!({
        "name": "username",
        "in": "path",
        "required": true,
        "description": "The name of the account, in any case.",
        "schema": { "type": "string", "minLength": rules.min, "maxLength": rules.max },
        "example": "ada",
    })
}

fn query(name: &str, about: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": about, "schema": schema })
}

pub(super) fn limit() -> Value {
    let schema = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 });
    query("limit", "The most entries on a page.", schema)
}

pub(super) fn cursor() -> Value {
    let about = "The `next` of the previous page.";
    query("cursor", about, json!({ "type": "string", "pattern": "^-?[0-9]+_[0-9]+$" }))
}

pub(super) fn status() -> Value {
    let words = Status::ALL.map(Status::as_str);
    let schema = json!({ "type": "string", "enum": words, "default": "published" });
    query("status", "Only posts with this status. Drafts are for their authors and admins.", schema)
}

pub(super) fn tag() -> Value {
    query("tag", "Only posts with this tag.", json!({ "type": "string" }))
}

pub(super) fn state() -> Value {
    let words = CommentState::ALL.map(CommentState::as_str);
    query("state", "Only comments in this state.", json!({ "type": "string", "enum": words }))
}

pub(super) fn held() -> Value {
    let words = [CommentState::Held.as_str()];
    query("state", "The only state that this list has.", json!({ "type": "string", "enum": words }))
}

pub(super) fn words() -> Value {
    let schema = json!({ "type": "string", "maxLength": search::MAX_CHARS });
    let mut words = query("q", "The words to find, with the operators of the search page.", schema);
    words["required"] = true.into();
    words["example"] = "kilonova".into();
    words
}

pub(super) fn kind() -> Value {
    let kinds = search::Kind::ALL.map(search::Kind::as_str);
    query("kind", "Only hits of this kind.", json!({ "type": "string", "enum": kinds }))
}

/// The `next` of a page of hits, which contains a score and a row.
pub(super) fn place() -> Value {
    let schema = json!({ "type": "string", "pattern": "^[0-9a-f]{8}_[0-9]+$" });
    query("cursor", "The `next` of the previous page.", schema)
}

pub(super) fn after() -> Value {
    let schema = json!({ "type": "integer", "minimum": 0 });
    let mut after = query("after", "Only events after this position.", schema);
    after["required"] = true.into();
    after["example"] = 0.into();
    after
}

pub(super) fn log() -> Value {
    let about = "The id of the log that the position belongs to. 410 for another log.";
    query("log", about, json!({ "type": "string" }))
}

pub(super) fn channel() -> Value {
    let about = "Only events of this channel: `posts`, `comments`, `notes`, or `post_comments_ID`.";
    let schema = json!({
        "type": "string",
        "pattern": "^(posts|comments|notes|system|post_comments_[1-9][0-9]*)$",
    });
    query("channel", about, schema)
}

fn header(name: &str, about: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "header", "description": about, "schema": schema })
}

pub(super) fn idempotency_key() -> Value {
    let about = "A text of your choice. If the same account repeats a request with the same key, \
                 nothing is written and the response is that of the first request.";
    let pattern = r"^[\t -~]+$";
    let schema = json!({ "type": "string", "maxLength": MAX_KEY, "pattern": pattern });
    header("Idempotency-Key", about, schema)
}

pub(super) fn if_match() -> Value {
    let about = "The `ETag` of the version that you have. 412 if it has changed since.";
    header("If-Match", about, json!({ "type": "string" }))
}

pub(super) fn if_none_match(is_read: bool) -> Value {
    let about = match is_read {
        true => "The `ETag` of the version that you have. 304 if it has not changed since.",
        false => "The `ETag` of a version that must not be changed. 412 if it is the current one.",
    };
    header("If-None-Match", about, json!({ "type": "string" }))
}
