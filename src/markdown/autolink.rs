//! Turns bare addresses in a text into links. Owns where such an address begins and ends, by the
//! rules of GitHub Flavored Markdown ("Autolinks (extension)").
//!
//! The schemes `ftp` and `xmpp` are missing: no page may link to them.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};

use super::raw::MAX_ATTRIBUTE;

mod address;

use address::Address;

/// Turns the addresses in a text's events into links, at most `most`; `source` is the text.
pub(super) fn link<'a>(
    events: Vec<(Event<'a>, Range<usize>)>,
    source: &'a str,
    most: usize,
) -> Vec<Event<'a>> {
    let out = Vec::with_capacity(events.len());
    let mut linker = Linker { events, source, left: most, out };
    let mut at = 0;
    // Inside links and code an address is text.
    let mut closed = 0_usize;
    while let Some((event, _)) = linker.events.get(at) {
        match event {
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) => closed += 1,
            Event::End(TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock) => {
                closed = closed.saturating_sub(1)
            }
            Event::Text(_) if closed == 0 => {
                at = linker.text(at);
                continue;
            }
            _ => {}
        }
        let event = linker.take(at);
        linker.out.push(event);
        at += 1;
    }
    linker.out
}

struct Linker<'a> {
    events: Vec<(Event<'a>, Range<usize>)>,
    source: &'a str,
    left: usize,
    out: Vec<Event<'a>>,
}

/// The text that follows without a space, into which an address may continue.
struct Tail {
    text: String,
    /// The position in `text` at which each event begins, and the index of the event.
    events: Vec<(usize, usize)>,
}

/// The position at which the text after an address begins.
struct Next {
    event: usize,
    /// The position in that event's text.
    byte: usize,
    /// Markdown characters before it, which have no meaning after an address.
    literal: String,
}

impl<'a> Linker<'a> {
    fn take(&mut self, at: usize) -> Event<'a> {
        std::mem::replace(&mut self.events[at].0, Event::SoftBreak)
    }

    /// Writes the text of an event, and returns the index of the event to continue with.
    fn text(&mut self, at: usize) -> usize {
        let before = self.before(at);
        let Event::Text(text) = self.take(at) else { return at + 1 };
        let mut written = 0;
        let mut from = 0;
        while self.left > 0
            && let Some(mut address) = address::find(&text, from, before)
        {
            from = address.range.end;
            let tail = if address.may_go_on && from == text.len() {
                self.tail(at + 1)
            } else {
                Tail { text: String::new(), events: Vec::new() }
            };
            let mut whole = text[address.range.clone()].to_owned() + &tail.text;
            let next = self.cut(&mut whole, &tail, from - address.range.start);
            address.range.end = address.range.start + whole.len().min(from - address.range.start);
            if whole.len() <= address.shortest || whole.len() > MAX_ATTRIBUTE {
                continue;
            }
            self.plain(&text[written..address.range.start]);
            self.write(whole, &address);
            if let Some(Next { event, byte, literal }) = next {
                self.plain(&literal);
                if let Some((Event::Text(text), range)) = self.events.get_mut(event) {
                    *text = CowStr::from(text[byte..].to_owned());
                    range.start = (range.start + byte).min(range.end);
                }
                return event;
            }
            written = address.range.end;
            from = written;
        }
        if written == 0 {
            self.out.push(Event::Text(text));
        } else {
            self.plain(&text[written..]);
        }
        at + 1
    }

    /// The character before an event's text: a space where a line or an element begins.
    fn before(&self, at: usize) -> u8 {
        let start = self.events[at].1.start;
        let is_inline = at.checked_sub(1).is_some_and(|last| {
            matches!(
                &self.events[last].0,
                Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough)
                    | Event::End(_)
                    | Event::Code(_)
                    | Event::InlineHtml(_)
                    | Event::FootnoteReference(_)
            )
        }) || matches!(self.out.last(), Some(Event::End(TagEnd::Link)));
        let byte = start.checked_sub(1).and_then(|byte| self.source.as_bytes().get(byte));
        if is_inline { byte.copied().unwrap_or(b' ') } else { b' ' }
    }

    /// The text with which the following events continue an address: Markdown reads the underscores
    /// in `/a/__init__.py` as emphasis.
    fn tail(&self, from: usize) -> Tail {
        let mut tail = Tail { text: String::new(), events: Vec::new() };
        let mut at = from;
        while let Some((event, range)) = self.events.get(at) {
            let part = match event {
                Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough) => {
                    self.source.get(range.clone()).unwrap_or_default()
                }
                Event::Text(text) if at > from => text,
                _ => break,
            };
            let end = part.find(address::is_end).unwrap_or(part.len());
            let is_text = matches!(event, Event::Text(_));
            if tail.text.len() + end > MAX_ATTRIBUTE || (!is_text && end < part.len()) {
                break;
            }
            tail.events.push((tail.text.len(), at));
            tail.text.push_str(&part[..end]);
            if end < part.len() {
                break;
            }
            at += 1;
            if !is_text {
                let inside = |(_, inner): &&(Event<'_>, Range<usize>)| inner.end <= range.end;
                at += self.events[at..].iter().take_while(inside).count();
            }
        }
        tail
    }

    /// Cuts trailing punctuation off an address, of which the first `first` bytes are in one text.
    /// Returns where to continue if the address extends beyond that text.
    fn cut(&self, whole: &mut String, tail: &Tail, first: usize) -> Option<Next> {
        whole.truncate(address::trimmed(whole));
        let in_tail = whole.len().checked_sub(first).filter(|bytes| *bytes > 0)?;
        let last = tail.events.iter().rposition(|(begin, _)| *begin < in_tail)?;
        let (begin, event) = tail.events[last];
        if matches!(self.events[event].0, Event::Text(_)) {
            return Some(Next { event, byte: in_tail - begin, literal: String::new() });
        }
        let end = tail.events.get(last + 1).map_or(tail.text.len(), |(next, _)| *next);
        let literal = tail.text[in_tail..end].to_owned();
        Some(Next { event: self.behind(event), byte: 0, literal })
    }

    /// The index of the event after an element.
    fn behind(&self, start: usize) -> usize {
        let end = self.events[start].1.end;
        start + self.events[start..].iter().take_while(|(_, inner)| inner.end <= end).count()
    }

    fn plain(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.push(Event::Text(CowStr::from(text.to_owned())));
        }
    }

    fn write(&mut self, text: String, address: &Address) {
        self.left -= 1;
        self.out.push(Event::Start(Tag::Link {
            link_type: LinkType::Autolink,
            dest_url: CowStr::from(format!("{}{text}", address.scheme)),
            title: CowStr::Borrowed(""),
            id: CowStr::Borrowed(""),
        }));
        self.out.push(Event::Text(text.into()));
        self.out.push(Event::End(TagEnd::Link));
    }
}
