//! The start of a text, for lists. Owns which parts of a text count as its words.

use std::mem;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use unicode_segmentation::UnicodeSegmentation;

use super::{MAX_DEPTH, extensions, is_inline};

/// Maximum length of an excerpt in characters (grapheme clusters), without the ellipsis.
const LENGTH: usize = 280;

/// Number of bytes of a body that an excerpt reads: lists show many posts, each of which may be a
/// mebibyte.
pub const LOOKED_AT: usize = 8 * 1024;

/// The first words of a Markdown text, as plain text on one line, cut with an ellipsis.
///
/// Headings, code blocks, tables, raw HTML and footnotes are left out, unless there is nothing
/// else. Paragraphs and items that don't end a sentence are separated by ` · `. The result is plain text: escape it before you show it.
pub fn excerpt(markdown: &str) -> String {
    let mut end = LOOKED_AT.min(markdown.len());
    while !markdown.is_char_boundary(end) {
        end -= 1;
    }
    let head = &markdown[..end];
    let mut words = words(head, false);
    if words.is_empty() {
        words = self::words(head, true);
    }
    shortened(&words, end < markdown.len())
}

/// What ends a sentence or introduces the next text, and what may close after it.
const SENTENCE_ENDS: [char; 13] =
    ['.', ',', ';', ':', '!', '?', '…', '–', '—', '。', '、', '！', '？'];
const CLOSING: [char; 9] = ['"', '\'', '”', '’', '“', '»', ')', ']', '」'];

/// The text of the paragraphs, or of everything, on one line.
fn words(markdown: &str, everything: bool) -> String {
    let mut text = String::new();
    let mut skipped = 0_usize;
    let mut depth = 0_usize;
    let mut is_new_block = false;
    // A note may be defined beyond the bytes read. The older syntax recognises its references
    // anyway.
    let parser = Parser::new_ext(markdown, extensions() | Options::ENABLE_OLD_FOOTNOTES);
    for event in super::words(parser) {
        match event {
            Event::Start(tag) => {
                depth += 1;
                skipped += usize::from(!everything && is_apart(&tag));
                if depth > MAX_DEPTH {
                    break;
                }
                is_new_block |= !is_inline(tag.to_end());
            }
            Event::End(tag) => {
                depth -= 1;
                skipped -= usize::from(!everything && is_end_apart(tag));
                is_new_block |= !is_inline(tag);
            }
            Event::Text(part) | Event::Code(part) if skipped == 0 => {
                if !part.trim().is_empty() && mem::take(&mut is_new_block) {
                    text.push_str(if is_open(&text) { " · " } else { " " });
                }
                text.push_str(&part);
            }
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
        if text.len() > LOOKED_AT {
            break;
        }
    }
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a text stops without the end of a sentence.
fn is_open(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches(CLOSING);
    !text.is_empty() && !text.ends_with(SENTENCE_ENDS)
}

fn is_apart(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Heading { .. }
            | Tag::CodeBlock(_)
            | Tag::Table(_)
            | Tag::HtmlBlock
            | Tag::FootnoteDefinition(_)
            | Tag::Image { .. }
    )
}

fn is_end_apart(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::Table
            | TagEnd::HtmlBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::Image
    )
}

/// Shortens a text to `LENGTH` characters, between words if there is a space in the last third.
fn shortened(text: &str, more: bool) -> String {
    let cut = text.grapheme_indices(true).nth(LENGTH).map(|(at, _)| at);
    let Some(cut) = cut else {
        return if more && !text.is_empty() { format!("{text}…") } else { text.to_owned() };
    };
    let head = &text[..cut];
    let end = head.rfind(' ').filter(|space| *space > cut * 2 / 3).unwrap_or(cut);
    format!("{}…", head[..end].trim_end_matches([' ', ',', ';', ':', '.']))
}
