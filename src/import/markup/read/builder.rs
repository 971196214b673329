//! Makes a tree of tags and text: closes and opens the elements that HTML leaves implicit, and
//! turns lines into paragraphs where the source means that.

use std::collections::BTreeMap;

use html5ever::tokenizer::Tag;

use super::Read;
use crate::import::markup::Lines;
use crate::import::markup::tree::{Element, Kind, Node, known};
use crate::import::report::Note;

/// The maximum nesting depth of elements, less than Markdown's.
const MAX_DEPTH: usize = 32;

/// The maximum number of elements.
const MAX_ELEMENTS: usize = 20_000;

/// The maximum number of inline elements that continue in the next block.
const MAX_REOPENED: usize = 8;

/// The maximum number of distinct notes.
const KINDS: usize = 20;

/// Elements that are left out with their content, because a page cannot contain them.
const DROPPED: [&str; 16] = [
    "script", "style", "template", "noscript", "noembed", "noframes", "textarea", "title",
    "select", "svg", "math", "canvas", "head", "xmp", "object", "applet",
];

pub(super) struct Builder {
    lines: Lines,
    /// The open elements; the first is the whole text.
    stack: Vec<Element>,
    elements: usize,
    /// The element being left out, and the number of open elements of its name.
    dropped: Option<(String, usize)>,
    /// Line breaks since the last inline part.
    breaks: usize,
    /// Whether line breaks count, for each open block of WordPress' block editor.
    blocks: Vec<bool>,
    /// Whether a video or audio element has no address yet.
    awaits_source: bool,
    notes: BTreeMap<(String, bool), usize>,
}

impl Builder {
    pub(super) fn new(lines: Lines) -> Builder {
        let root =
            Element { name: "", kind: Kind::Block, attributes: Vec::new(), children: Vec::new() };
        Builder {
            lines,
            stack: vec![root],
            elements: 0,
            dropped: None,
            breaks: 0,
            blocks: Vec::new(),
            awaits_source: false,
            notes: BTreeMap::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.elements > MAX_ELEMENTS
    }

    pub(super) fn finish(mut self) -> Read {
        while self.stack.len() > 1 {
            self.pop();
        }
        let notes = self.notes.into_iter().map(|((what, lost), times)| {
            let times = if times == 1 { String::new() } else { format!("{times} times") };
            if lost { Note::lost(what, times) } else { Note::told(what, times) }
        });
        let nodes = self.stack.pop().map(|root| root.children).unwrap_or_default();
        Read { nodes, notes: notes.collect() }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.dropped.is_some() {
            return;
        }
        let is_literal = self.stack.iter().any(|open| open.name == "pre");
        if is_literal || !self.counts_lines() {
            return self.push_text(text);
        }
        for (n, line) in text.split('\n').enumerate() {
            self.breaks += usize::from(n > 0);
            if !line.trim().is_empty() {
                self.before_inline();
                self.push_text(line);
            } else if !line.is_empty() && self.breaks == 0 {
                self.push_text(line);
            }
        }
    }

    pub(super) fn comment(&mut self, text: &str) {
        let text = text.trim();
        if text.starts_with("/wp:") {
            self.blocks.pop();
            self.breaks = 0;
        } else if let Some(block) = text.strip_prefix("wp:") {
            self.breaks = 0;
            let end = block.find(|c: char| c.is_whitespace()).unwrap_or(block.len());
            let name: String = block.chars().take(end.min(60)).collect();
            if text.ends_with('/') {
                let is_empty =
                    matches!(name.as_str(), "more" | "nextpage" | "spacer" | "separator");
                if !is_empty {
                    self.tell(format!("with the block {name}, which has no text"), true);
                }
            } else if self.blocks.len() < 1000 {
                self.blocks.push(matches!(name.as_str(), "freeform" | "core/freeform"));
            }
        }
    }

    pub(super) fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((dropped, depth)) = &mut self.dropped {
            *depth += usize::from(*dropped == name);
            return;
        }
        if DROPPED.contains(&name) {
            self.tell(format!("with <{name}> left out"), true);
            self.dropped = Some((name.to_owned(), 1));
            return;
        }
        if matches!(name, "video" | "audio") {
            self.awaits_source = true;
            return self.embedded(tag, name);
        }
        let Some((name, kind)) = known(name) else {
            if matches!(name, "input" | "button" | "frame" | "marquee") {
                self.tell(format!("with <{name}> left out"), true);
            }
            return;
        };
        if name == "iframe" || name == "source" {
            if name == "iframe" || self.awaits_source {
                self.embedded(tag, name);
            }
            return;
        }
        let element = Element { name, kind, attributes: attributes(tag, name), children: vec![] };
        match kind {
            Kind::Block | Kind::Frame => self.start_block(element),
            Kind::Inline | Kind::Void => self.start_inline(element),
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        if let Some((dropped, depth)) = &mut self.dropped {
            *depth -= usize::from(*dropped == name);
            if *depth == 0 {
                self.dropped = None;
            }
            return;
        }
        self.awaits_source &= !matches!(name, "video" | "audio");
        let Some((name, kind)) = known(name) else { return };
        let is_inline = kind == Kind::Inline;
        let at = self.stack.iter().skip(1).rposition(|open| open.name == name).map(|at| at + 1);
        let Some(at) = at else { return };
        let above = self.stack.get(at + 1..).unwrap_or_default();
        if is_inline && above.iter().any(Element::is_block) {
            return;
        }
        let misnested: Vec<Element> = above.iter().map(Element::shell).collect();
        while self.stack.len() > at {
            self.pop();
        }
        if is_inline {
            self.reopen(misnested);
        } else {
            self.breaks = 0;
        }
    }

    /// Opens a block: the open paragraph and inline elements end before it.
    fn start_block(&mut self, element: Element) {
        self.breaks = 0;
        let inline = self.close_inline();
        if self.top().name == "p" {
            self.pop();
        }
        let (ends, within): (&[&str], &[&str]) = match element.name {
            "li" => (&["li"], &["ul", "ol"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl"]),
            "tr" => (&["tr"], &["table"]),
            "td" | "th" => (&["td", "th"], &["tr", "table"]),
            "thead" | "tbody" | "tfoot" => (&["thead", "tbody", "tfoot"], &["table"]),
            _ => (&[], &[]),
        };
        let open = self.stack.iter().rposition(|it| ends.contains(&it.name));
        let frame = self.stack.iter().rposition(|it| within.contains(&it.name));
        if let Some(open) = open.filter(|open| frame.is_none_or(|frame| frame < *open)) {
            while self.stack.len() > open {
                self.pop();
            }
        }
        let is_empty = element.name == "hr";
        if is_empty {
            self.elements += 1;
            return self.push(Node::Element(element));
        }
        let is_frame = element.kind == Kind::Frame || element.name == "pre";
        if self.open(element) && !is_frame {
            self.reopen(inline);
        }
    }

    fn start_inline(&mut self, element: Element) {
        if self.counts_lines() && element.name != "wbr" {
            self.before_inline();
        }
        if element.kind == Kind::Void {
            self.elements += 1;
            if element.name == "img" && element.value("src").starts_with("data:") {
                return self.tell("with a picture from a data: URL, left out".to_owned(), true);
            }
            return self.push(Node::Element(element));
        }
        if element.name == "a" {
            self.end("a");
        }
        // An anchor without `href` is a target, not a link.
        if element.name != "a" || !element.value("href").is_empty() {
            self.open(element);
        }
    }

    /// Writes a link instead of an embedded element.
    fn embedded(&mut self, tag: &Tag, name: &str) {
        let src = attribute(tag, "src");
        let address = if src.starts_with("//") { format!("https:{src}") } else { src };
        let is_web = address.starts_with("http") || address.starts_with('/');
        if !is_web {
            if name == "iframe" {
                self.tell("with <iframe> left out".to_owned(), true);
            }
            return;
        }
        self.awaits_source = false;
        self.tell(format!("with a link that replaces <{}>", &*tag.name), false);
        if self.counts_lines() {
            self.before_inline();
        }
        self.elements += 1;
        let words = if name == "iframe" {
            address.clone()
        } else {
            let path = address.split(['?', '#']).next().unwrap_or(&address);
            path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&address).to_owned()
        };
        let link = Element {
            name: "a",
            kind: Kind::Inline,
            attributes: vec![("href", address)],
            children: vec![Node::Text(words)],
        };
        self.push(Node::Element(link));
        self.push(Node::Text(" ".to_owned()));
    }

    /// Whether a blank line here ends a paragraph.
    fn counts_lines(&self) -> bool {
        self.lines == Lines::Breaks && self.blocks.last().copied().unwrap_or(true)
    }

    /// Turns the line breaks before an inline part into what they mean, and opens its paragraph.
    fn before_inline(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        let block = self.stack.iter().rposition(Element::is_block).unwrap_or(0);
        let (name, kind) = self.stack.get(block).map_or(("", Kind::Block), |it| (it.name, it.kind));
        let is_inside = self.stack.get(block..).unwrap_or_default();
        let has_words = is_inside.iter().any(|open| !open.children.is_empty());
        match name {
            _ if kind == Kind::Frame || name == "pre" => {}
            "p" if breaks >= 2 => {
                let inline = self.close_inline();
                self.pop();
                self.paragraph(inline);
            }
            "" | "div" | "blockquote" | "details" => {
                let inline = self.close_inline();
                self.paragraph(inline);
            }
            _ if breaks > 0 && has_words => {
                for _ in 0..breaks.min(2) {
                    let name = "br";
                    let br =
                        Element { name, kind: Kind::Void, attributes: vec![], children: vec![] };
                    self.elements += 1;
                    self.push(Node::Element(br));
                }
            }
            _ => {}
        }
    }

    fn paragraph(&mut self, inline: Vec<Element>) {
        let p = Element { name: "p", kind: Kind::Block, attributes: vec![], children: vec![] };
        if self.open(p) {
            self.reopen(inline);
        }
    }

    /// Ends the inline elements of the innermost block; returns them without content, to reopen
    /// them.
    fn close_inline(&mut self) -> Vec<Element> {
        let mut shells = Vec::new();
        while self.stack.len() > 1 && !self.top().is_block() {
            shells.push(self.top().shell());
            self.pop();
        }
        shells.reverse();
        shells
    }

    fn reopen(&mut self, inline: Vec<Element>) {
        for element in inline.into_iter().filter(|it| it.kind == Kind::Inline).take(MAX_REOPENED) {
            self.open(element);
        }
    }

    /// Opens an element, unless it is too deep or repeats an inline element that is already open.
    fn open(&mut self, element: Element) -> bool {
        if self.stack.len() > MAX_DEPTH {
            self.tell("with elements nested too deep, which are flattened".to_owned(), true);
            return false;
        }
        let is_said = |open: &Element| open.name == element.name && open.kind == Kind::Inline;
        if self.stack.iter().rev().take_while(|open| !open.is_block()).any(is_said) {
            return false;
        }
        self.elements += 1;
        self.stack.push(element);
        true
    }

    fn pop(&mut self) {
        if self.stack.len() > 1
            && let Some(element) = self.stack.pop()
        {
            // Empty emphasis shows nothing.
            let is_empty = element.kind == Kind::Inline && element.children.is_empty();
            if !is_empty {
                self.push(Node::Element(element));
            }
        }
    }

    fn top(&self) -> &Element {
        static NOTHING: Element =
            Element { name: "", kind: Kind::Block, attributes: Vec::new(), children: Vec::new() };
        self.stack.last().unwrap_or(&NOTHING)
    }

    fn push(&mut self, node: Node) {
        if let Some(top) = self.stack.last_mut() {
            top.children.push(node);
        }
    }

    fn push_text(&mut self, text: &str) {
        let Some(top) = self.stack.last_mut() else { return };
        match top.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => top.children.push(Node::Text(text.to_owned())),
        }
    }

    fn tell(&mut self, what: String, lost: bool) {
        let key = (what, lost);
        if self.notes.len() < KINDS || self.notes.contains_key(&key) {
            *self.notes.entry(key).or_default() += 1;
        }
    }
}

fn attribute(tag: &Tag, name: &str) -> String {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
    found.map_or_else(String::new, |attribute| attribute.value.trim().to_owned())
}

/// The attributes of an element that count.
fn attributes(tag: &Tag, name: &str) -> Vec<(&'static str, String)> {
    let names: &[&'static str] = match name {
        "a" => &["href", "title"],
        "img" => &["src", "alt", "title"],
        "ol" => &["start"],
        "td" | "th" => &["align", "colspan", "rowspan"],
        "pre" | "code" => &["class", "lang"],
        "abbr" => &["title"],
        "details" => &["open"],
        _ => &[],
    };
    let found = names.iter().map(|name| (*name, attribute(tag, name)));
    found.filter(|(_, value)| !value.is_empty()).collect()
}
