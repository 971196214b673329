//! The contents of the forms: the row to change, or the input as typed with its error messages. The
//! models own the rules of the fields.

use chrono::NaiveDateTime;
use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::changeset::{Errors, Params};
use crate::models::note::Note;
use crate::models::post::{Post, Status};
use crate::models::working_copy::{Typed, WorkingCopy};

/// A unique key for a new form.
fn key() -> String {
    HEXLOWER.encode(&rand::random::<[u8; 16]>())
}

/// The key of a submitted form, which is shown again as the same form.
fn same_key(params: &Params) -> String {
    Some(typed(params, "idempotency_key")).filter(|key| key.len() == 32).unwrap_or_else(key)
}

/// Why a form was refused as a whole.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The message for the reader, in sentences.
    pub message: String,
    /// True if signing in helps.
    pub signs_in: bool,
}

/// The form of a post.
#[derive(Clone, Debug, Default)]
pub struct PostForm {
    /// The title, as typed.
    pub title: String,
    /// The Markdown, as typed.
    pub body: String,
    /// The name of the status; blank means published.
    pub status: String,
    /// The tags, separated by commas, as typed.
    pub tags: String,
    /// The day and minute of its publication, as typed.
    pub publish_at: String,
    /// The URL slug, as typed.
    pub slug: String,
    /// The version that it changes; empty for a new post.
    pub version: String,
    /// The idempotency key of a new post; empty for a change.
    pub key: String,
    /// The status of the post that it changes; `None` for a new one.
    pub saved: Option<Status>,
    /// The id of the working copy that its window knows; empty for none.
    pub copy: String,
    /// The name of its window; empty until the window has chosen one.
    pub window: String,
    /// The working copy from which it is filled.
    pub kept: Option<Kept>,
    /// The messages of the invalid fields.
    pub errors: Errors,
}

/// A working copy from which a form is filled.
#[derive(Clone, Debug)]
pub struct Kept {
    /// When it was written, in UTC.
    pub at: NaiveDateTime,
    /// The name of the window that wrote it.
    pub window: String,
}

impl Kept {
    /// When it was written, in milliseconds since the Unix epoch, as in scripts.
    pub(super) fn millis(&self) -> i64 {
        self.at.and_utc().timestamp_millis()
    }
}

impl PostForm {
    /// The form of a new post.
    pub fn blank() -> PostForm {
        PostForm { key: key(), ..PostForm::default() }
    }

    /// The form that changes this version of a post.
    pub fn of(post: &Post, version: String) -> PostForm {
        PostForm { version, saved: Some(post.status), ..PostForm::typed(Typed::of(post)) }
    }

    /// The form of a working copy, of this post or of a new one.
    pub fn of_copy(copy: WorkingCopy, post: Option<&Post>) -> PostForm {
        let saved = post.map(|post| post.status);
        let mut form = PostForm::typed(copy.typed);
        if let (true, Some(saved)) = (form.status.is_empty(), saved) {
            saved.as_str().clone_into(&mut form.status);
        }
        PostForm {
            version: copy.version,
            key: copy.form_key.unwrap_or_default(),
            saved,
            copy: copy.id.to_string(),
            kept: Some(Kept { at: copy.updated_at, window: copy.written_by }),
            ..form
        }
    }

    fn typed(typed: Typed) -> PostForm {
        let Typed { title, body, tags, slug, status, publish_at } = typed;
        PostForm { title, body, status, tags, publish_at, slug, ..PostForm::default() }
    }

    /// The same form, in a window that knows this working copy.
    pub fn knowing(self, copy: i64) -> PostForm {
        PostForm { copy: copy.to_string(), ..self }
    }

    /// True if it changes a post that everyone may read.
    pub(super) fn is_public(&self) -> bool {
        self.saved.is_some_and(Status::is_public)
    }

    /// True if it changes a post with this status.
    pub(super) fn is(&self, word: &str) -> bool {
        self.saved.is_some_and(|saved| saved.as_str() == word)
    }

    /// True if the field for the publication time is shown from the start.
    pub(super) fn has_time(&self) -> bool {
        !self.publish_at.is_empty() || !self.errors.of("publish_at").is_empty()
    }

    /// True if one of the settings below the text is refused.
    pub(super) fn has_wrong_setting(&self) -> bool {
        ["status", "slug"].iter().any(|field| !self.errors.of(field).is_empty())
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
            copy: typed(params, "copy"),
            window: typed(params, "window"),
            errors,
            ..PostForm::default()
        }
    }

    /// Replaces the fields that `params` has, and keeps the others.
    pub fn over(self, params: &Params) -> PostForm {
        let or = |name, own| if params.contains_key(name) { typed(params, name) } else { own };
        PostForm {
            title: or("title", self.title),
            body: or("body", self.body),
            status: or("status", self.status),
            tags: or("tags", self.tags),
            publish_at: or("publish_at", self.publish_at),
            slug: or("slug", self.slug),
            copy: typed(params, "copy"),
            window: typed(params, "window"),
            ..self
        }
    }

    /// The first field that is refused.
    pub(super) fn focus(&self) -> &'static str {
        first(&self.errors, &["title", "body", "tags", "status", "publish_at", "slug"])
    }

    /// The choices of the status: its value, name, hint, and true for the chosen one.
    pub(super) fn statuses(&self) -> [(&'static str, &'static str, &'static str, bool); 4] {
        let chosen = Status::parse(&self.status).unwrap_or(Status::Published);
        [
            (Status::Published, "Published", "listed, for everyone to read"),
            (Status::Draft, "Draft", "not visible to readers"),
            (Status::Scheduled, "Scheduled", "published automatically at the time below"),
            (Status::Archived, "Archived", "readable, but no longer listed"),
        ]
        .map(|(status, name, hint)| (status.as_str(), name, hint, status == chosen))
    }

    /// The choices for a post that everyone may read.
    pub(super) fn visibilities(&self) -> Vec<(&'static str, &'static str, &'static str, bool)> {
        let is_offered = |(word, ..): &(&str, &str, &str, bool)| *word != "scheduled";
        self.statuses().into_iter().filter(is_offered).collect()
    }
}

/// The form of a comment.
#[derive(Clone, Debug, Default)]
pub struct CommentForm {
    /// True if the comment that was just sent waits for approval.
    pub is_held: bool,
    /// The Markdown, as typed.
    pub body: String,
    /// The name, as typed.
    pub author: String,
    /// The idempotency key.
    pub key: String,
    /// Why the form was refused as a whole.
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

    /// True if the form was refused and is shown again.
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
    /// The idempotency key of a new note; empty for a change.
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

    /// Replaces the fields that `params` has, and keeps the others.
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

/// The sign-in form. It never shows a typed password again.
#[derive(Clone, Debug, Default)]
pub struct LoginForm {
    /// The user name, as typed.
    pub username: String,
    /// The path on this site to continue at.
    pub next: Option<String>,
    /// True if the name or the password was wrong.
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

/// The registration form. It never shows a typed password again.
#[derive(Clone, Debug, Default)]
pub struct RegisterForm {
    /// The user name, as typed.
    pub username: String,
    /// The email address, as typed.
    pub email: String,
    /// The path on this site to continue at.
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

/// The forms of an account's page, and the result of the last one sent.
#[derive(Clone, Debug, Default)]
pub struct AccountForm {
    /// The confirmation of the last action.
    pub done: Option<&'static str>,
    /// A token that was just created, which is shown once.
    pub token: Option<String>,
    /// The messages of the password form's fields.
    pub password_errors: Errors,
    /// The name of the new token, as typed.
    pub token_name: String,
    /// The messages of the token form's fields.
    pub token_errors: Errors,
}

impl AccountForm {
    /// The refused form of a token, as typed, with its messages.
    pub fn refused_token(params: &Params, errors: Errors) -> AccountForm {
        let token_name = typed(params, "name");
        AccountForm { token_name, token_errors: errors, ..AccountForm::default() }
    }
}

/// The first of these fields with messages; empty if none has any.
fn first(errors: &Errors, fields: &[&'static str]) -> &'static str {
    fields.iter().find(|field| !errors.of(field).is_empty()).copied().unwrap_or_default()
}

/// The text of a field; a form sends text only.
fn typed(params: &Params, field: &str) -> String {
    params.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
