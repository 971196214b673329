//! The parts of a page that the tests read: links, anchors of headings, and blocks of code.

use std::collections::HashMap;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A block of code.
pub(super) struct Block {
    /// The line of the page on which it begins.
    pub(super) line: usize,
    /// The word after the fence; empty for an indented block.
    pub(super) language: String,
    pub(super) text: String,
    /// Whether `<!-- manual -->` precedes it.
    pub(super) is_manual: bool,
}

/// The parser's events for a page, with their ranges.
fn events(text: &str) -> impl Iterator<Item = (Event<'_>, std::ops::Range<usize>)> {
    Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter()
}

/// The blocks of code, in order.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut is_manual, mut is_open) = (false, false);
    for (event, range) in events(text) {
        match event {
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
            Event::Html(html) => is_manual = html.trim() == "<!-- manual -->",
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                let line = text[..range.start].lines().count() + 1;
                blocks.push(Block { line, language, text: String::new(), is_manual });
                (is_manual, is_open) = (false, true);
            }
            Event::Text(part) if is_open => {
                blocks.last_mut().unwrap().text.push_str(&part);
            }
            Event::End(TagEnd::CodeBlock) => is_open = false,
            _ => is_manual = false,
        }
    }
    blocks
}

/// The targets of all links and pictures, with their lines. Pictures may be HTML.
pub(super) fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (event, range) in events(text) {
        let line = || text[..range.start].lines().count().max(1);
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                links.push((line(), dest_url.to_string()));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let sources =
                    html.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
                links.extend(sources.map(|source| (line(), source.to_owned())));
            }
            _ => {}
        }
    }
    links
}

/// The anchors of the headings, as GitHub and mdBook generate them.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut heading: Option<String> = None;
    for (event, _) in events(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&heading.take().unwrap());
                let count = seen.entry(anchor.clone()).or_default();
                anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
                *count += 1;
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn a_block_is_manual_when_the_comment_is_right_before_it() {
    let text = "<!-- manual -->\n\n```sh\n$ a\n```\n\n```sh\n$ b\n```\n\n<!-- manual -->\n\nA\n\n```sh\n$ c\n```\n";
    let manual: Vec<_> = blocks(text).iter().map(|block| (block.line, block.is_manual)).collect();
    assert_eq!(manual, [(3, true), (7, false), (15, false)]);
}

#[test]
fn anchors_match_those_of_github() {
    let text = "# A `b`, c\n## A b c\n### 100 % _sure_\n";
    assert_eq!(anchors(text), ["a-b-c", "a-b-c-1", "100--sure"]);
}
