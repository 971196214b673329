//! The page after a conflicting save, when somebody else has saved in the meantime: both versions,
//! their differences, and the form to continue with.

use askama::Template;
use chrono::NaiveDateTime;

use super::super::diff::{self, Diff, Piece};
use super::super::filters;
use super::super::forms::{NoteForm, PostForm};
use super::Frame;
use crate::models::post::Status;

/// The version that was saved in the meantime.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The account that saved it, if any.
    pub by: Option<String>,
    /// When it was saved.
    pub at: NaiveDateTime,
}

impl Saved {
    /// True if the reader saved it.
    fn is_own(&self, frame: &Frame) -> bool {
        self.by.as_deref().is_some_and(|by| by == frame.account())
    }
}

/// A single-line field that differs.
struct Field<'a> {
    name: &'static str,
    saved: &'a str,
    typed: &'a str,
}

/// A stale `POST /posts/{id}`.
#[derive(Debug, Template)]
#[template(path = "posts/conflict.html")]
pub struct PostConflict {
    /// The page's frame.
    pub frame: Frame,
    /// The post's id.
    pub id: i64,
    /// The version saved in the meantime.
    pub saved: Saved,
    /// The form with the current post.
    pub theirs: PostForm,
    /// The form as typed, based on the post's current version.
    pub form: PostForm,
}

impl PostConflict {
    /// The single-line fields that differ.
    fn fields(&self) -> Vec<Field<'_>> {
        let (theirs, mine) = (&self.theirs, &self.form);
        let mut fields = Vec::new();
        let mut add = |name, saved, typed| fields.push(Field { name, saved, typed });
        if theirs.title != mine.title {
            add("Title", &*theirs.title, &*mine.title);
        }
        if tags(&theirs.tags) != tags(&mine.tags) {
            add("Tags", &theirs.tags, &mine.tags);
        }
        if theirs.status != mine.status {
            add("Status", status(&theirs.status), status(&mine.status));
        }
        let scheduled = Status::Scheduled.as_str();
        let is_timed = theirs.status == scheduled || mine.status == scheduled;
        if is_timed && theirs.publish_at != mine.publish_at {
            add("Publish at", &theirs.publish_at, &mine.publish_at);
        }
        // An empty field leaves the slug unchanged.
        if theirs.slug != mine.slug && !mine.slug.is_empty() {
            add("URL slug", &theirs.slug, &mine.slug);
        }
        fields
    }

    fn text(&self) -> Diff<'_> {
        diff::lines(&self.theirs.body, &self.form.body)
    }
}

/// A stale `POST /notes/{id}`.
#[derive(Debug, Template)]
#[template(path = "notes/conflict.html")]
pub struct NoteConflict {
    /// The page's frame.
    pub frame: Frame,
    /// The note's id.
    pub id: i64,
    /// The version saved in the meantime.
    pub saved: Saved,
    /// The form with the current note.
    pub theirs: NoteForm,
    /// The form as typed, based on the note's current version.
    pub form: NoteForm,
}

impl NoteConflict {
    fn fields(&self) -> Vec<Field<'_>> {
        let title = Field { name: "Title", saved: &self.theirs.title, typed: &self.form.title };
        if title.saved == title.typed { Vec::new() } else { vec![title] }
    }

    fn text(&self) -> Diff<'_> {
        diff::lines(&self.theirs.body, &self.form.body)
    }
}

fn tags(typed: &str) -> Vec<&str> {
    typed.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect()
}

/// The name of a status in the form.
fn status(word: &str) -> &str {
    let named = PostForm::default().statuses().into_iter().find(|(known, ..)| *known == word);
    named.map_or(word, |(_, name, ..)| name)
}
