//! A row of Ghost's posts table, joined with the rows of other tables.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::tables::Tables;
use super::{body, several};
use crate::import::dump::names;
use crate::import::dump::page::{self, Page, Shown};
use crate::import::report::Note;

/// Maximum bytes of a row.
const MOST: usize = 8 * 1024 * 1024;

/// A row.
type Row = Map<String, Value>;

/// The rows of the other tables, by the ids used in posts.
pub(super) struct Rows {
    tags: HashMap<String, String>,
    users: HashMap<String, String>,
    tags_of: HashMap<String, Vec<(i64, String)>>,
    authors_of: HashMap<String, Vec<(i64, String)>>,
    meta_of: HashMap<String, Row>,
}

impl Rows {
    pub(super) fn of(tables: &Tables<'_>, notes: &mut Vec<Note>) -> Rows {
        let mut unread = 0;
        let mut rows = |table: &[&RawValue]| -> Vec<Row> {
            let rows = table.iter().filter_map(|raw| {
                let row = parsed(raw).ok();
                unread += usize::from(row.is_none());
                row
            });
            rows.collect()
        };
        let named = |rows: Vec<Row>| {
            let pairs = rows.into_iter().map(|row| (text(&row, "id"), text(&row, "name")));
            pairs.filter(|(id, _)| !id.is_empty()).collect()
        };
        let (tags, users) = (named(rows(&tables.tags)), named(rows(&tables.users)));
        let related = |rows: Vec<Row>, other: &str| {
            let mut found: HashMap<String, Vec<(i64, String)>> = HashMap::new();
            for row in rows {
                let order = row.get("sort_order").and_then(Value::as_i64).unwrap_or_default();
                found.entry(text(&row, "post_id")).or_default().push((order, text(&row, other)));
            }
            // The sort is stable: rows without an order keep theirs.
            found.values_mut().for_each(|rows| rows.sort_by_key(|(order, _)| *order));
            found
        };
        let tags_of = related(rows(&tables.posts_tags), "tag_id");
        let authors_of = related(rows(&tables.posts_authors), "author_id");
        let meta = rows(&tables.posts_meta).into_iter();
        let meta_of = meta.map(|row| (text(&row, "post_id"), row)).collect();
        if unread > 0 {
            notes.push(several("a row of another table is not understood", unread));
        }
        Rows { tags, users, tags_of, authors_of, meta_of }
    }

    /// The page of the `n`th row, or why there is none.
    pub(super) fn page(&self, raw: &RawValue, n: usize) -> Result<Page, (PathBuf, Note)> {
        let row = parsed(raw).map_err(|note| (PathBuf::from(format!("post {}", n + 1)), note))?;
        let (id, uuid) = (text(&row, "id"), text(&row, "uuid"));
        let known = if uuid.is_empty() { &id } else { &uuid };
        let (title, slug) = (text(&row, "title"), text(&row, "slug"));
        let name = page::name(&slug, &title, known);
        if known.is_empty() {
            return Err((name, Note::lost("it has neither uuid nor id", "")));
        }
        let mut notes = Vec::new();
        let meta = self.meta_of.get(&id);
        let (body, is_read) = body::of(&row, meta, &mut notes);
        for (key, what) in [
            ("custom_excerpt", "with an excerpt, which posts do not have here"),
            ("codeinjection_head", "with code for the head of its page, left out"),
            ("codeinjection_foot", "with code for the foot of its page, left out"),
            ("canonical_url", "with a canonical address, which is not kept"),
        ] {
            if !text(&row, key).trim().is_empty() {
                notes.push(Note::lost(what, ""));
            }
        }
        let shown = shown(&row, meta, is_read);
        let was_out = !matches!(text(&row, "status").as_str(), "draft" | "sent");
        let has_address = was_out && !slug.trim().is_empty() && !slug.contains(['/', '\\']);
        Ok(Page {
            source: format!("ghost:{known}"),
            tags: self.tags(&id, &mut notes),
            authors: self.authors(&id, &row, &mut notes),
            date: first(&row, &["published_at", "created_at"]),
            updated: first(&row, &["updated_at"]),
            addresses: if has_address { vec![format!("/{}/", slug.trim())] } else { Vec::new() },
            comments_locked: false,
            comments: Vec::new(),
            name,
            title,
            slug,
            body,
            shown,
            notes,
        })
    }

    fn tags(&self, post: &str, notes: &mut Vec<Note>) -> Vec<String> {
        let mut found = Vec::new();
        for (_, id) in self.tags_of.get(post).into_iter().flatten() {
            match self.tags.get(id) {
                Some(tag) if tag.starts_with('#') => {
                    let tag: String = tag.chars().take(60).collect();
                    notes.push(Note::told("with an internal tag, left out", tag));
                }
                Some(tag) => found.push(tag.clone()),
                None => notes.push(Note::lost("with a tag that is missing from the file", "")),
            }
        }
        found
    }

    fn authors(&self, post: &str, row: &Row, notes: &mut Vec<Note>) -> Vec<String> {
        let related: Vec<&String> =
            self.authors_of.get(post).into_iter().flatten().map(|(_, id)| id).collect();
        let own = text(row, "author_id");
        let ids = if related.is_empty() { vec![&own] } else { related };
        let mut found: Vec<String> = Vec::new();
        for id in ids {
            let name = self.users.get(id).and_then(|name| names::person(name, notes));
            found.extend(name.filter(|name| !found.contains(name)));
        }
        found
    }
}

fn shown(row: &Row, meta: Option<&Row>, is_read: bool) -> Shown {
    let draft = |why: &str| Shown::Draft(why.to_owned());
    let visibility = text(row, "visibility");
    let status = text(row, "status");
    let is_email = meta.is_some_and(|meta| is_true(meta, "email_only"));
    match status.as_str() {
        "draft" => draft("a draft"),
        "sent" => draft("sent only by email"),
        _ if is_email => draft("sent only by email"),
        _ if !matches!(visibility.as_str(), "" | "public") => draft("for members only"),
        _ if !is_read => draft("no text that can be read"),
        "published" => Shown::Published,
        "scheduled" => match first(row, &["published_at"]) {
            Some(time) => Shown::Scheduled(time),
            None => draft("scheduled without a date"),
        },
        other => draft(&format!("status {:?}", other.chars().take(40).collect::<String>())),
    }
}

fn parsed(raw: &RawValue) -> Result<Row, Note> {
    if raw.get().len() > MOST {
        return Err(Note::lost("larger than 8 MiB", ""));
    }
    let row = serde_json::from_str(raw.get());
    row.map_err(|error| Note::lost("not understood", error.to_string()))
}

fn first(row: &Row, keys: &[&str]) -> Option<chrono::NaiveDateTime> {
    keys.iter().find_map(|key| names::time(&text(row, key)))
}

/// The text of a field, or its number as text; empty for anything else.
pub(super) fn text(row: &Row, key: &str) -> String {
    match row.get(key) {
        Some(Value::String(text)) => text.replace('\0', ""),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// SQLite and MySQL store booleans as numbers.
fn is_true(row: &Row, key: &str) -> bool {
    match row.get(key) {
        Some(Value::Bool(is_true)) => *is_true,
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    }
}
