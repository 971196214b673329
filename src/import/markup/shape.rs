//! The features in which two texts must agree: their words, and the order of their headings, links,
//! pictures, lists, code and emphasis. The spacing of paragraphs does not count.

use percent_encoding::percent_decode_str;

use super::tree::{Element, Node};

/// The shape of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The words, separated by single spaces.
    pub(super) words: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Characters without spaces; code keeps its spaces.
    Text(String),
    Open(&'static str, Vec<String>),
    Close(&'static str),
}

impl Shape {
    /// The shape of these parts.
    pub(super) fn of<'a>(nodes: impl Iterator<Item = &'a Node>) -> Shape {
        let mut shape = Shape::default();
        let mut text = String::new();
        nodes.for_each(|node| shape.add(node, false, &mut text));
        shape.words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        shape
    }

    fn add(&mut self, node: &Node, is_literal: bool, text: &mut String) {
        match node {
            Node::Text(words) => {
                text.push_str(words);
                self.text(words, is_literal);
            }
            Node::Element(element) => self.element(element, is_literal, text),
        }
    }

    fn text(&mut self, words: &str, is_literal: bool) {
        let plain: String = match is_literal {
            true => words.to_owned(),
            false => words.split_whitespace().collect(),
        };
        match self.pieces.last_mut() {
            _ if plain.is_empty() => {}
            Some(Piece::Text(before)) => before.push_str(&plain),
            _ => self.pieces.push(Piece::Text(plain)),
        }
    }

    fn element(&mut self, element: &Element, is_literal: bool, text: &mut String) {
        let name = match element.name {
            "p" | "div" | "figure" | "figcaption" | "br" | "wbr" | "thead" | "tbody" | "tfoot"
            | "caption" => "",
            "code" if is_literal => "",
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => "h",
            name => name,
        };
        let is_break = element.is_block() || element.name == "br";
        if is_break {
            text.push('\n');
        }
        let at = self.pieces.len();
        if !name.is_empty() {
            self.pieces.push(Piece::Open(name, facts(element)));
        }
        let is_pre = element.name == "pre";
        element.children.iter().for_each(|child| self.add(child, is_literal || is_pre, text));
        if is_pre && let Some(Piece::Text(code)) = self.pieces.last_mut() {
            code.truncate(code.trim_end_matches('\n').len());
        }
        if !name.is_empty() {
            self.close(name, at);
        }
        if is_break {
            text.push('\n');
        }
    }

    fn close(&mut self, name: &'static str, at: usize) {
        match (name, self.pieces.get(at), self.pieces.get(at + 1..)) {
            // Paragraphs and emphasis without words show nothing.
            ("strong" | "em" | "del" | "a" | "code" | "h" | "blockquote", _, Some([])) => {
                self.pieces.truncate(at);
            }
            // A bare address is a link even if the source does not mark it as one.
            ("a", Some(Piece::Open(_, facts)), Some([Piece::Text(words)]))
                if facts.first().is_some_and(|to| is_address(words, to)) =>
            {
                let words = words.clone();
                self.pieces.truncate(at);
                self.text(&words, false);
            }
            _ => self.pieces.push(Piece::Close(name)),
        }
    }
}

/// The attributes of an element that count in a comparison.
fn facts(element: &Element) -> Vec<String> {
    let words = |name| element.value(name).split_whitespace().collect::<Vec<_>>().join(" ");
    let address = |name| plain(element.value(name));
    match element.name {
        "a" => vec![address("href"), words("title")],
        "img" => vec![address("src"), words("alt"), words("title")],
        "ol" => vec![element.value("start").parse().unwrap_or(1_u32).to_string()],
        "td" | "th" => vec![words("colspan"), words("rowspan")],
        _ => Vec::new(),
    }
}

fn plain(address: &str) -> String {
    percent_decode_str(address.trim()).decode_utf8_lossy().into_owned()
}

/// Whether a link's words are its address.
fn is_address(words: &str, to: &str) -> bool {
    let words = plain(words);
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    let starts = ["", "http://", "https://", "mailto:"];
    starts.iter().any(|start| bare(&format!("{start}{words}")) == bare(to))
}
