//! Slugs: the words after the id in a post's address, for people.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// The most characters of a slug that is made from a title.
const MADE: usize = 80;

/// The most characters of a slug that somebody chose.
pub(crate) const CHOSEN: usize = 200;

/// The signs that addresses do not percent-encode.
const SIGNS: [char; 4] = ['-', '.', '_', '~'];

/// The slug of a title: lower case, with a hyphen for anything that is not a letter, a digit or one
/// of the signs. Letters of any script are kept. A long title is cut after the last word that fits.
/// `None` if nothing is left.
pub(crate) fn of(title: &str) -> Option<String> {
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        match c {
            // An apostrophe is part of a word; addresses omit it.
            '\'' | '’' => {}
            c if may_follow(&slug, c) => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_matches(SIGNS);
    let slug = fit(slug).trim_end_matches(SIGNS);
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// The part of a slug that fits: whole words, or the beginning of a single one.
fn fit(slug: &str) -> &str {
    let Some((end, _)) = slug.char_indices().nth(MADE) else { return slug };
    match slug.get(..=end).and_then(|slug| slug.rfind('-')) {
        Some(hyphen) => slug.get(..hyphen),
        None => {
            let mut ends = slug.grapheme_indices(true).map(|(at, _)| at);
            slug.get(..ends.rfind(|at| *at <= end).unwrap_or(0))
        }
    }
    .unwrap_or_default()
}

/// Whether somebody may choose this slug: letters and digits of any script, and the signs that
/// addresses do not percent-encode.
pub(crate) fn is_valid(slug: &str) -> bool {
    let mut before = String::new();
    slug.starts_with(char::is_alphanumeric)
        && slug.chars().count() <= CHOSEN
        && slug.chars().all(|c| {
            let fits = may_follow(&before, c);
            before.push(c);
            fits
        })
}

/// Whether a slug may continue with this character. A mark may follow a letter: without marks,
/// Hindi and Thai are unreadable.
fn may_follow(slug: &str, c: char) -> bool {
    let is_mark = |c: char| c.general_category_group() == GeneralCategoryGroup::Mark;
    c.is_alphanumeric()
        || SIGNS.contains(&c)
        || (is_mark(c) && slug.ends_with(|last: char| last.is_alphanumeric() || is_mark(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_words_with_hyphens() {
        for (title, slug) in [
            ("Hello, World!", "hello-world"),
            ("  What's new in 2.0?  ", "whats-new-in-2.0"),
            ("Ünïcode & Größe", "ünïcode-größe"),
            ("C++ and C#", "c-and-c"),
            ("サーバーの話", "サーバーの話"),
            ("I ❤️ Rust", "i-rust"),
            (".NET", "net"),
            ("नमस्ते दुनिया", "नमस्ते-दुनिया"),
            ("Привет, мир", "привет-мир"),
            ("a/b\\c?d#e%20", "a-b-c-d-e-20"),
            ("../../etc/passwd", "etc-passwd"),
        ] {
            assert_eq!(of(title).as_deref(), Some(slug), "{title}");
            assert!(is_valid(slug), "{slug}");
        }
        for title in ["!!!", "—", "🎉🎉"] {
            assert_eq!(of(title), None, "{title}");
        }
    }

    #[test]
    fn a_long_title_gives_the_words_that_fit() {
        assert_eq!(of(&"word ".repeat(40)).unwrap(), ["word"; 16].join("-"));
        assert_eq!(of(&"x".repeat(500)).unwrap(), "x".repeat(MADE));
    }

    #[test]
    fn a_slug_is_one_part_of_a_path() {
        for slug in ["a", "a-b", "v1.2_final~", "日記", "Größe"] {
            assert!(is_valid(slug), "{slug}");
        }
        for slug in [
            "",
            "-",
            "-a",
            ".",
            "..",
            "a/b",
            "a b",
            "a?b",
            "a#b",
            "a%20",
            "a\u{202e}b",
            "a-\u{fe0f}",
        ] {
            assert!(!is_valid(slug), "{slug}");
        }
    }
}
