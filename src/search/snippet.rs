//! The excerpt of a text around its matches. Owns which part is shown, and that its HTML is safe on
//! a page; leaves finding the words to `wanted`.

use std::collections::BTreeSet;

use super::wanted::{Match, Wanted};
use crate::markdown::escape_character;

/// The most bytes between the first and the last match of an excerpt.
const WINDOW: usize = 180;
/// The bytes of text before the first match.
const LEAD: usize = 50;
/// A text whose first match is within this many bytes is shown from its beginning.
const NEAR: usize = 80;
/// The length of an excerpt, in bytes, before its ends are moved to word boundaries.
const LENGTH: usize = 260;
/// The number of matches that are compared; later ones would hardly be better.
const MATCHES: usize = 2000;

/// The best excerpt of `text` as HTML: escaped, with matches in `<mark>` and runs of white space
/// collapsed. If nothing matches, it is the beginning of the text.
pub(super) fn snippet(text: &str, wanted: &Wanted) -> String {
    let matches = matches(text, wanted);
    let first = best(&matches);
    let from = match first.map(|first| matches[first].range.start) {
        Some(start) if start > NEAR => word_start(text, start - LEAD),
        _ => 0,
    };
    let to = word_end(text, from + LENGTH);
    let mut html = Html { text: String::new(), space: true };
    if from > 0 {
        html.text.push('…');
    }
    let mut at = from;
    let shown = matches.iter().skip(first.unwrap_or(0)).map(|found| &found.range);
    let mut shown = shown.take_while(|range| range.end <= to).peekable();
    while let Some(range) = shown.next() {
        let (start, mut end) = (range.start.max(at), range.end);
        // Matches that touch or overlap share one mark.
        while let Some(next) = shown.next_if(|next| next.start <= end) {
            end = end.max(next.end);
        }
        if start < end {
            html.push(&text[at..start]);
            html.text.push_str("<mark>");
            html.push(&text[start..end]);
            html.text.push_str("</mark>");
            at = end;
        }
    }
    html.push(&text[at..to]);
    html.text.truncate(html.text.trim_end().len());
    if !text[to..].trim().is_empty() {
        html.text.push('…');
    }
    html.text
}

/// The matches in order. The search ends shortly after the first place where all wanted words are
/// close together, because no later place is much better.
fn matches(text: &str, wanted: &Wanted) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut newest = vec![None; wanted.count()];
    let mut enough = usize::MAX;
    wanted.search(text, |found| {
        if found.range.start > enough {
            return false;
        }
        newest[found.number] = Some(found.range.start);
        let oldest = newest.iter().min().copied().flatten();
        if let Some(oldest) = oldest.filter(|oldest| found.range.end <= oldest + WINDOW) {
            enough = enough.min(oldest + LENGTH);
        }
        matches.push(found);
        matches.len() < MATCHES
    });
    matches.sort_by_key(|found| found.range.start);
    matches
}

/// The index of the match to begin with: the one followed by the most different words, then by the
/// most matches.
fn best(matches: &[Match]) -> Option<usize> {
    let mut best = None;
    for (first, begin) in matches.iter().enumerate() {
        let near = matches[first..]
            .iter()
            .take_while(|found| found.range.end <= begin.range.start + WINDOW);
        let near: Vec<usize> = near.map(|found| found.number).collect();
        let weight = (near.iter().collect::<BTreeSet<_>>().len(), near.len());
        // The first of several equally good matches wins.
        if best.is_none_or(|(heaviest, _)| weight > heaviest) {
            best = Some((weight, first));
        }
    }
    best.map(|(_, first)| first)
}

/// The start of the word at or after `at`; `at` itself if no space is near, as in scripts without
/// spaces.
fn word_start(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    let near = &text[at..text.floor_char_boundary(at + LEAD)];
    near.find(char::is_whitespace).map_or(at, |space| at + space)
}

/// The end of the word before `at`.
fn word_end(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    if at == text.len() {
        return at;
    }
    let near = text.floor_char_boundary(at - LEAD);
    text[near..at].rfind(char::is_whitespace).map_or(at, |space| near + space)
}

struct Html {
    text: String,
    // True if another white space character would be leading or repeated.
    space: bool,
}

impl Html {
    fn push(&mut self, text: &str) {
        for c in text.chars() {
            let space = c.is_whitespace() || c.is_control();
            match c {
                _ if space && self.space => {}
                _ if space => self.text.push(' '),
                c => escape_character(c, &mut self.text),
            }
            self.space = space;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::search::parser;

    fn excerpt(text: &str, query: &str) -> String {
        snippet(text, &Wanted::of(&parser::parse(query).unwrap()))
    }

    #[test]
    fn matches_are_marked_and_all_else_is_escaped() {
        let html = excerpt("<script>alert('x')</script> \n\n & Borrowing", "x borrows ");
        assert_eq!(
            html,
            "&lt;script&gt;alert(&#39;<mark>x</mark>&#39;)&lt;/script&gt; &amp; <mark>Borrowing</mark>"
        );
    }

    #[test]
    fn the_excerpt_is_where_most_terms_are() {
        let text =
            format!("borrow {} the borrow checker {}", "word ".repeat(200), "word ".repeat(200));
        let html = excerpt(&text, "borrow checker ");
        assert!(html.starts_with('…') && html.ends_with('…'), "{html}");
        assert!(html.contains("<mark>borrow</mark> <mark>checker</mark>"), "{html}");
        assert!(html.len() < 400);
    }

    #[test]
    fn without_a_match_it_is_the_beginning() {
        assert_eq!(excerpt("one two", "three"), "one two");
    }

    #[test]
    fn signs_phrases_without_spaces_and_beginnings_are_marked() {
        for (text, query, expected) in [
            ("Use C++, not C.", "C++", "Use <mark>C++</mark>, not C."),
            ("a .NET app: net", ".net", "a <mark>.NET</mark> app: net"),
            ("at AT&T, t", "at&t", "at <mark>AT&amp;T</mark>, t"),
            ("서 서울에는 울", "서울", "서 <mark>서울</mark>에는 울"),
            ("가가나", "가나", "가<mark>가나</mark>"),
            ("日本語 and 日", "日本", "<mark>日本</mark>語 and 日"),
            ("processes, proc", "proc*", "<mark>processes</mark>, <mark>proc</mark>"),
            ("الكِتَابُ", "الكتاب", "<mark>الكِتَابُ</mark>"),
            ("Ёлка", "елка", "<mark>Ёлка</mark>"),
            ("Émile", "emile", "<mark>Émile</mark>"),
        ] {
            assert_eq!(excerpt(text, query), expected);
        }
    }

    proptest! {
        #[test]
        fn only_marks_are_tags(text in "(\\PC|[ <>&a\n]){0,600}") {
            let html = excerpt(&text, "a OR b* OR 서울");
            let rest = html.replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!rest.contains(['<', '>', '"', '\'']));
        }
    }
}
