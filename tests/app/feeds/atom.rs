//! Parses an Atom feed as strictly as RFC 4287 requires.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use roxmltree::{Document, Node};

use crate::support::Answer;

const ATOM: &str = "http://www.w3.org/2005/Atom";

/// A feed.
#[derive(Debug, PartialEq)]
pub(super) struct Feed {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) own: String,
    pub(super) page: Option<String>,
    pub(super) entries: Vec<Entry>,
}

/// An entry of a feed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) link: String,
    pub(super) published: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) author: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) summary: Option<String>,
    pub(super) content: Option<String>,
}

/// The feed in a response. Panics unless it has everything that RFC 4287 requires.
#[track_caller]
pub(super) fn feed(answer: &Answer) -> Feed {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some("application/atom+xml; charset=utf-8"));
    assert!(answer.body.len() <= 1024 * 1024, "{}", answer.body.len());
    let text = std::str::from_utf8(&answer.body).expect("UTF-8");
    let document = Document::parse(text).expect("XML");
    let root = document.root_element();
    assert_eq!((root.tag_name().namespace(), root.tag_name().name()), (Some(ATOM), "feed"));
    let all = document.descendants().filter(Node::is_element);
    assert!(all.into_iter().all(|node| node.tag_name().namespace() == Some(ATOM)));
    let known = ["id", "title", "link", "updated", "author", "entry"];
    let mut children = root.children().filter(Node::is_element);
    assert!(children.all(|child| known.contains(&child.tag_name().name())));
    // Entries without an author inherit the feed's.
    assert!(!one(one_element(root, "author"), "name").is_empty());
    let entries: Vec<_> = elements(root, "entry").map(entry).collect();
    let updated = time(&one(root, "updated"));
    if let Some(newest) = entries.iter().map(|entry| entry.updated).max() {
        assert_eq!(updated, newest);
    }
    let ids: BTreeSet<_> = entries.iter().map(|entry| &entry.id).collect();
    assert_eq!(ids.len(), entries.len(), "ids are not unique");
    Feed {
        id: urn(&one(root, "id")),
        title: one(root, "title"),
        own: link(root, "self").expect("no link to itself"),
        page: link(root, "alternate"),
        entries,
    }
}

fn entry(node: Node<'_, '_>) -> Entry {
    let content = optional(node, "content");
    if content.is_some() {
        assert_eq!(one_element(node, "content").attribute("type"), Some("html"));
    }
    let author = elements(node, "author").next().map(|author| one(author, "name"));
    let term = |tag: Node<'_, '_>| tag.attribute("term").expect("a term").to_owned();
    Entry {
        id: urn(&one(node, "id")),
        title: one(node, "title"),
        link: link(node, "alternate").expect("no link to its page"),
        published: time(&one(node, "published")),
        updated: time(&one(node, "updated")),
        author,
        tags: elements(node, "category").map(term).collect(),
        summary: optional(node, "summary"),
        content,
    }
}

fn elements<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    node.children().filter(move |child| child.has_tag_name((ATOM, name)))
}

fn one_element<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'a str) -> Node<'a, 'i> {
    let mut found = elements(node, name);
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "one {name}");
    first.unwrap_or_else(|| panic!("no {name}"))
}

fn one(node: Node<'_, '_>, name: &str) -> String {
    one_element(node, name).text().unwrap_or_default().to_owned()
}

fn optional(node: Node<'_, '_>, name: &str) -> Option<String> {
    elements(node, name).next().map(|_| one(node, name))
}

fn link(node: Node<'_, '_>, rel: &str) -> Option<String> {
    let mut links = elements(node, "link").filter(|link| link.attribute("rel") == Some(rel));
    let link = links.next()?.attribute("href").expect("an address");
    assert!(links.next().is_none(), "several links of one kind");
    assert!(link.starts_with("http") && link.is_ascii() && !link.contains(' '), "{link}");
    Some(link.to_owned())
}

pub(super) fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
}

fn urn(id: &str) -> String {
    let digits = id.strip_prefix("urn:uuid:").unwrap_or_else(|| panic!("{id}"));
    let lengths: Vec<_> = digits.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    id.to_owned()
}
