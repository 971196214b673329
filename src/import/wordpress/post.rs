//! Turns an item into a page: its visibility, author, terms, text and comments.

use super::item::{self, Field, Item};
use super::lookup::{self, Lookup};
use super::shortcodes;
use crate::access::CommentState;
use crate::import::comments::Comment;
use crate::import::dump::names;
use crate::import::dump::page::{Page, Shown};
use crate::import::dump::site;
use crate::import::markup::{self, Lines};
use crate::import::report::Note;

pub(super) fn page(item: Item, lookup: &Lookup) -> Result<Page, Note> {
    if item.cut == Some(Field::Content) {
        return Err(Note::lost("larger than 2 MiB", "").on(item.line));
    }
    let mut notes = Vec::new();
    if item.cut.is_some() {
        notes.push(Note::lost("a field longer than 64 KiB, cut", ""));
    }
    let source = match (item.guid.is_empty(), site::host(&item.link)) {
        (false, _) => format!("wordpress:{}", item.guid),
        (true, Some(host)) if !item.id.is_empty() => format!("wordpress:{host}:{}", item.id),
        _ => return Err(Note::lost("it has neither guid nor link and id", "").on(item.line)),
    };
    if !item.excerpt.is_empty() {
        notes.push(Note::lost("with an excerpt, which posts do not have here", ""));
    }
    let date = names::time(&item.date_gmt)
        .or_else(|| names::time(&item.published))
        .or_else(|| names::time(&item.date));
    let updated = names::time(&item.modified_gmt).or_else(|| names::time(&item.modified));
    let tags = tags(&item, &mut notes);
    let authors = author(&item, lookup, &mut notes);
    let body = body(&item, lookup, &mut notes);
    let comments = comments(&item, &mut notes);
    let name = item.name();
    Ok(Page {
        name,
        source,
        shown: shown(&item),
        addresses: addresses(&item, lookup, &mut notes),
        comments_locked: item.comment_status == "closed",
        // WordPress percent-encodes slugs that are not ASCII.
        slug: percent_encoding::percent_decode_str(&item.slug).decode_utf8_lossy().into_owned(),
        title: markup::words(&item.title),
        authors,
        tags,
        date,
        updated,
        body,
        comments,
        notes,
    })
}

fn shown(item: &Item) -> Shown {
    let draft = |why: &str| Shown::Draft(why.to_owned());
    if item.has_password {
        return draft("protected by a password");
    }
    match item.status.as_str() {
        "publish" => Shown::Published,
        "future" => match names::time(&item.date_gmt).or_else(|| names::time(&item.date)) {
            Some(time) => Shown::Scheduled(time),
            None => draft("scheduled without a date"),
        },
        "draft" | "auto-draft" => draft("a draft"),
        "pending" => draft("pending review"),
        "private" => draft("private"),
        "trash" => draft("in the trash"),
        other => draft(&format!("status {:?}", other.chars().take(40).collect::<String>())),
    }
}

/// Tags first, then categories; other taxonomies get a note.
fn tags(item: &Item, notes: &mut Vec<Note>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for domain in ["post_tag", "tag", "category", ""] {
        for (_, slug, name) in item.terms.iter().filter(|(known, ..)| known == domain) {
            let name = markup::words(name);
            let is_none = slug == "uncategorized" || name == "Uncategorized";
            if !is_none && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    let mut others: Vec<&str> = item.terms.iter().map(|(domain, ..)| domain.as_str()).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|it| !matches!(*it, "post_tag" | "tag" | "category" | "" | "post_format"));
    for domain in others.into_iter().take(20) {
        let domain: String = domain.chars().take(60).collect();
        notes.push(Note::lost(format!("terms of the taxonomy {domain}, left out"), ""));
    }
    found
}

fn author(item: &Item, lookup: &Lookup, notes: &mut Vec<Note>) -> Vec<String> {
    let known = lookup.authors.get(&item.creator).filter(|name| !name.trim().is_empty());
    let name = known.unwrap_or(&item.creator);
    names::person(name, notes).into_iter().collect()
}

fn body(item: &Item, lookup: &Lookup, notes: &mut Vec<Note>) -> String {
    let text = shortcodes::translated(&item.content, lookup, notes);
    let body = markup::converted(&text, Lines::Breaks, notes);
    if item.thumbnail.is_empty() || item.thumbnail == "0" {
        return body;
    }
    let found = item.thumbnail.parse().ok().and_then(|id: u64| lookup.attachments.get(&id));
    match found {
        Some((src, alt)) => {
            // The text may show the picture in another size.
            let stem = src.rsplit_once('.').map_or(src.as_str(), |(stem, _)| stem);
            if body.contains(stem) { body } else { markup::with_picture(src, alt, "", body, notes) }
        }
        None => {
            notes.push(Note::lost("with a picture that is missing from the file", ""));
            body
        }
    }
}

fn addresses(item: &Item, lookup: &Lookup, notes: &mut Vec<Note>) -> Vec<String> {
    let is_out = matches!(item.status.as_str(), "publish" | "private");
    let host = site::host(&item.link);
    if !is_out || host.is_none_or(|host| !lookup.hosts.contains(&host)) {
        return Vec::new();
    }
    let path = lookup::path(&item.link);
    if path.is_none() && item.link.contains('?') {
        let what = "an old address with a query, which cannot be kept";
        notes.push(Note::lost(what, item.link.chars().take(200).collect::<String>()));
    }
    path.into_iter().collect()
}

fn comments(item: &Item, notes: &mut Vec<Note>) -> Vec<Comment> {
    let times = |count: usize| if count == 1 { String::new() } else { format!("{count} times") };
    for (count, note) in [
        (item.unapproved, Note::told("with an unapproved comment, left out", "")),
        (item.pings, Note::told("with a ping from another site, left out", "")),
        (item.beyond, Note::lost("with more comments than the limit", "")),
    ] {
        if count > 0 {
            notes.push(Note { detail: times(count), ..note });
        }
    }
    item.comments.iter().filter_map(|comment| one(comment, notes)).collect()
}

fn one(comment: &item::Comment, notes: &mut Vec<Note>) -> Option<Comment> {
    let time = names::time(&comment.date_gmt).or_else(|| names::time(&comment.date));
    let Some(inserted_at) = time else {
        notes.push(Note::lost("with a comment without a date, left out", "").on(comment.line));
        return None;
    };
    Some(Comment {
        author: names::person(&markup::words(&comment.author), notes),
        account: None,
        body: markup::converted(&comment.content, Lines::Breaks, notes),
        inserted_at,
        state: CommentState::Visible,
        id: None,
        line: Some(comment.line),
    })
}
