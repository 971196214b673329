//! Converts Markdown to safe HTML and to plain text. This module owns the supported extensions of
//! Markdown, the permitted markup and raw HTML, and the limits that keep hostile text cheap.
//! Templates and search use the result.
//!
//! There are four steps: pulldown-cmark parses; `autolink`, `headings` and `footnotes` add GitHub's
//! extensions; `html` turns the events into properly nested elements; ammonia removes everything
//! that a page must not contain. Text that is too expensive to render is shown as written:
//!
//! - a whole text that is nested deeper than [`MAX_DEPTH`] (quotes, lists, emphasis), has more than
//!   [`MAX_ELEMENTS`] elements, or has more than ten times as many characters that may begin one;
//! - blocks of raw HTML beyond a document's budget for them, see `raw`;
//! - code beyond the limits of highlighting, see `colour`.

mod autolink;
mod colour;
mod contents;
mod escape;
mod excerpt;
mod footnotes;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod headings;
mod html;
mod minutes;
mod own;
mod plain;
mod raw;
mod sanitize;
mod visible;

use std::sync::{Arc, LazyLock};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeStream, TextMergeWithOffset};
use url::Url;

pub use self::contents::{Heading, contents};
pub(crate) use self::escape::{escape, escape_character};
pub use self::excerpt::{LOOKED_AT, excerpt};
pub use self::minutes::minutes;
pub use self::plain::plain;
use crate::kept::Kept;

/// The maximum nesting depth of Markdown. Browsers and this HTML parser take time quadratic in the
/// depth.
pub const MAX_DEPTH: usize = 48;

/// The maximum number of elements in a text. Each costs some microseconds, and a mebibyte has room
/// for half a million.
pub const MAX_ELEMENTS: usize = 20_000;

/// The maximum number of characters in a text that may begin an element. The parser keeps about a
/// hundred bytes for each of them before it knows which ones do.
const MAX_MARKS: usize = 10 * MAX_ELEMENTS;

/// The number of HTML-escaped characters that cost about as much as one element.
const ESCAPES_PER_ELEMENT: usize = 8;

/// The element of a page that a text is rendered into.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The element's id, which is unique on the page and the prefix of all ids inside it.
    pub id: &'a str,
    /// The level of the topmost headings, 2 to 6. The `h1` of the page is outside the text, so that
    /// both `# Heading` and `## Heading` get this level.
    pub top: u8,
    /// Whether the page belongs to this text. Its headings then have the ids that external links
    /// expect, unless the page itself uses the id.
    pub is_page: bool,
    /// The path prefix of the site, which is added to the text's links to the site's pages and
    /// files; empty for none.
    pub root: &'a str,
}

impl Container<'_> {
    /// Returns the id for a heading that requests this one. The page's own ids never contain two
    /// hyphens.
    fn heading_id(&self, wanted: &str) -> String {
        if self.is_page && !headings::is_of_pages(wanted) {
            wanted.to_owned()
        } else {
            format!("{}--{wanted}", self.id)
        }
    }
}

/// Renders Markdown as HTML. It never fails and takes time proportional to the text's length.
pub fn render(markdown: &str, container: &Container<'_>) -> Arc<str> {
    lay_out(markdown, container, None)
}

/// Renders Markdown for readers outside the site: relative URLs are resolved against `base`.
pub fn render_from(markdown: &str, container: &Container<'_>, base: &Url) -> Arc<str> {
    lay_out(markdown, container, Some(base))
}

/// The cache of renderings, so that a popular text is rendered once.
static LAID_OUT: LazyLock<Kept> = LazyLock::new(|| Kept::at_most(32 * 1024 * 1024));

fn lay_out(markdown: &str, container: &Container<'_>, base: Option<&Url>) -> Arc<str> {
    let Container { id, top, is_page, root } = *container;
    let place = (markdown, id, top, is_page, root, base.map(Url::as_str));
    LAID_OUT.get(place, || match parse(markdown) {
        Some(events) => sanitize::page(&html::write(events, container), root, base),
        None => verbatim(markdown),
    })
}

/// Returns the events of a text; `None` if it nests too deep or has too many elements.
fn parse(markdown: &str) -> Option<Vec<Event<'_>>> {
    if has_too_many_marks(markdown) {
        return None;
    }
    let mut events = Vec::new();
    let mut depth = 0_usize;
    let mut elements = 0_usize;
    let mut escapes = 0_usize;
    for (event, range) in TextMergeWithOffset::new(parser(markdown).into_offset_iter()) {
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
        events.push((event, range));
    }
    Some(autolink::link(events, markdown, MAX_ELEMENTS - elements.min(MAX_ELEMENTS)))
}

/// Returns whether parsing the text takes much more memory than the text.
fn has_too_many_marks(markdown: &str) -> bool {
    let is_mark = |byte: &u8| b"\\`*_~[]!<&|".contains(byte);
    markdown.len() > MAX_MARKS && markdown.bytes().filter(|byte| is_mark(byte)).count() > MAX_MARKS
}

/// The only parser, so that rendering, excerpts and the index agree on the Markdown.
fn parser(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, extensions())
}

/// The supported extensions to CommonMark.
pub(crate) fn extensions() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_DEFINITION_LIST
}

/// Merges adjacent texts and removes `{#id}` from headings.
fn words<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
    let mut events = TextMergeStream::new(events);
    let mut heading = Vec::new().into_iter();
    std::iter::from_fn(move || {
        if let Some(event) = heading.next() {
            return Some(event);
        }
        let event = events.next()?;
        if let Event::Start(Tag::Heading { level, .. }) = &event {
            let is_title = |event: &Event<'_>| !matches!(event, Event::End(TagEnd::Heading(_)));
            let mut title: Vec<_> = events.by_ref().take_while(is_title).collect();
            headings::take_attributes(&mut title);
            title.push(Event::End(TagEnd::Heading(*level)));
            heading = title.into_iter();
        }
        Some(event)
    })
}

/// Returns whether the attributes in HTML make it expensive to parse.
pub(crate) fn is_costly(html: &str) -> bool {
    raw::is_costly(html)
}

/// Returns whether a word continues after the end of this element, as in `un**believ**able`.
fn is_inline(end: TagEnd) -> bool {
    matches!(
        end,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
}

/// Returns the text as written, with a line that explains why.
fn verbatim(markdown: &str) -> String {
    let mut html = String::with_capacity(markdown.len() + 128);
    html.push_str("<p class=\"verbatim\">Too complex to format, so it is shown as written:</p>");
    html.push_str("<pre dir=\"auto\" tabindex=\"0\" role=\"group\" aria-label=\"Text\">");
    escape(markdown, &mut html);
    html.push_str("</pre>");
    html
}

#[cfg(test)]
mod tests;
