//! Finds the links and images in a text that lead to files and pages of the imported site. Pure.
//!
//! This module resolves the target of a link. The store knows where pages and files are now, so it
//! chooses the new destination and calls [`rewritten`].

use std::collections::HashMap;
use std::ops::Range;

use percent_encoding::percent_decode_str;
use pulldown_cmark::{Event, LinkType, Parser, Tag, TagEnd};

use super::site::{Generator, Place, Site};
use super::walk;
use crate::markdown;

/// A link or an image as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The byte range of its destination in the text, without the brackets around it.
    pub range: Range<usize>,
    /// Whether it is an image.
    pub is_image: bool,
    /// Its destination, with Markdown's escapes resolved.
    pub destination: String,
}

/// The target of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file of the site that holds a page: its path relative to the site's folder.
    Page(String),
    /// Another file of the site: its path relative to the site's folder.
    File(String),
    /// An address on the site for which no file is found: with the site's base path, decoded.
    Address(String),
    /// A relative path for which no file is found.
    Relative,
}

/// A link that leads into the site itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    /// The link.
    pub link: Link,
    /// Its target.
    pub target: Target,
    /// The part after the path: `#part`, `?query`, or nothing.
    pub suffix: String,
    /// The address that the file had on the site, if the link does not give it.
    pub address: Option<String>,
}

/// The links of a text that lead into the site itself, in the order of the text. `exists` says
/// whether a regular file has this path relative to the site's folder.
pub fn inner(body: &str, site: &Site, place: &Place, exists: &dyn Fn(&str) -> bool) -> Vec<Inner> {
    // Many links of a page have the same destination.
    let mut known: HashMap<String, Option<(Target, String)>> = HashMap::new();
    found(body, |link| {
        let destination = &link.destination;
        if !known.contains_key(destination) {
            let led = resolved(destination, site, place, exists);
            known.insert(destination.clone(), led);
        }
        let (target, suffix) = known.get(destination)?.clone()?;
        Some((target, suffix, None))
    })
}

/// The links of a text that `resolve` knows. It gives the target of each, the part after the path,
/// and the address that a file had.
pub(super) fn found(
    body: &str,
    mut resolve: impl FnMut(&Link) -> Option<(Target, String, Option<String>)>,
) -> Vec<Inner> {
    let found = all(body).into_iter().filter_map(|link| {
        let (target, suffix, address) = resolve(&link)?;
        Some(Inner { link, target, suffix, address })
    });
    found.collect()
}

/// The text with the destinations that `replace` gives; the others stay as they are.
pub fn rewritten(
    body: &str,
    links: &[Inner],
    mut replace: impl FnMut(&Inner) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(body.len());
    let mut from = 0;
    for inner in links {
        let Range { start, end } = inner.link.range;
        if let Some(new) = replace(inner).filter(|_| start >= from)
            && let Some(before) = body.get(from..start)
        {
            out.push_str(before);
            out.push_str(&new);
            from = end;
        }
    }
    out.push_str(body.get(from..).unwrap_or_default());
    out
}

/// All links and images of a text whose destination occurs in it verbatim.
fn all(body: &str) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    // The end of the text of each open link, so far.
    let mut open: Vec<(Range<usize>, usize, bool, String, bool)> = Vec::new();
    let parser = Parser::new_ext(body, markdown::extensions());
    let definitions: Vec<(Range<usize>, String)> = parser
        .reference_definitions()
        .iter()
        .map(|(_, definition)| (definition.span.clone(), definition.dest.to_string()))
        .collect();
    for (event, range) in parser.into_offset_iter() {
        let end = range.end;
        match event {
            Event::Start(
                Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. },
            ) => {
                let is_inline = link_type == LinkType::Inline;
                let start = range.start + 1;
                let is_image = body.get(range.start..).is_some_and(|text| text.starts_with('!'));
                open.push((range, start, is_image, dest_url.to_string(), is_inline));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if let Some((range, from, is_image, destination, true)) = open.pop() {
                    let part = body.get(from..range.end).unwrap_or_default();
                    let at = part.find("](").map(|at| from + at + 2);
                    let found = at.and_then(|at| destination_at(body, at..range.end, &destination));
                    links.extend(found.map(|range| Link { range, is_image, destination }));
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                attributes(&html, range.start, &mut links);
            }
            _ => {}
        }
        if let Some((whole, so_far, ..)) = open.last_mut()
            && end < whole.end
        {
            *so_far = (*so_far).max(end);
        }
    }
    for (span, destination) in definitions {
        let text = body.get(span.clone()).unwrap_or_default();
        let at = text.find("]:").map(|at| span.start + at + 2);
        let found = at.and_then(|at| destination_at(body, at..span.end, &destination));
        links.extend(found.map(|range| Link { range, is_image: false, destination }));
    }
    links.sort_by_key(|link| link.range.start);
    links
}

/// The range of the destination that begins in this range; `None` unless it occurs verbatim.
fn destination_at(body: &str, range: Range<usize>, destination: &str) -> Option<Range<usize>> {
    let text = body.get(range.clone())?;
    let blank = text.len() - text.trim_start().len();
    let text = text.trim_start();
    let (bracket, text) = match text.strip_prefix('<') {
        Some(text) => (1, text),
        None => (0, text),
    };
    let is_it = !destination.is_empty() && text.starts_with(destination);
    let start = range.start + blank + bracket;
    is_it.then(|| start..start + destination.len())
}

/// The `src` and `href` attributes of HTML that are quoted and contain no entities.
fn attributes(html: &str, offset: usize, links: &mut Vec<Link>) {
    for (name, is_image) in [("src=", true), ("href=", false)] {
        for (at, _) in html.match_indices(name) {
            let is_own = html.get(..at).is_some_and(|before| before.ends_with([' ', '\n', '\t']));
            let rest = html.get(at + name.len()..).unwrap_or_default();
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
                continue;
            };
            let inside = rest.get(1..).unwrap_or_default();
            let Some(end) = inside.find([quote, '<', '&', '\n']) else { continue };
            let (value, after) = inside.split_at(end);
            if is_own && after.starts_with(quote) && !value.is_empty() {
                let start = offset + at + name.len() + 1;
                let range = start..start + value.len();
                links.push(Link { range, is_image, destination: value.to_owned() });
            }
        }
    }
}

/// The target of a destination in its own site, and the part after the path. `None` if it leads to
/// another site or to a part of the same page, or is not a path.
fn resolved(
    destination: &str,
    site: &Site,
    place: &Place,
    exists: &dyn Fn(&str) -> bool,
) -> Option<(Target, String)> {
    let end = destination.find(['?', '#']).unwrap_or(destination.len());
    let (path, suffix) = destination.split_at(end);
    let is_other = path.starts_with("//")
        || path.find(':').is_some_and(|at| path.get(..at).is_some_and(|it| !it.contains('/')));
    if path.is_empty() || is_other || path.len() > 1024 {
        return None;
    }
    let path = percent_decode_str(path).decode_utf8().ok()?;
    // Liquid and shortcodes that were not translated have their own notes.
    let is_code = path.contains("{{") || path.contains("{%");
    if is_code || path.contains(|c: char| c.is_control() || c == '\\') {
        return None;
    }
    let content = content_folder(site, place);
    let own = place.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut tries: Vec<String> = Vec::new();
    if let Some(page) = path.strip_prefix("@/") {
        tries.extend(joined(content, page));
    } else if let Some(below) = path.strip_prefix('/') {
        let base = site.config.base.trim_start_matches('/');
        let below = below.strip_prefix(base).filter(|_| !base.is_empty()).unwrap_or(below);
        let folders = match site.generator {
            Generator::Jekyll => &[""][..],
            Generator::Hugo => &["static", "assets"],
            Generator::Zola => &["static"],
            Generator::Unknown | Generator::Kilonova => &["", "static"],
        };
        tries.extend(folders.iter().chain([&content]).filter_map(|folder| joined(folder, below)));
    } else {
        tries.extend(joined(own, &path));
        tries.extend(joined(&format!("{own}/{}", place.name), &path).filter(|_| !place.bundle));
        // Hugo's `ref` also takes paths from the top.
        tries.extend(joined(content, &path).filter(|_| site.generator == Generator::Hugo));
    }
    for name in tries.iter().filter(|name| !name.is_empty()) {
        for ending in ["", ".md", "/index.md", ".markdown", ".html"] {
            let file = format!("{name}{ending}");
            if exists(&file) {
                let is_page = walk::holds_page(&file);
                let target = if is_page { Target::Page(file) } else { Target::File(file) };
                return Some((target, suffix.to_owned()));
            }
        }
    }
    let target = match path.starts_with('/') {
        true => Target::Address(path.into_owned()),
        false if path.starts_with("@/") => Target::Page(path.into_owned()),
        false => Target::Relative,
    };
    Some((target, suffix.to_owned()))
}

/// The content folder that a page is in.
fn content_folder<'a>(site: &'a Site, place: &Place) -> &'a str {
    let folders = site.config.content.iter().map(|content| content.folder.as_str());
    folders.into_iter().find(|folder| place.path.starts_with(folder)).unwrap_or_default()
}

/// A path relative to the site's folder; `None` if it leads out of the folder.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in folder.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests;
