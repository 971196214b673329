//! Turns one file into one entry: a post that passes the application's own rules, with its dates,
//! identity and old addresses. Otherwise returns the note that says why not.

mod dates;
mod fields;
mod status;
mod tags;
mod title;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::NaiveDateTime;
use serde_json::{Map, Value};

pub(super) use self::dates::Dates;
pub(super) use self::fields::{Layers, author_of, rfc3339};
pub(super) use self::tags::{categories, tags_of};
pub(super) use self::title::title_of;
use super::comments::Comment;
use super::front_matter::{self, FrontMatter};
use super::links::{self, Inner};
use super::report::Note;
use super::site::{Generator, Kind, Place, Section, Site};
use super::{address, date, html, identity, marks};
use crate::changeset::Errors;
use crate::models::now;
use crate::models::post::NewPost;

/// The fields that a changeset may refuse, in the order in which their errors are reported.
const FIELDS: [&str; 4] = ["title", "body", "tags", "author"];

/// Why a file in a Hugo page bundle is left out.
pub(super) const RESOURCE: &str = "a resource of a page bundle, not a page";

/// Maximum number of notes on one file.
const MAX_NOTES: usize = 50;

/// A post to create, read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path of the file relative to the imported folder.
    pub path: PathBuf,
    /// The post that it describes. Its `source` is its identity: see `identity`.
    pub post: NewPost,
    /// Its date, in UTC.
    pub inserted_at: NaiveDateTime,
    /// False if nothing gives a date, so that the file's modification time is used.
    pub dated: bool,
    /// The date of its last change according to its front matter; never before `inserted_at`.
    pub updated_at: NaiveDateTime,
    /// The paths that it had on its site, and its aliases: each begins with `/`, is decoded, and
    /// ends as the generator ends it.
    pub addresses: Vec<String>,
    /// The line of its file on which its body begins, if the file holds only this entry.
    pub first_line: Option<usize>,
    /// The links and images of its body that lead into the site itself, in the order of the text.
    pub links: Vec<Inner>,
    /// The comments on it.
    pub comments: Vec<Comment>,
    /// Notes for the report.
    pub notes: Vec<Note>,
}

/// The location of a file, and the time at which it is read.
pub struct Context<'a> {
    /// Its site.
    pub site: &'a Site,
    /// Its path relative to the imported folder.
    pub relative: &'a Path,
    /// Its path relative to the site's folder, with `/` as separator.
    pub path: &'a str,
    /// The sections above it, the nearest first.
    pub(super) sections: &'a [Rc<Section>],
    /// Whether Hugo treats it as a resource of another page.
    pub(super) is_resource: bool,
    /// Whether a regular file has this path relative to the site's folder.
    pub exists: &'a dyn Fn(&str) -> bool,
    /// The date used if nothing else gives one.
    pub modified: NaiveDateTime,
    /// The time that separates past dates from future ones.
    pub now: NaiveDateTime,
}

impl<'a> Context<'a> {
    /// The context of a file that belongs to no known site.
    pub fn alone(site: &'a Site, relative: &'a Path, path: &'a str, at: NaiveDateTime) -> Self {
        Context {
            site,
            relative,
            path,
            sections: &[],
            is_resource: false,
            exists: &|_| false,
            modified: at,
            now: now(),
        }
    }
}

impl Entry {
    /// Makes an entry from the text of a file.
    pub fn parse(text: &str, context: &Context<'_>) -> Result<Entry, Note> {
        let site = context.site;
        let place = Place::of(site, context.path);
        match place.kind {
            Kind::Outside(why) => return Err(Note::told(why, "")),
            _ if context.is_resource && site.generator == Generator::Hugo => {
                return Err(Note::told(RESOURCE, ""));
            }
            Kind::Section => return Err(section(text)),
            _ => {}
        }
        let read = match site.generator {
            // Hugo shows a page without front matter, titled by its file name.
            Generator::Hugo => {
                front_matter::read(text)?.unwrap_or_else(|| front_matter::without(text))
            }
            _ => front_matter::parse(text)?,
        };
        let sections = fields::sections(site, &place, context.sections);
        let context = &Context { sections: &sections, ..*context };
        let cascades = fields::cascades(site, &place, context.sections);
        let layers = Layers { own: &read.fields, below: &cascades };
        let mut notes: Vec<Note> = Vec::new();
        for repeated in &read.repeated {
            let what = "a duplicate key; the last one is used";
            notes.push(Note::lost(what, &*repeated.key).on(repeated.line));
        }
        let title = title::of(&layers, site, &place, &mut notes);
        let dates = dates::of(&layers, site, &place, &mut notes);
        let shown = status::of(&layers, context, &place, &dates, &read.body, &mut notes);
        let tags = tags::of(&layers, site, &place, &mut notes);
        let body = body(&read, context, &mut notes);
        let (source, addresses) =
            (identity::source(&layers, &place)?, address::all(&layers, context, &place, &dates));
        let modified = date::kept(context.modified).unwrap_or(context.now);
        let inserted_at = dates.date.unwrap_or(modified);
        if dates.date.is_none() && !dates.unclear {
            notes.push(Note::told("no date; the file's modification time is used", ""));
        }
        let text = |text: Option<String>| text.map_or(Value::Null, Value::String);
        let params = Map::from_iter([
            ("title".to_owned(), Value::String(title)),
            ("body".to_owned(), Value::String(body)),
            ("slug".to_owned(), text(fields::slug(&layers))),
            ("status".to_owned(), Value::String(shown.status.as_str().to_owned())),
            ("publish_at".to_owned(), text(shown.publish_at.map(rfc3339))),
            ("tags".to_owned(), tags.into_iter().map(Value::String).collect()),
            ("author".to_owned(), text(fields::author(&layers, &mut notes))),
        ]);
        bound(&mut notes);
        let post = NewPost::imported(&params, source, context.now);
        let post = post.map_err(|errors| refused(&errors))?;
        Ok(Entry {
            path: context.relative.to_owned(),
            first_line: Some(read.body_line),
            links: links::inner(&post.body, site, &place, context.exists),
            post,
            inserted_at,
            dated: dates.date.is_some(),
            updated_at: dates.updated.unwrap_or(inserted_at).max(inserted_at),
            addresses,
            comments: Vec::new(),
            notes,
        })
    }
}

impl Entry {
    /// The total size of its texts in bytes.
    pub(super) fn weight(&self) -> usize {
        let comments: usize = self.comments.iter().map(|comment| comment.body.len()).sum();
        self.post.body.len() + comments
    }
}

/// Why a post is refused: the first error in it.
pub(super) fn refused(errors: &Errors) -> Note {
    let first = FIELDS.iter().find_map(|field| Some((field, errors.of(field).first()?)));
    let why = first.map_or_else(|| errors.to_string(), |(field, why)| format!("{field} {why}"));
    Note::lost(why, "")
}

/// A file may be crafted to cause a note on each of its lines.
pub(super) fn bound(notes: &mut Vec<Note>) {
    if let Some(more @ 1..) = notes.len().checked_sub(MAX_NOTES) {
        notes.truncate(MAX_NOTES);
        notes.push(Note::lost("too many notes on one file", format!("{more} more")));
    }
}

fn body(read: &FrontMatter, context: &Context<'_>, notes: &mut Vec<Note>) -> String {
    let body = match html::is_html(context.path) {
        true => html::as_block(&read.body),
        false => read.body.clone(),
    };
    let body = marks::translated(&body, context.site, read.body_line, notes);
    if body.trim().is_empty() {
        notes.push(Note::told("no text", ""));
    }
    body
}

/// A section's own page is a list; some sites put a text above it.
fn section(text: &str) -> Note {
    match front_matter::parse(text) {
        Ok(read) if read.body.trim().is_empty() => Note::told("a section's list of pages", ""),
        Ok(read) => {
            Note::lost("a section's list of pages, which has a text", "").on(read.body_line)
        }
        Err(note) => note,
    }
}

#[cfg(test)]
mod tests;
