//! One file becomes one entry: a post that passes the application's own rules, with its dates and
//! its identity. Otherwise a reason, in the few words that the summary gives.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::date;
use super::front_matter::{self, FrontMatter};
use crate::changeset::is_blank;
use crate::models::now;
use crate::models::post::{NewPost, Status};

/// Largest file in bytes: the largest body, the largest front matter, and some for `\r\n`.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// Longest identity in bytes.
const MAX_SOURCE: usize = 2048;

/// The fields that a changeset may refuse, in the order in which the first one is told.
const FIELDS: [&str; 5] = ["title", "body", "status", "tags", "author"];

/// A post to be, from a file.
///
/// Its `source` is its identity: `path:` and Zola's `path`, the page's place on its site, which
/// stays when the file is renamed; else `file:` and the path below the imported folder, which stays
/// when the folder is moved. (A `slug` is only unique within a section, a permalink may be a
/// pattern.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file, below the folder.
    pub path: PathBuf,
    /// The post that it describes.
    pub post: NewPost,
    /// Its date.
    pub inserted_at: NaiveDateTime,
    /// False when nothing names a date, so that the file's own time stands in.
    pub dated: bool,
    /// The date of its last change, by its front matter; never before `inserted_at`.
    pub updated_at: NaiveDateTime,
}

impl Entry {
    /// Reads the file, whose path below the imported folder is `relative`.
    pub fn read(file: &Path, relative: &Path) -> Result<Entry, String> {
        if is_section(relative) {
            return Err("section file".to_owned());
        }
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        let file = File::open(file).map_err(unreadable)?;
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let modified =
            modified.map_or_else(|_| now(), |time| DateTime::<Utc>::from(time).naive_utc());
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(format!("larger than {} MiB", MAX_FILE / (1024 * 1024)));
        }
        if bytes.is_empty() {
            return Err("file is empty".to_owned());
        }
        let text = String::from_utf8(bytes).map_err(|_| "not UTF-8")?;
        Entry::parse(&text, relative, modified)
    }

    /// Makes an entry of a file's text. `modified` is its date when nothing else says one.
    pub fn parse(text: &str, relative: &Path, modified: NaiveDateTime) -> Result<Entry, String> {
        let name = slashed(relative).ok_or("file name is not UTF-8")?;
        let (front_matter, body) = front_matter::parse(text)?;
        let title = front_matter.title.as_deref().map(str::trim).filter(|title| !is_blank(title));
        let title = title.ok_or("no title")?.to_owned();
        if is_blank(&body) {
            return Err("body is empty".to_owned());
        }
        let written = written(&front_matter, &name)?;
        let updated = given("updated", front_matter.updated.as_deref())?;
        let inserted_at = written.or_else(|| date::kept(modified)).unwrap_or_else(now);
        let draft = front_matter.is_draft().ok_or("draft is invalid")?;
        let draft = draft || name.split('/').any(|folder| folder == "_drafts");
        let status = if draft { Status::Draft } else { Status::Published };
        let tags = front_matter.tags().into_iter().map(Value::String).collect();
        let params = Map::from_iter([
            ("title".to_owned(), Value::String(title)),
            ("body".to_owned(), Value::String(body)),
            ("status".to_owned(), Value::String(status.as_str().to_owned())),
            ("tags".to_owned(), Value::Array(tags)),
            ("author".to_owned(), front_matter.author().map_or(Value::Null, Value::String)),
        ]);
        let post =
            NewPost::imported(&params, source(&front_matter, &name)?, now()).map_err(|errors| {
                let first =
                    FIELDS.iter().find_map(|field| Some((field, errors.of(field).first()?)));
                first.map_or_else(
                    || "is invalid".to_owned(),
                    |(field, why)| format!("{field} {why}"),
                )
            })?;
        let updated_at = updated.unwrap_or(inserted_at).max(inserted_at);
        Ok(Entry {
            path: relative.to_owned(),
            post,
            inserted_at,
            dated: written.is_some(),
            updated_at,
        })
    }
}

/// Zola's and Hugo's `_index.md`, also `_index.fr.md`: a list of pages, not a page.
fn is_section(relative: &Path) -> bool {
    let name = relative.file_name().map(std::ffi::OsStr::as_encoded_bytes);
    name.is_some_and(|name| name.starts_with(b"_index."))
}

/// The path with `/` on every system.
fn slashed(relative: &Path) -> Option<String> {
    let names: Option<Vec<&str>> = relative.iter().map(std::ffi::OsStr::to_str).collect();
    names.map(|names| names.join("/"))
}

fn written(front_matter: &FrontMatter, name: &str) -> Result<Option<NaiveDateTime>, String> {
    Ok(given("date", front_matter.date.as_deref())?
        .or_else(|| front_matter.path.as_deref().and_then(date::in_path))
        .or_else(|| date::in_path(name)))
}

/// A date that is given must be one: any other would put the post where nobody expects it.
fn given(field: &str, text: Option<&str>) -> Result<Option<NaiveDateTime>, String> {
    match text.filter(|text| !is_blank(text)) {
        None => Ok(None),
        Some(text) => date::parse(text).map(Some).ok_or_else(|| format!("{field} is invalid")),
    }
}

fn source(front_matter: &FrontMatter, name: &str) -> Result<String, String> {
    let path = front_matter.path.as_deref().map(|path| path.trim().trim_matches('/'));
    let source = match path.filter(|path| !is_blank(path)) {
        Some(path) => format!("path:{path}"),
        None => format!("file:{name}"),
    };
    if source.len() > MAX_SOURCE || source.contains(char::is_control) {
        return Err("path is invalid".to_owned());
    }
    Ok(source)
}

#[cfg(test)]
mod tests;
