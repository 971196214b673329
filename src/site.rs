//! The owner's site as readers see it: its name, description, links, footer, style and icon. Owns
//! what each may be; the flags are `config`'s, and the templates show it. Pure.

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

/// The name of a site whose owner gives none.
pub const NAME: &str = "Kilonova";

/// The file name of the owner's style sheet.
pub const SHEET: &str = "site.css";

/// How long a text may be, in characters as readers count them.
const MAX_NAME: usize = 60;
const MAX_DESCRIPTION: usize = 200;
const MAX_FOOTER: usize = 1000;

/// The bytes of a character at the most, on average: marks can be stacked without end.
const BYTES: usize = 8;

/// The owner's site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// One line, which pages, titles and feeds carry.
    pub name: String,
    /// One line about it.
    pub description: Option<String>,
    /// Links in the navigation, after the site's own.
    pub links: Vec<Link>,
    /// The footer of each page, as HTML that is safe to show.
    pub footer: Option<Arc<str>>,
    /// The style sheet with the colours of links and buttons and the owner's own rules.
    pub sheet: Option<File>,
    /// The picture beside its name.
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

impl Site {
    /// The owner's own file of this name.
    pub fn file(&self, name: &str) -> Option<(&File, &'static str)> {
        let sheet = self.sheet.as_ref().filter(|_| name == SHEET);
        let icon = self.icon.as_ref().filter(|icon| name == icon.name());
        let sheet = sheet.map(|sheet| (sheet, "text/css; charset=utf-8"));
        sheet.or(icon.map(|icon| (&icon.file, icon.media_type)))
    }
}

/// A file that is made at the start, and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it holds.
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

/// Why a site cannot be called or look so.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    /// A text without a character to see.
    #[error("can't be blank")]
    Blank,
    /// A text that is too long, with its limit.
    #[error("should be at most {0} characters")]
    TooLong(usize),
    /// A text with line breaks or with characters that change the direction of all that follows.
    #[error("should be one line without control characters")]
    Characters,
    /// No colour.
    #[error("expected a colour of six digits, as in #5b2a86")]
    Colour,
    /// No link.
    #[error("expected LABEL=ADDRESS with an address that begins with /, https:// or http://")]
    Link,
    /// More links than fit.
    #[error("should be at most {MAX_LINKS} links")]
    TooManyLinks,
    /// No icon.
    #[error("{0}")]
    Icon(&'static str),
}

/// The site's name.
pub fn name(text: &str) -> Result<String, Unfit> {
    line(text, MAX_NAME)
}

/// The site's description.
pub fn description(text: &str) -> Result<String, Unfit> {
    line(text, MAX_DESCRIPTION)
}

/// The footer, one line of Markdown, as HTML, of a site below `root`.
pub fn footer(text: &str, root: &str) -> Result<Arc<str>, Unfit> {
    let container = Container { id: "site-footer", top: 2, is_page: false, root };
    Ok(markdown::render(&line(text, MAX_FOOTER)?, &container))
}

/// The style sheet of a colour and of the owner's own rules, which have the last word.
pub fn sheet(colour: Option<Colour>, rules: Option<&str>) -> Option<File> {
    let colours = colour.map(|colour| colour.sheet());
    let sheet = [colours.as_deref(), rules].into_iter().flatten().collect::<Vec<_>>().join("\n");
    (!sheet.is_empty()).then(|| File::of(sheet.into_bytes()))
}

/// The links of the navigation.
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

/// Embeddings, overrides and isolates, which last until something ends them.
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
    fn a_footer_is_markdown_without_what_a_page_must_not_have() {
        let text = "© Ada, [imprint](/posts/1) <script>alert(1)</script>";
        for (root, link) in [("", "<a href=\"/posts/1\""), ("/a", "<a href=\"/a/posts/1\"")] {
            let html = footer(text, root).unwrap();
            assert!(html.contains(link) && !html.contains("<script"), "{html}");
        }
    }

    #[test]
    fn a_file_has_another_version_when_it_changes() {
        let of = |text: &str, rules| sheet(text.parse().ok(), rules).unwrap().version;
        assert_eq!(of("#5b2a86", None), of("#5B2A86", None));
        assert_ne!(of("#5b2a86", None), of("#0000aa", None));
        assert_ne!(of("#5b2a86", None), of("#5b2a86", Some("a {}")));
        assert_eq!(sheet(None, None), None);
    }
}
