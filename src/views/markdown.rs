//! Markdown to HTML that is safe to show, and to plain text. Owns what of Markdown and of raw HTML
//! is let through, and the bounds that keep hostile text cheap; where the result goes is the
//! templates'.
//!
//! Three steps: pulldown-cmark parses; `html` turns its events into elements that are always
//! closed where they were opened; ammonia takes away whatever a page must not have. What would
//! cost more than it shows is not laid out but shown as it was written:
//!
//! - a text nested deeper than [`MAX_DEPTH`] (quotes, lists, emphasis) or of more than
//!   [`MAX_ELEMENTS`] elements, the whole of it;
//! - blocks of raw HTML beyond a document's budget for them, see `raw`.

mod excerpt;
mod html;
mod raw;
mod sanitize;

pub use excerpt::excerpt;

use pulldown_cmark::{Event, Options, Parser};

/// How deep Markdown may nest. Browsers, and the HTML parser here, slow down with the square of it.
pub const MAX_DEPTH: usize = 48;

/// How many elements a text may have. Each costs some microseconds, and a mebibyte has room for
/// half a million.
pub const MAX_ELEMENTS: usize = 60_000;

/// How many characters that HTML gives a meaning to cost about as much as an element.
const ESCAPES_PER_ELEMENT: usize = 8;

/// Where on a page a text goes.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The id of the element around it, unique on the page: footnotes' ids start with it.
    pub id: &'a str,
    /// The level that `# Heading` gets, 2 to 6: a page has one `h1`, and that is not in the text.
    pub top: u8,
}

/// Markdown as HTML. Never fails, takes time in proportion to the text's length.
pub fn render(markdown: &str, place: &Place<'_>) -> String {
    match events(markdown) {
        Some(events) => sanitize::page(&html::write(events, place)),
        None => verbatim(markdown),
    }
}

/// The events of a text, unless it nests too deep or has too many elements.
fn events(markdown: &str) -> Option<Vec<Event<'_>>> {
    let mut events = Vec::new();
    let mut depth = 0_usize;
    let mut elements = 0_usize;
    let mut escapes = 0_usize;
    for event in Parser::new_ext(markdown, options()) {
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

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
}

/// The text as it was written, with a line that says why.
fn verbatim(markdown: &str) -> String {
    let mut html = String::with_capacity(markdown.len() + 128);
    html.push_str("<p class=\"verbatim\">Too intricate to lay out, so here it is as written:</p><pre dir=\"auto\">");
    raw::escape(markdown, &mut html);
    html.push_str("</pre>");
    html
}

#[cfg(test)]
mod tests;
