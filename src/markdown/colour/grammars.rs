//! What is known of each language for colouring it. Owns the tables and the names; the words are
//! those of each language's own reference.

use super::lexer::{Grammar, Quote};

mod braces;
mod others;

/// The language of this name, in lower case.
pub(super) fn find(name: &str) -> Option<&'static Grammar> {
    all().find(|grammar| grammar.names.contains(&name))
}

/// Every language that has a table.
pub(super) fn all() -> impl Iterator<Item = &'static Grammar> {
    braces::ALL.iter().chain(&others::ALL)
}

/// A string of one line, with a backslash for what would end it.
const fn quote(sign: &'static str) -> Quote {
    Quote { begin: sign, end: sign, escapes: true, lines: false }
}

/// A string of several lines that takes a backslash as it is.
const fn raw(begin: &'static str, end: &'static str) -> Quote {
    Quote { begin, end, escapes: false, lines: true }
}

/// A string of several lines.
const fn long(begin: &'static str, end: &'static str) -> Quote {
    Quote { begin, end, escapes: true, lines: true }
}

const DOUBLE: &[Quote] = &[quote("\"")];
const BOTH: &[Quote] = &[quote("\""), quote("'")];
const SLASHES: &[&str] = &["//"];
const HASH: &[&str] = &["#"];
const STARS: &[(&str, &str)] = &[("/*", "*/")];

/// A language without anything.
const NONE: Grammar = Grammar {
    names: &[],
    line: &[],
    block: &[],
    strings: BOTH,
    keywords: "",
    types: "",
    sigils: "",
    inside: "",
    any_case: false,
    capitals: false,
};
