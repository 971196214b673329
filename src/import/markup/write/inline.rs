//! Inline content: words with emphasis, links, pictures and code.

use crate::import::markup::escape::{self, Place};
use crate::import::markup::tree::{Element, Node};

/// The block that holds the words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Paragraph,
    Heading,
    Cell,
}

/// Words, without the surrounding spaces.
pub(super) struct Words {
    pub(super) text: String,
    begins_with_space: bool,
    ends_with_space: bool,
}

/// Writes inline parts; `None` if there is a block among them.
pub(super) fn inline(nodes: &[&Node], within: Within) -> Option<Words> {
    let mut writer = Writer::within(within);
    writer.nodes(nodes)?;
    let Writer { out, begins_with_space, space, .. } = writer;
    Some(Words { text: out, begins_with_space, ends_with_space: space })
}

/// A picture at a destination that is already escaped.
pub(in crate::import::markup) fn picture(to: &str, alt: &str) -> String {
    let mut words = Writer::within(Within::Paragraph);
    words.text(alt);
    format!("![{}]({to})", words.out)
}

struct Writer {
    within: Within,
    out: String,
    begins_with_space: bool,
    /// Whether a space is due before the next word.
    space: bool,
    /// Line breaks due before the next word.
    breaks: usize,
    /// Whether the line has only digits so far.
    digits: bool,
}

impl Writer {
    fn nodes(&mut self, nodes: &[&Node]) -> Option<()> {
        for (n, node) in nodes.iter().enumerate() {
            match node {
                Node::Text(text) => self.text(text),
                Node::Element(element) => {
                    let next = nodes.get(n + 1).and_then(|node| first(node));
                    self.element(element, next)?;
                }
            }
        }
        Some(())
    }

    fn text(&mut self, text: &str) {
        for (at, c) in text.char_indices() {
            if matches!(c, ' ' | '\n' | '\t' | '\r' | '\u{c}') {
                self.blank();
                continue;
            }
            self.settle();
            let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
            let before = self.out.chars().next_back().filter(|c| *c != '\n');
            let place = Place {
                before,
                behind_digits: before.is_some() && self.digits,
                is_cell: self.within == Within::Cell,
                is_heading: self.within == Within::Heading,
            };
            self.digits &= c.is_ascii_digit();
            escape::push(c, rest, place, &mut self.out);
        }
    }

    fn blank(&mut self) {
        self.space = true;
        self.begins_with_space |= self.out.is_empty();
    }

    /// Writes the space and the line breaks that are due.
    fn settle(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        let space = std::mem::take(&mut self.space);
        if self.out.is_empty() {
            return;
        }
        if breaks > 0 {
            let line = if self.within == Within::Paragraph { "\\\n" } else { "<br>" };
            self.out.push_str(&line.repeat(breaks.min(2)));
            self.digits = true;
        } else if space {
            self.out.push(' ');
        }
    }

    fn push(&mut self, text: &str) {
        self.settle();
        self.digits = false;
        self.out.push_str(text);
    }

    fn element(&mut self, element: &Element, next: Option<char>) -> Option<()> {
        if element.is_block() {
            return None;
        }
        match element.name {
            "br" => self.breaks += 1,
            "wbr" => {}
            "img" if element.value("src").is_empty() => {}
            "img" => {
                let mut alt = Writer::within(self.within);
                alt.text(element.value("alt"));
                let to = escape::destination(element.value("src"));
                let title = escape::title(element.value("title"));
                self.push(&format!("![{}]({to}{title})", alt.out));
            }
            "code" => self.code(element)?,
            "a" => {
                let words = self.inside(element)?;
                let to = escape::destination(element.value("href"));
                let title = escape::title(element.value("title"));
                self.around(words, &format!("]({to}{title})"), "[");
            }
            name @ ("strong" | "em" | "del") => {
                let words = self.inside(element)?;
                let before = match (self.space || self.breaks > 0, self.out.chars().next_back()) {
                    (true, _) | (_, None) => None,
                    (false, before) => before,
                };
                let next = next.filter(|_| !words.ends_with_space);
                let before = before.filter(|_| !words.begins_with_space);
                match mark(name, &words.text, before, next) {
                    Some(mark) => self.around(words, mark, mark),
                    None => self.around(words, &format!("</{name}>"), &format!("<{name}>")),
                }
            }
            name => {
                let words = self.inside(element)?;
                self.around(words, &format!("</{name}>"), &format!("<{name}>"));
            }
        }
        Some(())
    }

    fn within(within: Within) -> Writer {
        Writer {
            within,
            out: String::new(),
            begins_with_space: false,
            space: false,
            breaks: 0,
            digits: true,
        }
    }

    fn inside(&self, element: &Element) -> Option<Words> {
        inline(&element.children.iter().collect::<Vec<_>>(), self.within)
    }

    /// Writes words between two marks, with their leading and trailing spaces outside the marks.
    fn around(&mut self, words: Words, end: &str, start: &str) {
        if words.begins_with_space {
            self.blank();
        }
        if !words.text.is_empty() {
            self.push(&format!("{start}{}{end}", words.text));
        }
        if words.ends_with_space {
            self.blank();
        }
    }

    fn code(&mut self, element: &Element) -> Option<()> {
        let mut text = String::new();
        for child in &element.children {
            match child {
                Node::Text(part) => text.push_str(part),
                Node::Element(_) => {
                    let words = self.inside(element)?;
                    self.around(words, "</code>", "<code>");
                    return Some(());
                }
            }
        }
        let text = text.split(['\n', '\t', ' ']).filter(|it| !it.is_empty()).collect::<Vec<_>>();
        let text = text.join(" ");
        if text.is_empty() {
            return Some(());
        }
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let ticks = "`".repeat(longest + 1);
        let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
        let text = match self.within {
            Within::Cell => text.replace('|', "\\|"),
            _ => text,
        };
        self.push(&format!("{ticks}{pad}{text}{pad}{ticks}"));
        Some(())
    }
}

/// The first character that a node shows.
fn first(node: &Node) -> Option<char> {
    match node {
        Node::Text(text) => text.chars().next(),
        Node::Element(element) if element.name == "br" => None,
        Node::Element(element) => element.children.first().map_or(Some('!'), first),
    }
}

/// The mark that emphasises these words between these neighbours, if one does.
fn mark(name: &str, text: &str, before: Option<char>, next: Option<char>) -> Option<&'static str> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let is_sign = |c: Option<char>| c.is_some_and(|c| "*_~".contains(c));
    if is_sign(before) || is_sign(next) {
        return None;
    }
    let opens = is_word(text.chars().next()) || !is_word(before);
    let closes = is_word(text.chars().next_back()) || !is_word(next);
    match name {
        _ if !opens || !closes => None,
        "strong" => Some("**"),
        "del" => Some("~~"),
        _ if is_word(before) || is_word(next) => Some("*"),
        _ => Some("_"),
    }
}
