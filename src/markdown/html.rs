//! The parser's events as HTML whose elements all close where they opened, raw ones included, so
//! that the HTML parser after it has nothing to repair. Owns headings' levels, footnotes, tables
//! and where raw HTML stands; what may stay of it is `raw`'s and `sanitize`'s.

use std::collections::HashMap;

use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Tag, TagEnd, html};

use super::Container;
use super::raw::{self, Budget, Inline};
use super::sanitize;

/// Writes the events of one text.
pub(super) fn write(events: Vec<Event<'_>>, container: &Container<'_>) -> String {
    let mut writer = Writer {
        container,
        out: Vec::with_capacity(events.len() + 16),
        depth: 0,
        open: Vec::new(),
        block: None,
        budget: Budget::new(),
        table: Table::default(),
        footnotes: HashMap::new(),
        references: 0,
        slow: 0,
        alt: None,
    };
    for event in events {
        writer.event(event);
    }
    let mut html = String::new();
    html::push_html(&mut html, writer.out.into_iter());
    html
}

struct Writer<'a, 'p> {
    container: &'p Container<'p>,
    out: Vec<Event<'a>>,
    depth: usize,
    /// Elements that inline tags opened, each with the depth at which it did.
    open: Vec<(usize, &'static str)>,
    /// The HTML block that is being read.
    block: Option<String>,
    budget: Budget,
    table: Table,
    footnotes: HashMap<CowStr<'a>, usize>,
    references: usize,
    /// The bytes since the last break that are slow to write.
    slow: usize,
    /// Inside an image: how long its description may still get.
    alt: Option<usize>,
}

/// How many slow bytes a text may have in one piece.
const MAX_SLOW: usize = 1024;

#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    head: bool,
}

impl<'a> Writer<'a, '_> {
    fn event(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => {
                self.depth += 1;
                self.start(tag);
            }
            Event::End(tag) => {
                self.close_inline(None);
                self.depth -= 1;
                self.end(tag);
            }
            Event::Html(html) => match &mut self.block {
                Some(block) => block.push_str(&html),
                None => self.text(html),
            },
            Event::InlineHtml(tag) => self.inline(tag),
            Event::Text(text) => self.text(text),
            Event::Code(code) if code.len() > MAX_SLOW => {
                self.html("<code>");
                self.text(code);
                self.html("</code>");
            }
            Event::FootnoteReference(label) => {
                let number = self.footnote(label);
                self.references += 1;
                let (id, reference) = (self.container.id, self.references);
                self.html(format!(
                    "<sup id=\"{id}-fnref-{reference}\"><a href=\"#{id}-fn-{number}\">{number}</a></sup>"
                ));
            }
            other => self.out.push(other),
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            Tag::Heading { level, id, classes, attrs } => {
                let level = demoted(level, self.container.top);
                self.out.push(Event::Start(Tag::Heading { level, id, classes, attrs }));
            }
            Tag::HtmlBlock => self.block = Some(String::new()),
            Tag::FootnoteDefinition(label) => {
                let number = self.footnote(label);
                let id = self.container.id;
                self.html(format!(
                    "<aside class=\"footnote\" id=\"{id}-fn-{number}\"><sup>{number}</sup>"
                ));
            }
            Tag::Table(alignments) => {
                self.table = Table { alignments, column: 0, head: false };
                self.html("<div class=\"scroll\"><table>");
            }
            Tag::TableHead => {
                self.table.head = true;
                self.table.column = 0;
                self.html("<thead><tr>");
            }
            Tag::TableRow => {
                self.table.column = 0;
                self.html("<tr>");
            }
            Tag::TableCell => {
                let cell = if self.table.head { "th" } else { "td" };
                let align = match self.table.alignments.get(self.table.column) {
                    Some(Alignment::Left) => " align=\"left\"",
                    Some(Alignment::Center) => " align=\"center\"",
                    Some(Alignment::Right) => " align=\"right\"",
                    Some(Alignment::None) | None => "",
                };
                self.table.column += 1;
                self.html(format!("<{cell}{align}>"));
            }
            Tag::Link { link_type, dest_url, title, id } => {
                let (dest_url, title) = (short(dest_url), short(title));
                self.out.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
            }
            Tag::Image { link_type, dest_url, title, id } => {
                let (dest_url, title) = (short(dest_url), short(title));
                self.alt.get_or_insert(raw::MAX_ATTRIBUTE);
                self.out.push(Event::Start(Tag::Image { link_type, dest_url, title, id }));
            }
            other => self.out.push(Event::Start(other)),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                self.out.push(Event::End(TagEnd::Heading(demoted(level, self.container.top))));
            }
            TagEnd::HtmlBlock => {
                let block = self.block.take().unwrap_or_default();
                if self.budget.take(&block) {
                    self.html(sanitize::block(&block));
                } else {
                    self.html("<pre>");
                    self.text(block.into());
                    self.html("</pre>");
                }
            }
            TagEnd::Image => {
                self.alt = None;
                self.out.push(Event::End(TagEnd::Image));
            }
            TagEnd::FootnoteDefinition => self.html("</aside>\n"),
            TagEnd::Table => self.html("</tbody></table></div>\n"),
            TagEnd::TableHead => {
                self.table.head = false;
                self.html("</tr></thead><tbody>");
            }
            TagEnd::TableRow => self.html("</tr>"),
            TagEnd::TableCell => self.html(if self.table.head { "</th>" } else { "</td>" }),
            other => self.out.push(Event::End(other)),
        }
    }

    fn inline(&mut self, tag: CowStr<'a>) {
        match raw::inline(&tag) {
            Inline::Open(name, written) if self.open_here() < raw::MAX_OPEN => {
                let html =
                    if written.is_empty() { format!("<{name}>") } else { written.to_owned() };
                self.open.push((self.depth, name));
                self.html(html);
            }
            Inline::Close(name) => self.close_inline(Some(name)),
            Inline::Single(single) => {
                let html = single.to_owned();
                self.html(html);
            }
            Inline::Comment => {}
            Inline::Open(..) | Inline::Unknown => self.text(tag),
        }
    }

    /// A text, in pieces that are quick to write: a `<wbr>` changes nothing that a reader sees.
    fn text(&mut self, text: CowStr<'a>) {
        if let Some(left) = &mut self.alt {
            match left.checked_sub(text.len()) {
                Some(rest) => *left = rest,
                None => return,
            }
        }
        let slow = text.bytes().filter(raw::is_slow).count();
        if self.slow + slow < MAX_SLOW {
            self.slow += slow;
            self.out.push(Event::Text(text));
            return;
        }
        let mut piece = String::new();
        for character in text.chars() {
            let mut bytes = [0; 4];
            self.slow += character.encode_utf8(&mut bytes).bytes().filter(raw::is_slow).count();
            if self.slow >= MAX_SLOW {
                self.slow = 0;
                self.out.push(Event::Text(std::mem::take(&mut piece).into()));
                self.html("<wbr>");
            }
            piece.push(character);
        }
        self.out.push(Event::Text(piece.into()));
    }

    fn open_here(&self) -> usize {
        self.open.iter().rev().take_while(|(depth, _)| *depth == self.depth).count()
    }

    /// Closes the inline elements opened at this depth: all of them, or those down to the last
    /// one of a name, if there is one.
    fn close_inline(&mut self, down_to: Option<&str>) {
        let here = self.open.len() - self.open_here();
        let keep = match down_to {
            None => here,
            Some(name) => match self.open[here..].iter().rposition(|(_, open)| *open == name) {
                Some(at) => here + at,
                None => return,
            },
        };
        while self.open.len() > keep {
            if let Some((_, name)) = self.open.pop() {
                self.html(format!("</{name}>"));
            }
        }
    }

    fn footnote(&mut self, label: CowStr<'a>) -> usize {
        let next = self.footnotes.len() + 1;
        *self.footnotes.entry(label).or_insert(next)
    }

    fn html(&mut self, html: impl Into<CowStr<'a>>) {
        self.out.push(Event::Html(html.into()));
    }
}

/// An address or a title, unless it is too long to be one.
fn short(attribute: CowStr<'_>) -> CowStr<'_> {
    if attribute.len() > raw::MAX_ATTRIBUTE { CowStr::Borrowed("") } else { attribute }
}

/// The level of a heading in a text whose topmost level is `top`.
fn demoted(level: HeadingLevel, top: u8) -> HeadingLevel {
    let level = level as usize + usize::from(top.clamp(2, 6)) - 1;
    HeadingLevel::try_from(level).unwrap_or(HeadingLevel::H6)
}
