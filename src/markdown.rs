//! Markdown to HTML that is safe to show, and to plain text. Owns which extensions of Markdown
//! there are, what of it and of raw HTML is let through, and the bounds that keep hostile text
//! cheap; where the result goes is the templates' and the search's.
//!
//! Three steps: pulldown-cmark parses; `html` turns its events into elements that are always
//! closed where they were opened; ammonia takes away whatever a page must not have. What would
//! cost more than it shows is not laid out but shown as it was written:
//!
//! - a text nested deeper than [`MAX_DEPTH`] (quotes, lists, emphasis), or of more than
//!   [`MAX_ELEMENTS`] elements, or of ten times as many characters that may begin one, the whole of
//!   it;
//! - blocks of raw HTML beyond a document's budget for them, see `raw`.

mod cache;
mod escape;
mod excerpt;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod html;
mod plain;
mod raw;
mod sanitize;
mod visible;

use std::sync::Arc;

use pulldown_cmark::{Event, Options, Parser, TagEnd};

pub(crate) use self::escape::{escape, escape_character};
pub use self::excerpt::excerpt;
pub use self::plain::plain;

/// How deep Markdown may nest. Browsers, and the HTML parser here, slow down with the square of it.
pub const MAX_DEPTH: usize = 48;

/// How many elements a text may have. Each costs some microseconds, and a mebibyte has room for
/// half a million.
pub const MAX_ELEMENTS: usize = 20_000;

/// How many characters that may begin an element a text may have. The parser keeps about a hundred
/// bytes for each of them, before it knows which ones do.
const MAX_MARKS: usize = 10 * MAX_ELEMENTS;

/// How many characters that HTML gives a meaning to cost about as much as an element.
const ESCAPES_PER_ELEMENT: usize = 8;

/// The element of a page that a text is rendered into.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The element's id, unique on the page: footnotes' ids start with it.
    pub id: &'a str,
    /// The level that `# Heading` gets, 2 to 6: a page has one `h1`, and that is not in the text.
    pub top: u8,
}

/// Markdown as HTML. Never fails, takes time in proportion to the text's length.
pub fn render(markdown: &str, container: &Container<'_>) -> Arc<str> {
    cache::kept((markdown, container.id, container.top), || match parse(markdown) {
        Some(events) => sanitize::page(&html::write(events, container)),
        None => verbatim(markdown),
    })
}

/// The events of a text, unless it nests too deep or has too many elements.
fn parse(markdown: &str) -> Option<Vec<Event<'_>>> {
    if has_too_many_marks(markdown) {
        return None;
    }
    let mut events = Vec::new();
    let mut depth = 0_usize;
    let mut elements = 0_usize;
    let mut escapes = 0_usize;
    for event in parser(markdown) {
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        elements += usize::from(!matches!(
            event,
            Event::Text(_) | Event::End(_) | Event::SoftBreak | Event::Html(_)
        ));
        if let Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) =
            &event
        {
            escapes += text.bytes().filter(|byte| matches!(byte, b'&' | b'<' | b'>')).count();
        }
        if depth > MAX_DEPTH || elements + escapes / ESCAPES_PER_ELEMENT > MAX_ELEMENTS {
            return None;
        }
        events.push(event);
    }
    Some(events)
}

/// Whether parsing the text takes much more memory than the text.
fn has_too_many_marks(markdown: &str) -> bool {
    let is_mark = |byte: &u8| b"\\`*_~[]!<&|".contains(byte);
    markdown.len() > MAX_MARKS && markdown.bytes().filter(|byte| is_mark(byte)).count() > MAX_MARKS
}

/// The one parser: what is rendered, excerpted and indexed is the same Markdown.
fn parser(markdown: &str) -> Parser<'_> {
    let extensions = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS;
    Parser::new_ext(markdown, extensions)
}

/// True when a word goes on behind the end of this element, as in `un**believ**able`.
fn is_inline(end: TagEnd) -> bool {
    matches!(
        end,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
}

/// The text as it was written, with a line that says why.
fn verbatim(markdown: &str) -> String {
    let mut html = String::with_capacity(markdown.len() + 128);
    html.push_str("<p class=\"verbatim\">Too intricate to lay out, so here it is as written:</p><pre dir=\"auto\">");
    escape(markdown, &mut html);
    html.push_str("</pre>");
    html
}

#[cfg(test)]
mod tests;
