//! Markdown to HTML that is safe to show, and to plain text. Owns which extensions of Markdown
//! there are, what of it and of raw HTML is let through, and the bounds that keep hostile text
//! cheap; where the result goes is the templates' and the search's.
//!
//! Four steps: pulldown-cmark parses; `autolink`, `headings` and `footnotes` add what GitHub adds;
//! `html` turns the events into elements that are always closed where they were opened; ammonia
//! takes away whatever a page must not have. What would cost more than it shows is not laid out but
//! shown as it was written:
//!
//! - a text nested deeper than [`MAX_DEPTH`] (quotes, lists, emphasis), or of more than
//!   [`MAX_ELEMENTS`] elements, or of ten times as many characters that may begin one, the whole of
//!   it;
//! - blocks of raw HTML beyond a document's budget for them, see `raw`;
//! - code beyond what is coloured, see `colour`.

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
    /// The element's id, unique on the page: ids in it start with it.
    pub id: &'a str,
    /// The level that the topmost headings get, 2 to 6: a page has one `h1`, which is not in the
    /// text, so `# Heading` and `## Heading` both get it.
    pub top: u8,
    /// Whether the page is this text's. Its headings then have the very ids that links from
    /// anywhere ask for, unless an id is the page's own.
    pub is_page: bool,
    /// The path of the site, which is put in front of the text's links to the site's own pages and
    /// files; empty for none.
    pub root: &'a str,
}

impl Container<'_> {
    /// The id of a heading whose text asks for this one. No id of a page has two hyphens.
    fn heading_id(&self, wanted: &str) -> String {
        if self.is_page && !headings::is_of_pages(wanted) {
            wanted.to_owned()
        } else {
            format!("{}--{wanted}", self.id)
        }
    }
}

/// Markdown as HTML. Never fails, takes time in proportion to the text's length.
pub fn render(markdown: &str, container: &Container<'_>) -> Arc<str> {
    lay_out(markdown, container, None)
}

/// The same for readers elsewhere: a relative address is a whole one, as of `base`.
pub fn render_from(markdown: &str, container: &Container<'_>, base: &Url) -> Arc<str> {
    lay_out(markdown, container, Some(base))
}

/// What was laid out: a text that everybody reads is once.
static LAID_OUT: LazyLock<Kept> = LazyLock::new(|| Kept::at_most(32 * 1024 * 1024));

fn lay_out(markdown: &str, container: &Container<'_>, base: Option<&Url>) -> Arc<str> {
    let Container { id, top, is_page, root } = *container;
    let place = (markdown, id, top, is_page, root, base.map(Url::as_str));
    LAID_OUT.get(place, || match parse(markdown) {
        Some(events) => sanitize::page(&html::write(events, container), root, base),
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

/// Whether parsing the text takes much more memory than the text.
fn has_too_many_marks(markdown: &str) -> bool {
    let is_mark = |byte: &u8| b"\\`*_~[]!<&|".contains(byte);
    markdown.len() > MAX_MARKS && markdown.bytes().filter(|byte| is_mark(byte)).count() > MAX_MARKS
}

/// The one parser: what is rendered, excerpted and indexed is the same Markdown.
fn parser(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, extensions())
}

/// What of Markdown there is beside CommonMark.
pub(crate) fn extensions() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_DEFINITION_LIST
}

/// The events that have words, each text in one piece, and headings without their `{#id}`.
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

/// Whether parsing HTML takes long because of its attributes.
pub(crate) fn is_costly(html: &str) -> bool {
    raw::is_costly(html)
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
    html.push_str("<p class=\"verbatim\">Too intricate to lay out, so here it is as written:</p>");
    html.push_str("<pre dir=\"auto\" tabindex=\"0\" role=\"group\" aria-label=\"Text\">");
    escape(markdown, &mut html);
    html.push_str("</pre>");
    html
}

#[cfg(test)]
mod tests;
