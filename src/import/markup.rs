//! HTML as Markdown, for texts that their authors will go on editing here. Pure.
//!
//! Lossless or not at all: the Markdown is laid out by the application's own renderer and compared
//! with the HTML, by text, headings, links, pictures, lists and emphasis. A block that differs stays
//! HTML. Reading takes time in proportion to the text, whatever its nesting.

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

/// How line breaks of the source count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// As HTML has it: as spaces.
    Spaces,
    /// As WordPress' classic editor has it: a blank line ends a paragraph, a single one is a line
    /// break. Blocks of its newer editor are as HTML has it.
    Breaks,
}

/// The most blocks that are compared one by one.
const MOST: usize = 2000;

/// Markdown with the text, links, pictures and headings of this HTML.
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
        notes.push(Note::lost("with HTML that shows in another way here", ""));
    }
    text
}

/// Whether this Markdown shows what this HTML shows.
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

/// A text below a picture with its caption in HTML, unless the text shows the picture already.
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

/// A block of a text, in both languages.
struct Chunk {
    markdown: Option<String>,
    html: String,
    /// The list that it is, which another one behind it would become part of.
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

/// The shape of a text as a page shows it.
fn shown(text: &str) -> Option<Shape> {
    let container = Container { id: "x", top: 2, is_page: false, root: "" };
    let page = markdown::render(text, &container);
    let read = read::read(&page, Lines::Spaces)?;
    Some(Shape::of(read.nodes.iter()))
}

#[cfg(test)]
mod tests;
