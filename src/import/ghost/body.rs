//! The text of a post: its HTML converted to Markdown, or the Markdown in which it was written.

use serde_json::{Map, Value};

use super::post::text;
use super::{gated, several};
use crate::import::markup::{self, Lines};
use crate::import::report::Note;
use crate::markdown::escape;

/// The placeholder that Ghost writes for the site's address.
const URL: &str = "__GHOST_URL__";

type Row = Map<String, Value>;

/// The text of a row, and whether it could be read.
pub(super) fn of(row: &Row, meta: Option<&Row>, notes: &mut Vec<Note>) -> (String, bool) {
    let field = |key| here(&text(row, key));
    let (html, plain) = (field("html"), field("plaintext"));
    let public = match gated::public(&html) {
        Some(public) => public,
        None => {
            notes.push(Note::lost("with a members-only block that has no end", ""));
            return (with_picture(row, meta, html, notes), false);
        }
    };
    if public.left_out > 0 {
        notes.push(several("with a members-only block, left out", public.left_out));
        // No other form of the text says which parts strangers see.
        let body = markup::converted(&public.html, Lines::Spaces, notes);
        return (with_picture(row, meta, body, notes), true);
    }
    let lexical_json = text(row, "lexical");
    if html.trim().is_empty() && gated::is_gated(&lexical_json) {
        notes.push(Note::lost("with a members-only block, and no HTML that shows where", ""));
        return (String::new(), false);
    }
    let written =
        [field("markdown"), mobiledoc(&field("mobiledoc")), lexical(&here(&lexical_json))];
    let written = written.into_iter().find(|text| !text.trim().is_empty());
    let is_empty = |key| text(row, key).trim().is_empty();
    let (body, is_read) = match (html.trim().is_empty(), written) {
        (false, Some(written)) if markup::is_same(&written, &html) => (written, true),
        (false, _) => (markup::converted(&html, Lines::Spaces, notes), true),
        (true, Some(written)) => (written, true),
        (true, None) if !plain.trim().is_empty() => {
            notes.push(Note::lost("with only its plain text; links and pictures are lost", ""));
            let mut escaped = String::with_capacity(plain.len());
            escape(&plain, &mut escaped);
            (markup::converted(&escaped, Lines::Breaks, notes), true)
        }
        (true, None) if is_empty("mobiledoc") && is_empty("lexical") => (String::new(), true),
        (true, None) => {
            let what = "with a text only in the format of Ghost's editor, which is not read";
            notes.push(Note::lost(what, "export it from Ghost: that file contains the HTML"));
            (String::new(), false)
        }
    };
    (with_picture(row, meta, body, notes), is_read)
}

fn here(text: &str) -> String {
    text.replace(&format!("{URL}/"), "/").replace(URL, "/")
}

/// Puts the post's picture above the text, unless the text already shows it.
fn with_picture(row: &Row, meta: Option<&Row>, body: String, notes: &mut Vec<Note>) -> String {
    let picture = [text(row, "feature_image"), text(row, "image")];
    let Some(src) = picture.iter().map(|src| here(src)).find(|src| !src.trim().is_empty()) else {
        return body;
    };
    let of_meta = |key| meta.map(|meta| text(meta, key)).unwrap_or_default();
    let caption = here(&of_meta("feature_image_caption"));
    markup::with_picture(&src, &of_meta("feature_image_alt"), &caption, body, notes)
}

/// The Markdown of a text that consists only of Markdown cards; empty for any other.
fn mobiledoc(json: &str) -> String {
    let Ok(document) = serde_json::from_str::<Value>(json) else { return String::new() };
    let list = |key: &str| document.get(key).and_then(Value::as_array);
    let (Some(cards), Some(sections)) = (list("cards"), list("sections")) else {
        return String::new();
    };
    let texts = sections.iter().map(|section| {
        // A section that begins with 10 is a card.
        let section = section.as_array()?;
        let is_card = section.first().and_then(Value::as_u64) == Some(10);
        let number = section.get(1).and_then(Value::as_u64).filter(|_| is_card);
        match number {
            Some(number) => {
                let card = cards.get(usize::try_from(number).ok()?)?;
                let name = card.get(0)?.as_str()?;
                let is_markdown = matches!(name, "markdown" | "card-markdown");
                card.get(1)?.get("markdown")?.as_str().filter(|_| is_markdown)
            }
            // The editor ends every text with an empty paragraph.
            None => section.get(2)?.as_array()?.is_empty().then_some(""),
        }
    });
    joined(texts)
}

/// Like `mobiledoc`, for Ghost's newer format, Lexical.
fn lexical(json: &str) -> String {
    let Ok(document) = serde_json::from_str::<Value>(json) else { return String::new() };
    let children = document.get("root").and_then(|root| root.get("children")?.as_array());
    let Some(children) = children else { return String::new() };
    let texts = children.iter().map(|child| match child.get("type")?.as_str()? {
        "markdown" => child.get("markdown")?.as_str(),
        "paragraph" => child.get("children")?.as_array()?.is_empty().then_some(""),
        _ => None,
    });
    joined(texts)
}

/// The texts joined, or an empty text if any is `None`.
fn joined<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> String {
    let texts: Option<Vec<&str>> = texts.collect();
    let texts = texts.unwrap_or_default();
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(row: Value) -> (String, bool, Vec<Note>) {
        let mut notes = Vec::new();
        let (text, is_read) = of(row.as_object().expect("a row"), None, &mut notes);
        (text, is_read, notes)
    }

    #[test]
    fn a_text_that_was_written_in_markdown_stays_as_it_is() {
        let mobiledoc = json!({"version": "0.3.1", "atoms": [], "markups": [],
            "cards": [["markdown", {"markdown": "* one\n* *two*"}]],
            "sections": [[10, 0], [1, "p", []]]})
        .to_string();
        let lexical = json!({"root": {"children": [
            {"type": "markdown", "markdown": "* one\n* *two*"}, {"type": "paragraph", "children": []}]}})
        .to_string();
        for row in [
            json!({"mobiledoc": mobiledoc}),
            json!({"lexical": lexical, "html": null}),
            json!({"lexical": lexical, "html": "<ul>\n<li>one</li><li><em>two</em></li></ul>"}),
            json!({"markdown": "* one\n* *two*", "plaintext": "x"}),
        ] {
            let (text, is_read, notes) = body(row);
            assert_eq!(text, "* one\n* *two*");
            assert!(is_read && notes.is_empty());
        }
        // The HTML wins if it differs.
        let (text, ..) = body(json!({"lexical": lexical, "html": "<p>Other</p>"}));
        assert_eq!(text, "Other");
    }

    #[test]
    fn blocks_for_members_are_left_out_of_a_public_text() {
        let gate = |attributes: &str, html: &str| {
            format!("<!--kg-gated-block:begin {attributes}-->{html}<!--kg-gated-block:end-->")
        };
        let secret = gate("nonMember:false memberSegment:\"status:free\"", "<p>Secret</p>");
        let open = gate("nonMember:true memberSegment:\"\"", "<p>Open</p>");
        let html = format!("<p>A</p>{secret}{open}<p>B</p>{secret}");
        let (text, is_read, notes) = body(json!({"html": html, "plaintext": "A Secret Open B"}));
        assert_eq!((text.as_str(), is_read), ("A\n\nOpen\n\nB", true));
        let what = "with a members-only block, left out";
        assert_eq!(notes, [Note::lost(what, "2 times")]);
        // If the whole text is for members, no other form replaces it.
        let (text, is_read, _) =
            body(json!({"html": secret, "plaintext": "Secret", "markdown": "Secret"}));
        assert_eq!((text.as_str(), is_read), ("", true));
        let lexical = json!({"root": {"children": [{"type": "markdown", "markdown": "Secret",
            "visibility": {"web": {"nonMember": false}}}]}})
        .to_string();
        let (text, is_read, notes) = body(json!({"lexical": lexical, "plaintext": "Secret"}));
        assert_eq!((text.as_str(), is_read, notes.len()), ("", false, 1));
    }

    #[test]
    fn a_block_for_members_without_an_end_makes_a_draft() {
        for html in [
            "<p>A</p><!--kg-gated-block:begin nonMember:false--><p>Secret</p>",
            "<!--kg-gated-block:begin nonMember:true--><!--kg-gated-block:begin nonMember:false-->x\
             <!--kg-gated-block:end--><!--kg-gated-block:end-->",
            "<p>A</p><!--kg-gated-block:begin",
        ] {
            let (_, is_read, notes) = body(json!({"html": html}));
            assert!(!is_read && notes.iter().any(|note| note.lost), "{html}");
        }
    }

    #[test]
    fn a_text_that_cannot_be_read_is_noted() {
        let (text, is_read, notes) =
            body(json!({"lexical": "{\"root\":{\"children\":[{\"type\":\"x\"}]}}"}));
        assert!(text.is_empty() && !is_read && notes.iter().all(|note| note.lost));
        let (text, is_read, notes) =
            body(json!({"mobiledoc": "{", "plaintext": "a <b>\nc\n\n*d*"}));
        assert_eq!(text, "a \\<b>\\\nc\n\n\\*d\\*");
        assert!(is_read && notes.len() == 1);
        let (text, is_read, notes) = body(json!({"html": 5, "plaintext": []}));
        assert!(is_read && notes.is_empty());
        assert_eq!(text, "5");
    }
}
