//! Writes a tree as Markdown. A block that Markdown cannot express exactly gives `None` and stays
//! HTML.

mod inline;
mod table;

use self::inline::inline;
pub(super) use self::inline::picture;
use super::tree::{Element, Node, groups};

/// A block of a text, as Markdown: a run of inline parts, or one element.
pub(super) fn block(group: &[&Node]) -> Option<String> {
    match group {
        [Node::Element(element)] if element.is_block() => element_block(element),
        run => Some(inline(run, inline::Within::Paragraph)?.text),
    }
}

/// The blocks of an element, except those that show nothing.
fn blocks(nodes: &[Node]) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let mut before = None;
    for group in groups(nodes) {
        let list = match group.as_slice() {
            [Node::Element(element)] if is_list(element) => Some(element.name),
            _ => None,
        };
        if list.is_some() && list == before {
            found.push("<!-- -->".to_owned());
        }
        before = list;
        found.push(block(&group)?);
    }
    found.retain(|block| !block.is_empty());
    Some(found)
}

fn element_block(element: &Element) -> Option<String> {
    let children: Vec<&Node> = element.children.iter().collect();
    match element.name {
        "p" => Some(inline(&children, inline::Within::Paragraph)?.text),
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
            let level = element.name.get(1..)?.parse().ok()?;
            let title = inline(&children, inline::Within::Heading)?.text;
            match title.is_empty() {
                true => Some(title),
                false => Some(format!("{} {title}", "#".repeat(level))),
            }
        }
        "blockquote" => {
            let inside = blocks(&element.children)?.join("\n\n");
            let lines = inside.lines().map(|line| format!("> {line}").trim_end().to_owned());
            Some(lines.collect::<Vec<_>>().join("\n"))
        }
        "ul" | "ol" => list(element),
        "pre" => code(element),
        "hr" => Some("---".to_owned()),
        "table" => table::table(element),
        _ => None,
    }
}

fn is_list(element: &Element) -> bool {
    matches!(element.name, "ul" | "ol")
}

fn list(element: &Element) -> Option<String> {
    let first = match (element.name, element.value("start")) {
        ("ol", "") => Some(1),
        ("ol", start) => Some(start.parse::<u32>().ok().filter(|start| *start < 900_000_000)?),
        _ => None,
    };
    let mut items: Vec<&Element> = Vec::new();
    for child in &element.children {
        match child {
            Node::Text(text) if text.trim().is_empty() => {}
            Node::Element(item) if item.name == "li" => items.push(item),
            _ => return None,
        }
    }
    let is_tight = items.iter().all(|item| {
        item.children.iter().all(|child| match child {
            Node::Element(child) if is_list(child) => matches!(child.value("start"), "" | "1"),
            Node::Element(child) => !child.is_block(),
            Node::Text(_) => true,
        })
    });
    let mut written = Vec::new();
    for (item, number) in items.into_iter().zip(first.unwrap_or(1)..) {
        let marker = first.map_or_else(|| "- ".to_owned(), |_| format!("{number}. "));
        let inside = blocks(&item.children)?.join(if is_tight { "\n" } else { "\n\n" });
        let indent = " ".repeat(marker.len());
        let mut lines = inside.lines();
        let mut text = format!("{marker}{}", lines.next().unwrap_or_default());
        for line in lines {
            text.push('\n');
            if !line.is_empty() {
                text.push_str(&indent);
                text.push_str(line);
            }
        }
        written.push(text.trim_end().to_owned());
    }
    Some(written.join(if is_tight { "\n" } else { "\n\n" }))
}

/// Fenced code with its language.
fn code(element: &Element) -> Option<String> {
    let mut text = String::new();
    let mut language = language(element);
    literal(&element.children, &mut text, &mut language)?;
    let text = text.strip_prefix('\n').unwrap_or(&text).trim_end_matches('\n');
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    Some(format!("{fence}{}\n{text}\n{fence}", language.unwrap_or_default()))
}

/// The characters of code; `None` if it contains more than characters.
fn literal(nodes: &[Node], out: &mut String, known: &mut Option<String>) -> Option<()> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Element(element) if element.name == "br" => out.push('\n'),
            Node::Element(element) if element.name == "code" => {
                *known = known.take().or_else(|| language(element));
                literal(&element.children, out, known)?;
            }
            Node::Element(_) => return None,
        }
    }
    Some(())
}

/// The language named in the classes of code.
fn language(element: &Element) -> Option<String> {
    let class = element.value("class").replace("brush: ", "brush:");
    let named = class.split([' ', ';']).find_map(|class| {
        ["language-", "lang-", "brush:"].iter().find_map(|start| class.strip_prefix(start))
    });
    let named = named.unwrap_or(element.value("lang"));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+#.-".contains(c);
    let fits = !named.is_empty() && named.len() <= 40 && named.chars().all(is_name);
    fits.then(|| named.to_owned())
}
