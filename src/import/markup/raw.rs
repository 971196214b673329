//! Writes a block as HTML that Markdown passes through: without blank lines, which would end it.

use super::tree::{Element, Kind, Node};
use crate::markdown::escape;

/// A block as HTML. A run of inline parts becomes a paragraph.
pub(super) fn block(group: &[&Node]) -> String {
    let mut out = String::new();
    match group {
        [Node::Element(element)] if element.is_block() => write(element, false, &mut out),
        _ => {
            out.push_str("<p>");
            group.iter().for_each(|node| part(node, false, &mut out));
            out.push_str("</p>");
        }
    }
    out
}

fn part(node: &Node, is_literal: bool, out: &mut String) {
    match node {
        Node::Element(element) => write(element, is_literal, out),
        Node::Text(text) if is_literal => {
            let mut escaped = String::new();
            escape(text, &mut escaped);
            out.push_str(&escaped.replace('\n', "&#10;"));
        }
        Node::Text(text) => {
            let mut spaced = String::with_capacity(text.len());
            for c in text.chars() {
                match c {
                    ' ' | '\n' | '\t' | '\r' if spaced.ends_with(' ') => {}
                    ' ' | '\n' | '\t' | '\r' => spaced.push(' '),
                    c => spaced.push(c),
                }
            }
            escape(&spaced, out);
        }
    }
}

fn write(element: &Element, is_literal: bool, out: &mut String) {
    // The page's only `h1` is its title, which is not in the text.
    let name = if element.name == "h1" { "h2" } else { element.name };
    out.push('<');
    out.push_str(name);
    for (name, value) in element.attributes.iter().filter(|(name, _)| *name != "class") {
        out.push_str(&format!(" {name}=\""));
        escape(&value.replace('\n', " "), out);
        out.push('"');
    }
    out.push('>');
    if element.kind == Kind::Void || name == "hr" {
        return;
    }
    let is_literal = is_literal || name == "pre";
    for (n, child) in element.children.iter().enumerate() {
        let is_block = matches!(child, Node::Element(child) if child.is_block());
        if is_block && (n > 0 || element.kind == Kind::Frame) && !out.ends_with('\n') {
            out.push('\n');
        }
        part(child, is_literal, out);
    }
    if element.kind == Kind::Frame && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(&format!("</{name}>"));
}
