//! Converts HTML to Markdown, for texts that their authors will edit here. Pure.
//!
//! The conversion is lossless: the application's own renderer lays out the Markdown, and the result
//! is compared with the HTML by text, headings, links, pictures, lists and emphasis. A block that
//! differs stays HTML. Reading takes time in proportion to the text, however deep it nests.

mod escape;
mod raw;
mod read;
mod shape;
mod tree;
mod write;

use self::shape::Shape;
use self::tree::{Node, groups};
use super::html;
use super::report::Note;
use crate::markdown::{self, Container};

/// How line breaks in the source count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// As in HTML: as spaces.
    Spaces,
    /// As in WordPress' classic editor: a blank line ends a paragraph, a single one is a line
    /// break. Blocks of the block editor are read as HTML.
    Breaks,
}

/// The maximum number of blocks that are compared individually.
const MOST: usize = 2000;

/// Converts HTML to Markdown that has the same text, links, pictures and headings.
pub(super) fn converted(source: &str, lines: Lines, notes: &mut Vec<Note>) -> String {
    let Some(read) = read::read(source, lines) else {
        notes.push(Note::lost("with HTML that is too intricate to convert", ""));
        return html::as_block(source);
    };
    notes.extend(read.notes);
    let groups = groups(&read.nodes);
    let mut chunks: Vec<Chunk> = groups.iter().map(|group| Chunk::of(group)).collect();
    let whole = Shape::of(read.nodes.iter());
    let text = joined(&chunks);
    if shown(&text) == Some(whole.clone()) {
        return text;
    }
    for (chunk, group) in chunks.iter_mut().zip(&groups).take(MOST) {
        let own = chunk.markdown.as_ref().and_then(|markdown| shown(markdown));
        if own != Some(Shape::of(group.iter().copied())) {
            chunk.markdown = None;
        }
    }
    let text = joined(&chunks);
    if shown(&text) == Some(whole.clone()) {
        return text;
    }
    chunks.iter_mut().for_each(|chunk| chunk.markdown = None);
    let text = joined(&chunks);
    if shown(&text) != Some(whole) {
        notes.push(Note::lost("with HTML that renders differently here", ""));
    }
    text
}

/// Whether this Markdown renders to the same content as this HTML.
pub(super) fn is_same(markdown: &str, source: &str) -> bool {
    let Some(read) = read::read(source, Lines::Spaces) else { return false };
    shown(markdown) == Some(Shape::of(read.nodes.iter()))
}

/// The words of HTML that is one line, such as a title.
pub(super) fn words(source: &str) -> String {
    match read::read(source, Lines::Spaces) {
        Some(read) => Shape::of(read.nodes.iter()).words,
        None => source.to_owned(),
    }
}

/// Puts a picture, with its caption in HTML, above a text, unless the text already shows the
/// picture.
pub(super) fn with_picture(
    src: &str,
    alt: &str,
    caption: &str,
    body: String,
    notes: &mut Vec<Note>,
) -> String {
    let to = escape::destination(src);
    if to.is_empty() || to.starts_with("data:") || body.contains(&to) {
        return body;
    }
    let mut picture = write::picture(&to, alt);
    if !caption.trim().is_empty() {
        picture.push_str("\n\n");
        picture.push_str(&converted(caption, Lines::Spaces, notes));
    }
    match body.is_empty() {
        true => picture,
        false => format!("{picture}\n\n{body}"),
    }
}

/// A block of a text, as Markdown and as HTML.
struct Chunk {
    markdown: Option<String>,
    html: String,
    /// Its name if it is a list: it would merge with an adjacent list of the same name.
    list: Option<&'static str>,
}

impl Chunk {
    fn of(group: &[&Node]) -> Chunk {
        let list = match group {
            [Node::Element(element)] => {
                Some(element.name).filter(|name| ["ul", "ol"].contains(name))
            }
            _ => None,
        };
        Chunk { markdown: write::block(group), html: raw::block(group), list }
    }
}

fn joined(chunks: &[Chunk]) -> String {
    let mut out = String::new();
    let mut before = None;
    for chunk in chunks {
        let text = chunk.markdown.as_ref().unwrap_or(&chunk.html);
        if text.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        if chunk.list.is_some() && chunk.list == before {
            out.push_str("<!-- -->\n\n");
        }
        out.push_str(text);
        before = chunk.list;
    }
    out
}

/// The shape of a text as it is rendered.
fn shown(text: &str) -> Option<Shape> {
    let container = Container { id: "x", top: 2, is_page: false, root: "" };
    let page = markdown::render(text, &container);
    let read = read::read(&page, Lines::Spaces)?;
    Some(Shape::of(read.nodes.iter()))
}

#[cfg(test)]
mod tests;
