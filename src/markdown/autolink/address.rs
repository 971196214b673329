//! Finds where an address begins and ends. Pure; each function looks at each byte only a few times.

use std::ops::Range;

/// Maximum length of a domain in characters. In some texts, the search for its end starts at each
/// dot.
const MAX_DOMAIN: usize = 255;

/// An address in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Its position; the end is not trimmed yet.
    pub(super) range: Range<usize>,
    /// The prefix that a link needs and the text lacks.
    pub(super) scheme: &'static str,
    /// An address must be longer than this many bytes.
    pub(super) shortest: usize,
    /// Whether it may continue in the text that follows without a space.
    pub(super) may_go_on: bool,
}

/// The first address that begins in a text at or after `from`; `before` is the byte before the
/// text.
pub(super) fn find(text: &str, from: usize, before: u8) -> Option<Address> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find_map(|at| match bytes[at] {
        b'w' | b'W' => www(text, at, byte_before(bytes, at, before)),
        b':' => scheme(text, from, at, before),
        b'@' => mail(text, from, at, before),
        _ => None,
    })
}

fn byte_before(bytes: &[u8], at: usize, before: u8) -> u8 {
    at.checked_sub(1).map_or(before, |last| bytes[last])
}

/// `www.` at the beginning of a word.
fn www(text: &str, at: usize, before: u8) -> Option<Address> {
    let is_begin = before.is_ascii_whitespace() || b"*_~(".contains(&before);
    let is_www = text.as_bytes()[at..].get(..4)?.eq_ignore_ascii_case(b"www.");
    if !is_begin || !is_www {
        return None;
    }
    let domain = domain(&text[at..]).filter(|domain| domain.dots > 0)?;
    Some(Address {
        range: at..end(text, at + domain.length),
        scheme: "http://",
        shortest: "www.".len(),
        may_go_on: true,
    })
}

/// `http://` or `https://`, whose colon is at `colon`.
fn scheme(text: &str, from: usize, colon: usize, before: u8) -> Option<Address> {
    let host = text[colon..].strip_prefix("://")?;
    let name = ["https", "http"].into_iter().find(|name| {
        let start = colon.checked_sub(name.len()).filter(|start| *start >= from);
        let written = start.and_then(|start| text.as_bytes().get(start..colon));
        written.is_some_and(|written| written.eq_ignore_ascii_case(name.as_bytes()))
    })?;
    let start = colon - name.len();
    if byte_before(text.as_bytes(), start, before).is_ascii_alphanumeric() {
        return None;
    }
    let length = domain(host)?.length;
    Some(Address {
        range: start..end(text, colon + 3 + length),
        scheme: "",
        shortest: name.len() + 3,
        may_go_on: true,
    })
}

/// An email address, whose `@` is at `sign`.
fn mail(text: &str, from: usize, sign: usize, before: u8) -> Option<Address> {
    let bytes = text.as_bytes();
    let is_local = |byte: &&u8| byte.is_ascii_alphanumeric() || b".-_+".contains(byte);
    let local = bytes[from..sign].iter().rev().take_while(is_local).count();
    let start = sign - local;
    let is_domain = |byte: &&u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let length = bytes[sign + 1..].iter().take_while(is_domain).count();
    let domain = text[sign + 1..sign + 1 + length].trim_end_matches('.');
    let is_split = domain.contains('.') && !domain.split('.').any(str::is_empty);
    if local == 0 || !is_split || domain.ends_with(['-', '_']) {
        return None;
    }
    let is_named = |name: &str| {
        start.checked_sub(name.len()).filter(|begin| *begin >= from).is_some_and(|begin| {
            bytes[begin..start].eq_ignore_ascii_case(name.as_bytes())
                && !byte_before(bytes, begin, before).is_ascii_alphanumeric()
        })
    };
    let (start, scheme) =
        if is_named("mailto:") { (start - "mailto:".len(), "") } else { (start, "mailto:") };
    Some(Address { range: start..sign + 1 + domain.len(), scheme, shortest: 0, may_go_on: false })
}

struct Domain {
    length: usize,
    dots: usize,
}

/// The domain at the start of a text. Its last two labels contain no underscore.
fn domain(text: &str) -> Option<Domain> {
    let of_domain = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let length: usize =
        text.chars().take(MAX_DOMAIN + 1).take_while(of_domain).map(char::len_utf8).sum();
    let domain = text[..length].trim_end_matches('.');
    let is_plain = !domain.rsplit('.').take(2).any(|part| part.contains('_'));
    let is_whole = domain.starts_with(char::is_alphanumeric) && is_plain;
    is_whole.then(|| Domain { length: domain.len(), dots: domain.matches('.').count() })
}

/// Whether a character ends every address.
pub(super) fn is_end(c: char) -> bool {
    c.is_whitespace() || c == '<'
}

fn end(text: &str, from: usize) -> usize {
    text[from..].find(is_end).map_or(text.len(), |length| from + length)
}

/// The length of an address without trailing punctuation: stops, quotation marks, a closing
/// parenthesis without an opening one, and anything like an entity.
pub(super) fn trimmed(address: &str) -> usize {
    let mut rest = address;
    let mut unopened = rest.matches(')').count().saturating_sub(rest.matches('(').count());
    loop {
        rest = match rest.as_bytes().last() {
            Some(b'?' | b'!' | b'.' | b',' | b':' | b'*' | b'_' | b'~' | b'\'' | b'"') => {
                &rest[..rest.len() - 1]
            }
            Some(b')') if unopened > 0 => {
                unopened -= 1;
                &rest[..rest.len() - 1]
            }
            Some(b';') => {
                let before = &rest[..rest.len() - 1];
                let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
                match name.strip_suffix('&') {
                    Some(entity) if name.len() < before.len() => entity,
                    _ => before,
                }
            }
            _ => return rest.len(),
        };
    }
}
