//! The examples of the CommonMark and GFM specifications, through the whole of the rendering.
//!
//! The expected HTML also passes through the sanitizer. The additions that `html` makes on purpose
//! are removed before the comparison: headings' ids and levels, frames of tables, names for screen
//! readers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::sanitize;
use super::show;

#[derive(Deserialize)]
struct Example {
    example: u16,
    markdown: String,
    html: String,
}

/// The HTML without the differences that do not count.
fn compared(html: &str) -> String {
    let html = colourless(html);
    let mut out = String::new();
    for part in html.split_inclusive('>') {
        let (text, tag) = part.split_once('<').unwrap_or((part, ""));
        out.push_str(text.trim_matches('\n'));
        let tag = tag.trim_end_matches('>');
        let name = tag.split(' ').next().unwrap_or_default();
        match name {
            "" | "wbr" | "/div" => {}
            "div" if tag.contains("scroll") || tag.ends_with("class=\"\"") || tag == name => {}
            "h2" | "h3" | "h4" | "h5" | "h6" => out.push_str("<h>"),
            "/h2" | "/h3" | "/h4" | "/h5" | "/h6" => out.push_str("</h>"),
            "pre" | "input" | "table" => out.push_str(&format!("<{name}>")),
            _ => out.push_str(&format!("<{tag}>")),
        }
    }
    out
}

/// Code without its colours.
fn colourless(html: &str) -> String {
    let mut parts = html.split("<span class=\"hl-");
    let plain = parts.next().unwrap_or_default().to_owned();
    parts.fold(plain, |plain, part| {
        let inside = part.split_once('>').map_or(part, |(_, inside)| inside);
        plain + &inside.replacen("</span>", "", 1)
    })
}

/// The examples that differ, by number.
fn differing(examples: &str) -> BTreeMap<u16, String> {
    let examples: Vec<Example> = serde_json::from_str(examples).expect("the fixture is JSON");
    assert!(examples.len() > 40);
    let mut differing = BTreeMap::new();
    for Example { example, markdown, html } in examples {
        let ours = compared(&show(&markdown));
        let html = html.replace("<h1>", "<h2>").replace("</h1>", "</h2>");
        let theirs = compared(&sanitize::page(&html, "", None));
        if ours != theirs {
            differing.insert(example, format!("{markdown}\n{theirs}\n{ours}\n"));
        }
    }
    differing
}

/// Intended differences: bare addresses are links, as GFM extends CommonMark.
const BARE: [u16; 5] = [602, 606, 608, 611, 612];

/// Intended differences in raw HTML: its inline elements end with their paragraph, each of its
/// blocks closes its elements, and tags of elements that no page may contain are shown as text.
const RAW: [u16; 24] = [
    148, 167, 187, 190, 191, 201, 344, 476, 477, 491, 494, 524, 536, 613, 614, 615, 616, 617, 623,
    629, 630, 631, 642, 643,
];

/// Intended differences from GFM: addresses where its text of an older CommonMark has none (610 to
/// 619), no `ftp` (628), comments as in CommonMark 0.31 (645, 646), raw HTML (653).
const OF_GFM: [u16; 7] = [610, 616, 619, 628, 645, 646, 653];

fn assert_differing(differing: &BTreeMap<u16, String>, meant: &[u16]) {
    let meant: BTreeSet<u16> = meant.iter().copied().collect();
    let found: BTreeSet<u16> = differing.keys().copied().collect();
    let new: String = found.difference(&meant).map(|number| &*differing[number]).collect();
    assert_eq!(found, meant, "{new}");
}

#[test]
fn commonmark_is_rendered_as_specified() {
    let text = include_str!("../../../tests/fixtures/markdown/commonmark-0.31.2.json");
    assert_differing(&differing(text), &[&BARE[..], &RAW[..]].concat());
}

#[test]
fn github_flavored_markdown_is_rendered_as_specified() {
    let text = include_str!("../../../tests/fixtures/markdown/gfm-0.29.json");
    assert_differing(&differing(text), &OF_GFM);
}
