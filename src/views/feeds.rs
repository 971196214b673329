//! Atom feeds (RFC 4287). Owns which posts a feed has in full, the ids, and the escaping for XML;
//! leaves requests to the controllers.

mod subject;

use std::collections::HashMap;

use askama::Template;
use chrono::{DateTime, NaiveDateTime};
use sha2::{Digest, Sha256};

pub use self::subject::Subject;
pub(super) use self::subject::{of_author, of_tag};
use super::filters;
use crate::markdown::{self, Container, escape_character};
use crate::models::post::Head;
use crate::models::site_key::Key;
use crate::reach::Address;
use crate::site::Site;

/// The most posts in a feed.
pub const POSTS: i64 = 20;

/// The most bytes of a feed. Posts that do not fit have only their summaries.
pub const MAX: usize = 1024 * 1024;

/// An upper bound for the bytes of `<content type="html">`, `</content>` and a line break.
const AROUND: usize = 64;

/// The characters of a body that a summary needs: one more than an excerpt reads, to show whether
/// there is more.
pub const START: i32 = markdown::LOOKED_AT as i32 + 1;

/// A feed.
#[derive(Debug, Template)]
#[template(path = "feed.xml")]
struct Feed {
    id: String,
    title: String,
    /// The site's name.
    site: String,
    subtitle: Option<String>,
    /// The URL of the feed.
    address: String,
    /// The URL of the page with the same posts.
    page: String,
    updated: String,
    entries: Vec<Entry>,
}

/// A post.
#[derive(Debug)]
struct Entry {
    id: String,
    title: String,
    address: String,
    published: String,
    updated: String,
    author: Option<String>,
    tags: Vec<String>,
    summary: String,
    /// HTML, escaped for XML.
    content: Option<String>,
}

/// The ids of the posts whose bodies fit into a feed. Their HTML may be longer: [`atom`] decides
/// which are included.
pub fn chosen(heads: &[Head]) -> Vec<i64> {
    let mut left = MAX;
    let fits = |head: &&Head| match left.checked_sub(head.size) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    heads.iter().filter(fits).map(|head| head.id).collect()
}

/// The feed of these posts, with the [`chosen`] bodies by post id. It renders Markdown: call it off
/// the event loop.
pub fn atom(
    site: &Site,
    subject: &Subject,
    heads: &[Head],
    bodies: &HashMap<i64, String>,
    address: &Address,
    key: &Key,
) -> askama::Result<String> {
    let entries = heads.iter().map(|head| Entry::of(head, address, key)).collect();
    let newest = heads.iter().map(changed_at).max().unwrap_or(DateTime::UNIX_EPOCH.naive_utc());
    let mut feed = Feed {
        id: id(key, &subject.name()),
        title: subject.title(&site.name),
        site: site.name.clone(),
        // The description is of the site, not of a tag or an author.
        subtitle: site.description.clone().filter(|_| *subject == Subject::Site),
        address: address.to(&subject.path()),
        page: address.to(&subject.page()),
        updated: rfc3339(newest),
        entries,
    };
    let mut left = MAX.saturating_sub(feed.render()?.len());
    for (entry, head) in feed.entries.iter_mut().zip(heads) {
        let Some(body) = bodies.get(&head.id) else { continue };
        let element = format!("post-{}", head.id);
        let container = Container { id: &element, top: 2, is_page: true, root: address.path() };
        // Without the slug: cached renderings then stay valid when it changes.
        let base = address.url(&format!("/posts/{}", head.id));
        let html = markdown::render_from(body, &container, &base);
        if html.len() > left {
            continue;
        }
        let content = xml(&html);
        if let Some(rest) = left.checked_sub(content.len() + AROUND) {
            left = rest;
            entry.content = Some(content);
        }
    }
    feed.render()
}

impl Entry {
    fn of(head: &Head, address: &Address, key: &Key) -> Entry {
        Entry {
            id: id(key, &format!("post {}", head.id)),
            title: head.title.clone(),
            address: address.to(&head.path()),
            published: rfc3339(head.shown_at),
            updated: rfc3339(changed_at(head)),
            author: head.author.clone(),
            tags: head.tags.clone(),
            summary: markdown::excerpt(&head.start),
            content: None,
        }
    }
}

/// When a change became visible: not before the post was shown.
fn changed_at(head: &Head) -> NaiveDateTime {
    head.updated_at.max(head.shown_at)
}

fn rfc3339(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A stable id, which does not change with the title, the address or the site's host: a UUID
/// (RFC 9562, version 8) from a digest with the site's own key.
fn id(key: &Key, name: &str) -> String {
    let digest = Sha256::new().chain_update(key).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let mut number = u128::from_be_bytes(bytes);
    number = number & !(0xf << 76) | 0x8 << 76;
    number = number & !(0x3 << 62) | 0x2 << 62;
    let digits = format!("{number:032x}");
    let (a, b, c, d, e) =
        (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

/// Escapes a text for XML 1.0, and drops the characters that XML cannot contain.
pub(super) fn xml(text: &str) -> String {
    let mut xml = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '\t' | '\n' => xml.push(character),
            // A parser would turn it into a line feed.
            '\r' => xml.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => escape_character(character, &mut xml),
        }
    }
    xml
}

#[cfg(test)]
mod tests;
