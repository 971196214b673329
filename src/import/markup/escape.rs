//! Escapes characters so that Markdown takes them literally, and escapes only those that need it.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The characters that would end a destination or mean something else in it.
const DESTINATION: &AsciiSet =
    &CONTROLS.add(b' ').add(b'<').add(b'>').add(b'(').add(b')').add(b'\\').add(b'"').add(b'`');

/// The position of a character.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The character before it on the same line.
    pub(super) before: Option<char>,
    /// Whether its line has only digits so far.
    pub(super) behind_digits: bool,
    /// Whether it is in a table cell or, below, in a heading.
    pub(super) is_cell: bool,
    pub(super) is_heading: bool,
}

/// Writes a character, with an escape before it if it needs one. `rest` is the text after it.
pub(super) fn push(c: char, rest: &str, place: Place, out: &mut String) {
    let next = rest.chars().next();
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let needs = match c {
        '\\' | '`' | '*' | '[' | ']' | '~' => true,
        '_' => !(is_word(place.before) && is_word(next)),
        '<' => next.is_some_and(|c| c.is_ascii_alphabetic() || "/!?".contains(c)),
        '&' => is_entity(rest),
        '|' => place.is_cell,
        '{' => place.is_heading,
        '#' => place.before.is_none() || place.is_heading,
        '>' | '+' | '-' | '=' | ':' => place.before.is_none(),
        '.' | ')' => place.behind_digits,
        _ => false,
    };
    match c {
        '&' if needs => return out.push_str("&amp;"),
        _ if needs => out.push('\\'),
        _ => {}
    }
    out.push(c);
}

/// Whether the text after a `&` makes it an entity.
fn is_entity(rest: &str) -> bool {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '#'));
    end.is_some_and(|end| end > 0 && rest.get(end..).is_some_and(|rest| rest.starts_with(';')))
}

/// A destination, escaped for use between parentheses.
pub(super) fn destination(address: &str) -> String {
    let address = utf8_percent_encode(address.trim(), DESTINATION).to_string();
    let mut out = String::with_capacity(address.len());
    for (at, c) in address.char_indices() {
        let rest = address.get(at + c.len_utf8()..).unwrap_or_default();
        match c {
            '&' if is_entity(rest) => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

/// A title after a destination, in quotation marks; empty if there is none.
pub(super) fn title(title: &str) -> String {
    let words: Vec<&str> = title.split_whitespace().collect();
    if words.is_empty() {
        return String::new();
    }
    let title = words.join(" ").replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    format!(" \"{title}\"")
}
