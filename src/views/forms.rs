//! The contents of the forms: the row to change, or the text as typed with its messages. The rules
//! of the fields are the models'.

use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::changeset::{Errors, Params};
use crate::models::note::Note;
use crate::models::post::{Post, Status};

/// A key for a form that is made now: no other form has it.
fn key() -> String {
    HEXLOWER.encode(&rand::random::<[u8; 16]>())
}

/// The key of a form that comes back, so that it is still the same form.
fn same_key(params: &Params) -> String {
    Some(typed(params, "idempotency_key")).filter(|key| key.len() == 32).unwrap_or_else(key)
}

/// Why a form was refused as a whole.
#[derive(Clone, Debug)]
pub struct Problem {
    /// For its reader, in sentences.
    pub message: String,
    /// Whether signing in helps.
    pub signs_in: bool,
}

/// The form of a post.
#[derive(Clone, Debug, Default)]
pub struct PostForm {
    /// The title, as typed.
    pub title: String,
    /// The Markdown, as typed.
    pub body: String,
    /// The word of the status; blank is published.
    pub status: String,
    /// The tags with commas between them, as typed.
    pub tags: String,
    /// The day and minute of its publication, as typed.
    pub publish_at: String,
    /// The words of its address, as typed.
    pub slug: String,
    /// The version that it changes; empty for a new post.
    pub version: String,
    /// Tells a new post that is sent twice from two; empty for a change.
    pub key: String,
    /// The messages of the invalid fields.
    pub errors: Errors,
}

impl PostForm {
    /// The form of a new post.
    pub fn blank() -> PostForm {
        PostForm { key: key(), ..PostForm::default() }
    }

    /// The form that changes this version of a post.
    pub fn of(post: &Post, version: String) -> PostForm {
        PostForm {
            title: post.title.clone(),
            body: post.body.clone(),
            status: post.status.as_str().to_owned(),
            tags: post.tags.join(", "),
            publish_at: post
                .publish_at
                .map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%M").to_string()),
            slug: post.slug.clone().unwrap_or_default(),
            version,
            key: String::new(),
            errors: Errors::default(),
        }
    }

    /// The refused form, as typed, with its messages.
    pub fn refused(params: &Params, errors: Errors) -> PostForm {
        PostForm {
            title: typed(params, "title"),
            body: typed(params, "body"),
            status: typed(params, "status"),
            tags: typed(params, "tags"),
            publish_at: typed(params, "publish_at"),
            slug: typed(params, "slug"),
            version: typed(params, "version"),
            key: same_key(params),
            errors,
        }
    }

    /// The form as typed, over what it leaves out.
    pub fn over(self, params: &Params) -> PostForm {
        let or = |name, own| if params.contains_key(name) { typed(params, name) } else { own };
        PostForm {
            title: or("title", self.title),
            body: or("body", self.body),
            status: or("status", self.status),
            tags: or("tags", self.tags),
            publish_at: or("publish_at", self.publish_at),
            slug: or("slug", self.slug),
            version: self.version,
            key: self.key,
            errors: self.errors,
        }
    }

    /// The first field that is refused.
    pub(super) fn focus(&self) -> &'static str {
        first(&self.errors, &["title", "body", "tags", "status", "publish_at", "slug"])
    }

    /// The choices of the status: word, name, hint, whether it is chosen.
    pub(super) fn statuses(&self) -> [(&'static str, &'static str, &'static str, bool); 4] {
        let chosen = Status::parse(&self.status).unwrap_or(Status::Published);
        [
            (Status::Published, "Published", "listed, for everyone to read"),
            (Status::Draft, "Draft", "not yet for readers"),
            (Status::Scheduled, "Scheduled", "published by itself at the time below"),
            (Status::Archived, "Archived", "readable, but no longer listed"),
        ]
        .map(|(status, name, hint)| (status.as_str(), name, hint, status == chosen))
    }
}

/// The form of a comment.
#[derive(Clone, Debug, Default)]
pub struct CommentForm {
    /// The comment that was sent waits for approval.
    pub is_held: bool,
    /// The Markdown, as typed.
    pub body: String,
    /// The name, as typed.
    pub author: String,
    /// Tells a comment that is sent twice from two.
    pub key: String,
    /// Why it was refused as a whole.
    pub problem: Option<Problem>,
    /// The messages of the invalid fields.
    pub errors: Errors,
}

impl CommentForm {
    /// The form of a new comment; `is_held` after one that waits for approval.
    pub fn blank(is_held: bool) -> CommentForm {
        CommentForm { is_held, key: key(), ..CommentForm::default() }
    }

    /// The refused form, as typed, with its messages.
    pub fn refused(params: &Params, errors: Errors) -> CommentForm {
        let (body, author) = (typed(params, "body"), typed(params, "author"));
        CommentForm { body, author, key: same_key(params), errors, ..CommentForm::default() }
    }

    /// The first field that is refused.
    pub(super) fn focus(&self) -> &'static str {
        match self.problem {
            Some(_) => "body",
            None => first(&self.errors, &["author", "body"]),
        }
    }

    /// Whether it comes back to be sent again.
    pub(super) fn is_refused(&self) -> bool {
        self.problem.is_some() || !self.errors.is_empty()
    }
}

/// The form of a note.
#[derive(Clone, Debug, Default)]
pub struct NoteForm {
    /// The title, as typed.
    pub title: String,
    /// The Markdown, as typed.
    pub body: String,
    /// The author, as typed; not shown when a note is changed.
    pub author: String,
    /// The version that it changes; empty for a new note.
    pub version: String,
    /// Tells a new note that is sent twice from two; empty for a change.
    pub key: String,
    /// The messages of the invalid fields.
    pub errors: Errors,
}

impl NoteForm {
    /// The form of a new note.
    pub fn blank() -> NoteForm {
        NoteForm { key: key(), ..NoteForm::default() }
    }

    /// The first field that is refused.
    pub(super) fn focus(&self) -> &'static str {
        first(&self.errors, &["title", "body", "author"])
    }

    /// The form that changes this version of a note.
    pub fn of(note: &Note, version: String) -> NoteForm {
        NoteForm {
            title: note.title.clone(),
            body: note.body.clone(),
            author: note.author.clone(),
            version,
            key: String::new(),
            errors: Errors::default(),
        }
    }

    /// The form as typed, over what it leaves out.
    pub fn over(self, params: &Params) -> NoteForm {
        let or = |name, own| if params.contains_key(name) { typed(params, name) } else { own };
        NoteForm { title: or("title", self.title), body: or("body", self.body), ..self }
    }

    /// The refused form, as typed, with its messages.
    pub fn refused(params: &Params, errors: Errors) -> NoteForm {
        NoteForm {
            title: typed(params, "title"),
            body: typed(params, "body"),
            author: typed(params, "author"),
            version: typed(params, "version"),
            key: same_key(params),
            errors,
        }
    }
}

/// The form that signs in. No password is ever shown again.
#[derive(Clone, Debug, Default)]
pub struct LoginForm {
    /// The user name, as typed.
    pub username: String,
    /// The path on this site to go on to.
    pub next: Option<String>,
    /// Whether the name or the password was wrong.
    pub wrong: bool,
    /// The messages of the invalid fields.
    pub errors: Errors,
}

impl LoginForm {
    /// The refused form, as typed, without the password, with its messages.
    pub fn refused(params: &Params, next: Option<String>, errors: Errors) -> LoginForm {
        LoginForm { username: typed(params, "username"), next, wrong: false, errors }
    }

    /// The form after a wrong name or password.
    pub fn wrong(params: &Params, next: Option<String>) -> LoginForm {
        LoginForm { wrong: true, ..LoginForm::refused(params, next, Errors::default()) }
    }
}

/// The form that makes an account. No password is ever shown again.
#[derive(Clone, Debug, Default)]
pub struct RegisterForm {
    /// The user name, as typed.
    pub username: String,
    /// The address for mail, as typed.
    pub email: String,
    /// The path on this site to go on to.
    pub next: Option<String>,
    /// The messages of the invalid fields.
    pub errors: Errors,
}

impl RegisterForm {
    /// The refused form, as typed, without the password, with its messages.
    pub fn refused(params: &Params, next: Option<String>, errors: Errors) -> RegisterForm {
        let (username, email) = (typed(params, "username"), typed(params, "email"));
        RegisterForm { username, email, next, errors }
    }
}

/// The forms of an account's page, and what came of the last one.
#[derive(Clone, Debug, Default)]
pub struct AccountForm {
    /// What was done.
    pub done: Option<&'static str>,
    /// A token that was just made, which is shown once.
    pub token: Option<String>,
    /// The messages of the fields of the password's form.
    pub password_errors: Errors,
    /// The name of a token to make, as typed.
    pub token_name: String,
    /// The messages of its fields.
    pub token_errors: Errors,
}

impl AccountForm {
    /// The refused form of a token, as typed, with its messages.
    pub fn refused_token(params: &Params, errors: Errors) -> AccountForm {
        let token_name = typed(params, "name");
        AccountForm { token_name, token_errors: errors, ..AccountForm::default() }
    }
}

/// The first of these fields that has messages; none is empty.
fn first(errors: &Errors, fields: &[&'static str]) -> &'static str {
    fields.iter().find(|field| !errors.of(field).is_empty()).copied().unwrap_or_default()
}

/// The text of a field; a form sends text only.
fn typed(params: &Params, field: &str) -> String {
    params.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
