//! Writes tables that have one heading row and only words in their cells.

use super::inline::{Within, inline};
use crate::import::markup::tree::{Element, Node};

pub(super) fn table(element: &Element) -> Option<String> {
    let mut rows: Vec<&Element> = Vec::new();
    collect(element, &mut rows)?;
    let (head, rows) = rows.split_first()?;
    let mut out = String::new();
    let columns = line(head, "th", None, &mut out)?;
    out.push_str("\n|");
    for cell in cells(head)? {
        out.push_str(match cell.value("align") {
            "left" => " :-- |",
            "right" => " --: |",
            "center" => " :-: |",
            _ => " --- |",
        });
    }
    for row in rows {
        out.push('\n');
        line(row, "td", Some(columns), &mut out)?;
    }
    Some(out)
}

fn collect<'a>(element: &'a Element, rows: &mut Vec<&'a Element>) -> Option<()> {
    for child in &element.children {
        match child {
            Node::Text(text) if text.trim().is_empty() => {}
            Node::Element(child) if child.name == "tr" => rows.push(child),
            Node::Element(child) if matches!(child.name, "thead" | "tbody" | "tfoot") => {
                collect(child, rows)?;
            }
            _ => return None,
        }
    }
    Some(())
}

fn cells(row: &Element) -> Option<Vec<&Element>> {
    let mut found = Vec::new();
    for child in &row.children {
        match child {
            Node::Text(text) if text.trim().is_empty() => {}
            Node::Element(cell) => found.push(cell),
            Node::Text(_) => return None,
        }
    }
    Some(found)
}

fn line(row: &Element, name: &str, columns: Option<usize>, out: &mut String) -> Option<usize> {
    let cells = cells(row)?;
    let spans = |cell: &&Element| {
        !matches!((cell.value("colspan"), cell.value("rowspan")), ("" | "1", "" | "1"))
    };
    let is_plain = cells.iter().all(|cell| cell.name == name && !spans(cell));
    if !is_plain || columns.is_some_and(|columns| columns != cells.len()) || cells.is_empty() {
        return None;
    }
    out.push('|');
    for cell in &cells {
        let children: Vec<&Node> = match cell.children.as_slice() {
            [Node::Element(only)] if only.name == "p" => only.children.iter().collect(),
            children => children.iter().collect(),
        };
        let text = inline(&children, Within::Cell)?.text;
        out.push_str(&format!(" {text} |"));
    }
    Some(cells.len())
}
