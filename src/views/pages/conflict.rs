//! What a save comes back to when somebody else has saved in the meantime: both versions, in what they
//! differ, and the form to go on with.

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
    /// The account that saved it, where one did.
    pub by: Option<String>,
    /// When it was saved.
    pub at: NaiveDateTime,
}

impl Saved {
    /// Whether the reader saved it.
    fn is_own(&self, frame: &Frame) -> bool {
        self.by.as_deref().is_some_and(|by| by == frame.account())
    }
}

/// A field of one line that differs.
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
    /// The name of the last editor.
    pub saved: Saved,
    /// The form of the post as it is now.
    pub theirs: PostForm,
    /// The form as typed, of the version that the post has now.
    pub form: PostForm,
}

impl PostConflict {
    /// The fields of one line that differ.
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
        // An empty field leaves the words as they are.
        if theirs.slug != mine.slug && !mine.slug.is_empty() {
            add("Words in the address", &theirs.slug, &mine.slug);
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
    /// The name of the last editor.
    pub saved: Saved,
    /// The form of the note as it is now.
    pub theirs: NoteForm,
    /// The form as typed, of the version that the note has now.
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

/// A status in the form's words.
fn status(word: &str) -> &str {
    let named = PostForm::default().statuses().into_iter().find(|(known, ..)| *known == word);
    named.map_or(word, |(_, name, ..)| name)
}
