//! A lexer that reads the tables of `grammars`. Owns comments, strings, numbers and words. Each is
//! read once, from left to right; one without an end extends to the end of its line or of the code.

use super::{Class, Part};

/// The features of a language that matter for colouring.
pub(super) struct Grammar {
    /// Its names, in lower case.
    pub(super) names: &'static [&'static str],
    /// Starts of comments that extend to the end of the line.
    pub(super) line: &'static [&'static str],
    /// Starts and ends of other comments.
    pub(super) block: &'static [(&'static str, &'static str)],
    /// Strings, those with the longest start first.
    pub(super) strings: &'static [Quote],
    /// Its keywords, separated by spaces.
    pub(super) keywords: &'static str,
    /// Its built-in types and constants, separated by spaces.
    pub(super) types: &'static str,
    /// Characters that begin a name, such as `$` or `@`.
    pub(super) sigils: &'static str,
    /// Characters allowed inside a word besides letters, digits and `_`.
    pub(super) inside: &'static str,
    /// Whether keywords are case-insensitive.
    pub(super) any_case: bool,
    /// Whether a word with a capital first letter is a type.
    pub(super) capitals: bool,
}

/// One kind of string.
pub(super) struct Quote {
    pub(super) begin: &'static str,
    pub(super) end: &'static str,
    /// Whether a backslash escapes the next character.
    pub(super) escapes: bool,
    /// Whether it may span several lines.
    pub(super) lines: bool,
}

/// Splits code into parts.
pub(super) fn parts<'c>(grammar: &Grammar, code: &'c str) -> Vec<Part<'c>> {
    let keywords = Words::new(grammar.keywords, grammar.any_case);
    let types = Words::new(grammar.types, grammar.any_case);
    let mut parts: Vec<Part<'c>> = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || grammar.inside.contains(c);
        let (length, class) = if let Some(length) = comment(grammar, rest) {
            (length, Some(Class::Comment))
        } else if let Some(length) = string(grammar, rest) {
            (length, Some(Class::Text))
        } else if first.is_ascii_digit() {
            (number(rest), Some(Class::Number))
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let word = &rest[..length];
            let class = if keywords.has(word) {
                Some(Class::Keyword)
            } else if types.has(word) {
                Some(Class::Type)
            } else if rest[length..].starts_with('(') {
                Some(Class::Function)
            } else {
                (grammar.capitals && first.is_uppercase()).then_some(Class::Type)
            };
            (length, class)
        } else if grammar.sigils.contains(first) {
            let name = &rest[first.len_utf8()..];
            let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
            (first.len_utf8() + length, (length > 0).then_some(Class::Name))
        } else {
            (first.len_utf8(), None)
        };
        if class.is_some() {
            if plain < at {
                parts.push((None, &code[plain..at]));
            }
            parts.push((class, &rest[..length]));
            plain = at + length;
        }
        at += length;
    }
    if plain < code.len() {
        parts.push((None, &code[plain..]));
    }
    parts
}

fn comment(grammar: &Grammar, rest: &str) -> Option<usize> {
    if let Some((begin, end)) = grammar.block.iter().find(|(begin, _)| rest.starts_with(begin)) {
        let inside = &rest[begin.len()..];
        return Some(inside.find(end).map_or(rest.len(), |at| begin.len() + at + end.len()));
    }
    let is_begin = |begin: &&str| rest.starts_with(*begin);
    grammar.line.iter().any(is_begin).then(|| rest.find('\n').unwrap_or(rest.len()))
}

fn string(grammar: &Grammar, rest: &str) -> Option<usize> {
    let quote = grammar.strings.iter().find(|quote| rest.starts_with(quote.begin))?;
    let mut at = quote.begin.len();
    while let Some(c) = rest[at..].chars().next() {
        if rest[at..].starts_with(quote.end) {
            return Some(at + quote.end.len());
        }
        if c == '\n' && !quote.lines {
            return Some(at);
        }
        at += c.len_utf8();
        if c == '\\' && quote.escapes {
            at += rest[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        }
    }
    Some(at)
}

/// The length of a number: `1_000`, `0xff`, `1.5e-3`, `10ms`.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let is_part = byte.is_ascii_alphanumeric()
            || *byte == b'_'
            || (*byte == b'.' && is_digit(at + 1))
            || (b"+-".contains(byte)
                && matches!(bytes[at - 1], b'e' | b'E')
                && is_digit(at + 1)
                && !rest.starts_with("0x"));
        if !is_part {
            break;
        }
        at += 1;
    }
    at
}

/// A language's words, sorted.
struct Words {
    words: Vec<&'static str>,
    any_case: bool,
    longest: usize,
}

impl Words {
    fn new(words: &'static str, any_case: bool) -> Words {
        let mut words: Vec<&str> = words.split_whitespace().collect();
        words.sort_unstable();
        let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
        Words { words, any_case, longest }
    }

    fn has(&self, word: &str) -> bool {
        word.len() <= self.longest
            && if self.any_case {
                self.words.binary_search(&word.to_ascii_lowercase().as_str()).is_ok()
            } else {
                self.words.binary_search(&word).is_ok()
            }
    }
}
