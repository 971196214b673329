//! The schemas of request bodies, built from the rules of the changesets. The server refuses every
//! body that its schema refuses. A few rules cannot be expressed in a schema, such as that a name
//! is taken.

use serde_json::{Value, json};

use crate::access::{CommentState, Role, Status};
use crate::changeset::Text;
use crate::models::{comment, note, post, sign_in, user};

/// A text with these rules. If it is optional, it may be `null` or blank, which means that it is
/// not given.
///
/// JSON Schema counts code points, but the rules count characters as readers see them, so a schema
/// is slightly stricter than the server.
pub(super) fn text(rules: Text, about: &str) -> Value {
    let is_counted = rules.max != usize::MAX;
    let most = if is_counted { rules.max } else { rules.max_bytes };
    let unit = if is_counted { "characters" } else { "bytes" };
    let bounds = match rules.min {
        0 | 1 => format!("At most {most} {unit}"),
        least if is_counted => format!("{least} to {most} {unit}"),
        least => format!("{least} characters to {most} bytes"),
    };
    let line = if rules.single_line { ", in one line" } else { "" };
    let mut schema =
        json!({ "description": format!("{about} {bounds}{line}."), "maxLength": most });
    if rules.required {
        schema["type"] = "string".into();
        schema["minLength"] = rules.min.into();
        if rules.single_line {
            schema["pattern"] = r"^[^\u0000-\u001f\u007f-\u009f]*$".into();
        }
    } else {
        schema["type"] = json!(["string", "null"]);
    }
    schema
}

/// One of a few words. If it is optional, it may be `null` or empty, which means that it is not
/// given.
fn word(words: &[&str], is_required: bool, about: &str) -> Value {
    let mut choices: Vec<Value> = words.iter().map(|word| (*word).into()).collect();
    if !is_required {
        choices.extend([Value::from(""), Value::Null]);
    }
    json!({ "description": about, "enum": choices })
}

/// A boolean, as JSON or as forms write it.
fn boolean(about: &str) -> Value {
    json!({ "description": about, "enum": [true, false, "true", "false", "", null] })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn post_fields() -> Value {
    let tag = text(Text { required: false, ..post::TAG }, "A tag.");
    let tag = json!({ "type": "string", "maxLength": tag["maxLength"] });
    let tags = format!(
        "At most {} different tags of at most {} characters each. A string is split at commas.",
        post::MAX_TAGS,
        post::TAG.max
    );
    let slug = "The words in its page's address: letters, digits, `-`, `.`, `_` and `~`. By \
                default, the server makes them from the title when the post is published.";
    json!({
        "title": text(post::TITLE, "Its title."),
        "body": text(post::BODY, "Markdown."),
        "slug": text(post::SLUG, slug),
        "status": word(&Status::ALL.map(Status::as_str), false, "`published` by default."),
        "publish_at": {
            "description": "The time at which a scheduled post is published. In the future.",
            "anyOf": [
                { "type": "string", "format": "date-time" },
                { "type": "string", "pattern": "^$|T", "description": "A minute, in UTC." },
                { "type": "null" },
            ],
        },
        "tags": {
            "description": tags,
            "anyOf": [{ "type": "array", "items": tag }, { "type": ["string", "null"] }],
        },
        "comments_locked": boolean("Whether the post is closed to new comments."),
    })
}

pub(super) fn new_post() -> Value {
    object(&["title", "body"], post_fields())
}

pub(super) fn post_changes() -> Value {
    object(&[], post_fields())
}

/// A new comment. An account's comment has the account's name, whatever the body says.
pub(super) fn new_comment(has_guests: bool) -> Value {
    let mut fields = json!({ "body": text(comment::BODY, "Markdown.") });
    if has_guests {
        let about = "The name of a reader without an account. Ignored for accounts.";
        fields["author"] = text(comment::AUTHOR, about);
    }
    object(&["body"], fields)
}

pub(super) fn comment_changes() -> Value {
    object(&[], json!({ "body": text(comment::BODY, "Markdown.") }))
}

pub(super) fn comment_state() -> Value {
    let words = CommentState::ALL.map(CommentState::as_str);
    let state = word(&words, true, "The new state of the comment.");
    let seen = "The first 32 hexadecimal digits of the SHA-256 of the text that you approve. If \
                the text has changed since, the response is 412.";
    object(&["state"], json!({ "state": state, "seen": { "description": seen } }))
}

/// A new note. An account's note has the account's name, whatever the body says.
pub(super) fn new_note(is_open: bool) -> Value {
    let mut note = note_changes();
    if is_open {
        note["properties"]["author"] = text(note::AUTHOR, "The author. Ignored for accounts.");
        note["required"] = json!(["title", "body", "author"]);
    }
    note
}

pub(super) fn note_changes() -> Value {
    let title = text(note::TITLE, "Its title.");
    let body = text(note::BODY, "Markdown.");
    object(&["title", "body"], json!({ "title": title, "body": body }))
}

pub(super) fn new_user() -> Value {
    let mut username = text(user::USERNAME, "The name. It must be unique, regardless of case.");
    username["pattern"] = "^[._-]*[A-Za-z0-9][A-Za-z0-9._-]*$".into();
    let email = text(user::EMAIL, "An email address. It must be unique.");
    let password = text(user::PASSWORD, "The password.");
    object(
        &["username", "password"],
        json!({ "username": username, "email": email, "password": password }),
    )
}

pub(super) fn credentials() -> Value {
    let username = text(user::TRIED, "The account's name, in any case.");
    let password = text(user::TRIED, "Its password.");
    object(&["username", "password"], json!({ "username": username, "password": password }))
}

pub(super) fn password_change() -> Value {
    let old = text(user::TRIED, "The current password.");
    let new = text(user::PASSWORD, "The new password.");
    object(&["password", "new_password"], json!({ "password": old, "new_password": new }))
}

pub(super) fn new_token() -> Value {
    let name = text(sign_in::TOKEN_NAME, "A name of your choice.");
    object(&["name"], json!({ "name": name }))
}

pub(super) fn user_changes() -> Value {
    let role = word(&Role::ALL.map(Role::as_str), false, "The new role of the account.");
    let disabled = boolean("Whether the account is disabled: nobody can sign in to it.");
    object(&[], json!({ "role": role, "disabled": disabled }))
}
