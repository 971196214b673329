//! Writes the parser's events as HTML in which every element closes at the right level, including
//! raw HTML, so that the HTML parser after it has nothing to repair. Owns tables, alerts, code, and
//! the places of raw HTML and footnotes; `raw` and `sanitize` decide which raw HTML may stay.

mod github;

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, Tag, TagEnd, html};

use self::github::{alert, reachable};
use super::Container;
use super::colour::Colours;
use super::footnotes::Footnotes;
use super::headings::{self, Anchors};
use super::raw::{self, Budget, Inline};
use super::sanitize;

/// Writes the events of one text.
pub(super) fn write(mut events: Vec<Event<'_>>, container: &Container<'_>) -> String {
    let anchors = headings::settle(&mut events, container);
    let (footnotes, events, notes) = Footnotes::collect(events, container.id);
    let mut writer = Writer {
        anchors,
        footnotes,
        code: None,
        colours: Colours::new(),
        out: Vec::with_capacity(events.len() + 16),
        depth: 0,
        open: Vec::new(),
        block: None,
        budget: Budget::new(),
        table: Table::default(),
        slow: 0,
        alt: None,
    };
    for event in events {
        writer.event(event);
    }
    writer.notes(notes);
    let mut html = String::new();
    html::push_html(&mut html, writer.out.into_iter());
    html
}

struct Writer<'a, 'p> {
    anchors: Anchors,
    footnotes: Footnotes<'p>,
    /// The code block being read: its info string and its code.
    code: Option<(CowStr<'a>, String)>,
    colours: Colours,
    out: Vec<Event<'a>>,
    depth: usize,
    /// Elements opened by inline tags, each with the depth at which it was opened.
    open: Vec<(usize, &'static str)>,
    /// The HTML block being read.
    block: Option<String>,
    budget: Budget,
    table: Table,
    /// The slow bytes in the current piece of text.
    slow: usize,
    /// Inside an image: the bytes left for its description.
    alt: Option<usize>,
}

/// Maximum number of slow bytes in one piece of text.
const MAX_SLOW: usize = 1024;

#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    head: bool,
    has_rows: bool,
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
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.text(text),
            },
            Event::Code(code) if code.len() > MAX_SLOW => {
                self.html("<code>");
                self.text(code);
                self.html("</code>");
            }
            Event::FootnoteReference(label) => match self.footnotes.reference(&label) {
                Some(reference) => self.html(reference),
                None => self.text(format!("[^{label}]").into()),
            },
            Event::TaskListMarker(is_done) => self.html(if is_done {
                "<input disabled type=\"checkbox\" checked aria-label=\"Completed task\"> "
            } else {
                "<input disabled type=\"checkbox\" aria-label=\"Incomplete task\"> "
            }),
            other => self.out.push(other),
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            Tag::HtmlBlock => self.block = Some(String::new()),
            Tag::CodeBlock(kind) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info,
                    CodeBlockKind::Indented => "".into(),
                };
                self.code = Some((info, String::new()));
            }
            Tag::BlockQuote(Some(kind)) => {
                let (class, title) = alert(kind);
                self.html(format!(
                    "<div class=\"alert alert-{class}\"><p class=\"alert-title\">{title}</p>"
                ));
            }
            Tag::Table(alignments) => {
                self.table = Table { alignments, ..Table::default() };
                self.html(format!("<div class=\"scroll\"{}><table>", reachable("Table")));
            }
            Tag::TableHead => {
                self.table.head = true;
                self.table.column = 0;
                self.html("<thead><tr>");
            }
            Tag::TableRow => {
                let is_first = !std::mem::replace(&mut self.table.has_rows, true);
                self.table.column = 0;
                self.html(if is_first { "<tbody><tr>" } else { "<tr>" });
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
                let (dest_url, title) = (self.target(short(dest_url)), short(title));
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
            TagEnd::CodeBlock => {
                if let Some((info, code)) = self.code.take() {
                    self.code(&info, &code);
                }
            }
            TagEnd::BlockQuote(Some(_)) => self.html("</div>\n"),
            TagEnd::Table => {
                let end = if self.table.has_rows { "</tbody>" } else { "" };
                self.html(format!("{end}</table></div>\n"));
            }
            TagEnd::TableHead => {
                self.table.head = false;
                self.html("</tr></thead>");
            }
            TagEnd::TableRow => self.html("</tr>"),
            TagEnd::TableCell => self.html(if self.table.head { "</th>" } else { "</td>" }),
            other => self.out.push(Event::End(other)),
        }
    }

    fn inline(&mut self, tag: CowStr<'a>) {
        match raw::inline(&tag) {
            Inline::Open(_, written) | Inline::Single(written) if !self.budget.take(written) => {
                self.text(tag);
            }
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

    /// Writes a text in pieces that are quick to serialize. The `<wbr>` between them is invisible.
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

    /// Closes the inline elements opened at this depth: all of them, or those down to the last one
    /// of this name, if there is one.
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

    fn html(&mut self, html: impl Into<CowStr<'a>>) {
        self.out.push(Event::Html(html.into()));
    }
}

/// An address or a title; empty if it is too long.
fn short(attribute: CowStr<'_>) -> CowStr<'_> {
    if attribute.len() > raw::MAX_ATTRIBUTE { CowStr::Borrowed("") } else { attribute }
}
