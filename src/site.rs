//! The owner's settings for the site's appearance: its name, description, links, footer, style and
//! icon. This module validates them; `config` owns the flags, and the templates render them. Pure.

mod accent;
mod icon;
mod link;

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use unicode_segmentation::UnicodeSegmentation;

pub use self::accent::Colour;
pub use self::icon::Icon;
pub use self::link::{Link, MOST as MAX_LINKS};
use crate::markdown::{self, Container};

/// The default name of a site.
pub const NAME: &str = "Kilonova";

/// The file name of the owner's style sheet.
pub const SHEET: &str = "site.css";

/// The maximum lengths of texts, in grapheme clusters.
const MAX_NAME: usize = 60;
const MAX_DESCRIPTION: usize = 200;
const MAX_FOOTER: usize = 1000;

/// The maximum number of bytes per character on average, because combining marks can be stacked
/// without limit.
const BYTES: usize = 8;

/// The validated settings of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The name, one line that is shown in pages, titles and feeds.
    pub name: String,
    /// One line about the site.
    pub description: Option<String>,
    /// Links in the navigation, after the site's own.
    pub links: Vec<Link>,
    /// The footer of each page, as HTML that is safe to show.
    pub footer: Option<Arc<str>>,
    /// The style sheet with the accent colour and the owner's rules.
    pub sheet: Option<File>,
    /// The icon next to the site's name.
    pub icon: Option<Icon>,
}

impl Default for Site {
    fn default() -> Site {
        Site {
            name: NAME.to_owned(),
            description: None,
            links: Vec::new(),
            footer: None,
            sheet: None,
            icon: None,
        }
    }
}

/// The most characters of the name and the labels of the links that fit into one row of a page's
/// header, beside the rest of it.
const ONE_ROW: usize = 14;

impl Site {
    /// True if the navigation needs a row of its own.
    pub fn is_wide(&self) -> bool {
        let labels = self.links.iter().map(|link| link.label.as_str());
        let texts = labels.chain([self.name.as_str()]);
        texts.map(|text| text.chars().count()).sum::<usize>() > ONE_ROW
    }

    /// Returns the owner's file with this name, and its media type.
    pub fn file(&self, name: &str) -> Option<(&File, &'static str)> {
        let sheet = self.sheet.as_ref().filter(|_| name == SHEET);
        let icon = self.icon.as_ref().filter(|icon| name == icon.name());
        let sheet = sheet.map(|sheet| (sheet, "text/css; charset=utf-8"));
        sheet.or(icon.map(|icon| (&icon.file, icon.media_type)))
    }
}

/// A file that is built at startup, with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The content.
    pub bytes: Bytes,
    /// Changes with the bytes.
    pub version: String,
}

impl File {
    fn of(bytes: Vec<u8>) -> File {
        let digest = HEXLOWER.encode(&Sha256::digest(&bytes));
        File { version: digest.get(..12).unwrap_or_default().to_owned(), bytes: bytes.into() }
    }
}

/// The reason why a setting is invalid.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    /// A text without visible characters.
    #[error("can't be blank")]
    Blank,
    /// A text that is too long, with its limit.
    #[error("should be at most {0} characters")]
    TooLong(usize),
    /// A text with line breaks, or with characters that change the direction of all following text.
    #[error("should be one line without control characters")]
    Characters,
    /// Not a colour.
    #[error("expected a colour of six digits, as in #5b2a86")]
    Colour,
    /// Not a link.
    #[error("expected LABEL=ADDRESS with an address that begins with /, https:// or http://")]
    Link,
    /// Too many links.
    #[error("should be at most {MAX_LINKS} links")]
    TooManyLinks,
    /// Not a usable icon.
    #[error("{0}")]
    Icon(&'static str),
}

/// Validates the site's name.
pub fn name(text: &str) -> Result<String, Unfit> {
    line(text, MAX_NAME)
}

/// Validates the site's description.
pub fn description(text: &str) -> Result<String, Unfit> {
    line(text, MAX_DESCRIPTION)
}

/// Validates the footer, one line of Markdown, and renders it as HTML for a site below `root`.
pub fn footer(text: &str, root: &str) -> Result<Arc<str>, Unfit> {
    let container = Container { id: "site-footer", top: 2, is_page: false, root };
    Ok(markdown::render(&line(text, MAX_FOOTER)?, &container))
}

/// Builds the style sheet from a colour and the owner's rules, which come last and so take
/// precedence.
pub fn sheet(colour: Option<Colour>, rules: Option<&str>) -> Option<File> {
    let colours = colour.map(|colour| colour.sheet());
    let sheet = [colours.as_deref(), rules].into_iter().flatten().collect::<Vec<_>>().join("\n");
    (!sheet.is_empty()).then(|| File::of(sheet.into_bytes()))
}

/// Parses the links of the navigation.
pub fn links(texts: &[String]) -> Result<Vec<Link>, Unfit> {
    if texts.len() > MAX_LINKS {
        return Err(Unfit::TooManyLinks);
    }
    texts.iter().map(|text| Link::parse(text)).collect()
}

fn line(text: &str, max: usize) -> Result<String, Unfit> {
    let text = text.trim();
    if text.len() > max * BYTES || text.graphemes(true).count() > max {
        return Err(Unfit::TooLong(max));
    }
    if text.contains(|c: char| c.is_control() || is_break(c) || turns(c)) {
        return Err(Unfit::Characters);
    }
    if !text.contains(|c: char| !c.is_whitespace() && !is_invisible(c)) {
        return Err(Unfit::Blank);
    }
    Ok(text.to_owned())
}

/// Line and paragraph separators.
fn is_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Embeddings, overrides and isolates, whose effect lasts until it is terminated.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_short_line_of_any_script() {
        for good in ["Ada's notes", "日記", "مدونة", "👨‍👩‍👧", "a & <b>", "e\u{301}"]
        {
            assert_eq!(name(&format!(" {good} ")).as_deref(), Ok(good));
        }
        for (bad, why) in [
            ("", Unfit::Blank),
            (" \u{200b}\u{feff}", Unfit::Blank),
            ("a\nb", Unfit::Characters),
            ("a\0b", Unfit::Characters),
            ("a\u{2028}b", Unfit::Characters),
            ("\u{202e}evil", Unfit::Characters),
            ("\u{2067}evil", Unfit::Characters),
            (&"x".repeat(MAX_NAME + 1), Unfit::TooLong(MAX_NAME)),
            (&format!("a{}", "\u{301}".repeat(10_000)), Unfit::TooLong(MAX_NAME)),
        ] {
            assert_eq!(name(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn a_long_name_or_more_links_give_the_navigation_a_row() {
        let link = Link { label: "About us".into(), address: "/about".into(), is_outside: false };
        let named = |name: &str, links| Site { name: name.into(), links, ..Site::default() };
        assert!(!named("Kilonova", vec![]).is_wide());
        assert!(!named("日記日記日記", vec![link.clone()]).is_wide());
        assert!(named("Ada's · Notebook", vec![]).is_wide());
        assert!(named("Kilonova", vec![link]).is_wide());
    }

    #[test]
    fn a_footer_is_markdown_without_scripts() {
        let text = "© Ada, [imprint](/posts/1) <script>alert(1)</script>";
        for (root, link) in [("", "<a href=\"/posts/1\""), ("/a", "<a href=\"/a/posts/1\"")] {
            let html = footer(text, root).unwrap();
            assert!(html.contains(link) && !html.contains("<script"), "{html}");
        }
    }

    #[test]
    fn the_version_of_a_file_changes_with_its_bytes() {
        let of = |text: &str, rules| sheet(text.parse().ok(), rules).unwrap().version;
        assert_eq!(of("#5b2a86", None), of("#5B2A86", None));
        assert_ne!(of("#5b2a86", None), of("#0000aa", None));
        assert_ne!(of("#5b2a86", None), of("#5b2a86", Some("a {}")));
        assert_eq!(sheet(None, None), None);
    }
}
