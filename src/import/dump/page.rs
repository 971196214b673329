//! Turns a page of an export into an entry, by the application's own rules.

use std::path::PathBuf;

use chrono::NaiveDateTime;
use serde_json::{Map, Value};

use super::site::Site;
use crate::import::comments::Comment;
use crate::import::entry::{self, Entry};
use crate::import::report::Note;
use crate::models::post::{NewPost, Status};
use crate::models::slug;

/// When a page is visible, according to the program that exported it.
pub(in crate::import) enum Shown {
    /// It is visible.
    Published,
    /// It becomes visible at this time.
    Scheduled(NaiveDateTime),
    /// It is not visible, for this reason.
    Draft(String),
}

/// A page exported by another program.
pub(in crate::import) struct Page {
    /// The name used in findings.
    pub(in crate::import) name: PathBuf,
    /// The identity by which later imports recognise it.
    pub(in crate::import) source: String,
    pub(in crate::import) title: String,
    pub(in crate::import) slug: String,
    /// Markdown.
    pub(in crate::import) body: String,
    pub(in crate::import) shown: Shown,
    pub(in crate::import) authors: Vec<String>,
    pub(in crate::import) tags: Vec<String>,
    pub(in crate::import) date: Option<NaiveDateTime>,
    pub(in crate::import) updated: Option<NaiveDateTime>,
    /// The paths that it had on its site, decoded.
    pub(in crate::import) addresses: Vec<String>,
    pub(in crate::import) comments_locked: bool,
    pub(in crate::import) comments: Vec<Comment>,
    pub(in crate::import) notes: Vec<Note>,
}

impl Page {
    /// The entry for this page; `now` is its date if it has none.
    pub(in crate::import) fn entry(self, site: &Site, now: NaiveDateTime) -> Result<Entry, Note> {
        let Page { name, source, title, mut notes, .. } = self;
        if source.len() > 2048 || source.contains(char::is_control) {
            return Err(Note::lost(
                "its id is longer than 2048 bytes or has control characters",
                "",
            ));
        }
        let title = entry::title_of(&title, &self.slug, &mut notes);
        let (status, publish_at) = match self.shown {
            Shown::Published => (Status::Published, None),
            Shown::Scheduled(time) if time > now => {
                let words = time.format("%Y-%m-%d %H:%M UTC").to_string();
                notes.push(Note::told("scheduled", words));
                (Status::Scheduled, Some(time))
            }
            Shown::Scheduled(_) => (Status::Published, None),
            Shown::Draft(why) => {
                notes.push(Note::told(format!("as a draft: {why}"), ""));
                (Status::Draft, None)
            }
        };
        let tags = entry::tags_of(self.tags.iter().map(String::as_str), &mut notes);
        let author = entry::author_of(&self.authors, &mut notes);
        if self.body.trim().is_empty() {
            notes.push(Note::told("no text", ""));
        }
        if self.date.is_none() {
            notes.push(Note::told("no date; today's date is used", ""));
        }
        let slug = Some(self.slug).filter(|words| slug::is_valid(words));
        let text = |text: Option<String>| text.map_or(Value::Null, Value::String);
        let params = Map::from_iter([
            ("title".to_owned(), Value::String(title)),
            ("body".to_owned(), Value::String(self.body)),
            ("slug".to_owned(), text(slug)),
            ("status".to_owned(), Value::String(status.as_str().to_owned())),
            ("publish_at".to_owned(), text(publish_at.map(entry::rfc3339))),
            ("tags".to_owned(), tags.into_iter().map(Value::String).collect()),
            ("author".to_owned(), text(author)),
            ("comments_locked".to_owned(), Value::Bool(self.comments_locked)),
        ]);
        let post =
            NewPost::imported(&params, source, now).map_err(|errors| entry::refused(&errors))?;
        let links = site.links(&post.body, &mut notes);
        entry::bound(&mut notes);
        let inserted_at = self.date.unwrap_or(now);
        Ok(Entry {
            first_line: None,
            path: name,
            links,
            post,
            inserted_at,
            dated: self.date.is_some(),
            updated_at: self.updated.unwrap_or(inserted_at).max(inserted_at),
            addresses: self.addresses,
            comments: self.comments,
            notes,
        })
    }
}

/// The name of a page in findings: its slug, or its title if it has none, and its id.
pub(in crate::import) fn name(slug: &str, title: &str, id: &str) -> PathBuf {
    let words = if slug.trim().is_empty() { title } else { slug };
    let words: String = words.trim().chars().take(80).collect();
    let id: String = id.chars().take(60).collect();
    PathBuf::from(format!("{words} ({id})").trim_start())
}
