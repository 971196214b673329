//! The schemas of the bodies that requests bring, made of the rules by which the changesets judge
//! them. A body that its schema refuses is refused by the server, too; a few rules no schema can
//! say, such as that a name is taken.

use serde_json::{Value, json};

use crate::access::{CommentState, Role, Status};
use crate::changeset::Text;
use crate::models::{comment, note, post, sign_in, user};

/// A text by these rules. One that is not required may be `null` or blank, which is nothing.
///
/// JSON Schema counts code points where the rules count what readers take for characters: a schema
/// asks for a little less room than the server gives.
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

/// One of a few words. One that is not required may be `null` or empty, which is nothing.
fn word(words: &[&str], is_required: bool, about: &str) -> Value {
    let mut choices: Vec<Value> = words.iter().map(|word| (*word).into()).collect();
    if !is_required {
        choices.extend([Value::from(""), Value::Null]);
    }
    json!({ "description": about, "enum": choices })
}

/// Yes or no, also as forms write it.
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
        "At most {} different tags of at most {} characters each. A text is a list with commas.",
        post::MAX_TAGS,
        post::TAG.max
    );
    let slug = "The words in its page's address: letters, digits, `-`, `.`, `_` and `~`. Without \
                them the server makes them from the title when the post is published.";
    json!({
        "title": text(post::TITLE, "Its title."),
        "body": text(post::BODY, "Markdown."),
        "slug": text(post::SLUG, slug),
        "status": word(&Status::ALL.map(Status::as_str), false, "`published` if not given."),
        "publish_at": {
            "description": "For a scheduled post: when it is to be published, in the future.",
            "anyOf": [
                { "type": "string", "format": "date-time" },
                { "type": "string", "pattern": "^$|T", "description": "A minute of UTC." },
                { "type": "null" },
            ],
        },
        "tags": {
            "description": tags,
            "anyOf": [{ "type": "array", "items": tag }, { "type": ["string", "null"] }],
        },
        "comments_locked": boolean("Whether nobody may add a comment."),
    })
}

pub(super) fn new_post() -> Value {
    object(&["title", "body"], post_fields())
}

pub(super) fn post_changes() -> Value {
    object(&[], post_fields())
}

/// A new comment. Accounts have their own name, whatever the body says.
pub(super) fn new_comment(has_guests: bool) -> Value {
    let mut fields = json!({ "body": text(comment::BODY, "Markdown.") });
    if has_guests {
        let about = "The name that a reader without an account gives; of others it is ignored.";
        fields["author"] = text(comment::AUTHOR, about);
    }
    object(&["body"], fields)
}

pub(super) fn comment_changes() -> Value {
    object(&[], json!({ "body": text(comment::BODY, "Markdown.") }))
}

pub(super) fn comment_state() -> Value {
    let words = CommentState::ALL.map(CommentState::as_str);
    let state = word(&words, true, "The state that the comment gets.");
    let seen = "The first 32 hexadecimal digits of the SHA-256 of the text that you approve: if it \
                is another one by now, the answer is 412.";
    object(&["state"], json!({ "state": state, "seen": { "description": seen } }))
}

/// A new note. Accounts have their own name, whatever the body says.
pub(super) fn new_note(is_open: bool) -> Value {
    let mut note = note_changes();
    if is_open {
        note["properties"]["author"] = text(note::AUTHOR, "The author; of accounts it is ignored.");
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
    let mut username = text(user::USERNAME, "The name, which nobody else has in any letter case.");
    username["pattern"] = "^[._-]*[A-Za-z0-9][A-Za-z0-9._-]*$".into();
    let email = text(user::EMAIL, "An e-mail address, which nobody else has.");
    let password = text(user::PASSWORD, "The password.");
    object(
        &["username", "password"],
        json!({ "username": username, "email": email, "password": password }),
    )
}

pub(super) fn credentials() -> Value {
    let username = text(user::TRIED, "The account's name, in any letter case.");
    let password = text(user::TRIED, "Its password.");
    object(&["username", "password"], json!({ "username": username, "password": password }))
}

pub(super) fn password_change() -> Value {
    let old = text(user::TRIED, "The password that the account has.");
    let new = text(user::PASSWORD, "The password that it gets.");
    object(&["password", "new_password"], json!({ "password": old, "new_password": new }))
}

pub(super) fn new_token() -> Value {
    let name = text(sign_in::TOKEN_NAME, "What you call it.");
    object(&["name"], json!({ "name": name }))
}

pub(super) fn user_changes() -> Value {
    let role = word(&Role::ALL.map(Role::as_str), false, "The role that the account gets.");
    let disabled = boolean("Whether the account cannot be signed in to.");
    object(&[], json!({ "role": role, "disabled": disabled }))
}
