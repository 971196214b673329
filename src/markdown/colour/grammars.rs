//! The grammars of languages for colouring. Owns the tables and the names; the words come from each
//! language's reference.

use super::lexer::{Grammar, Quote};

mod braces;
mod others;

/// The language of this name, in lower case.
pub(super) fn find(name: &str) -> Option<&'static Grammar> {
    all().find(|grammar| grammar.names.contains(&name))
}

/// All languages that have a table.
pub(super) fn all() -> impl Iterator<Item = &'static Grammar> {
    braces::ALL.iter().chain(&others::ALL)
}

/// A string on one line, with a backslash as escape.
const fn quote(sign: &'static str) -> Quote {
    Quote { begin: sign, end: sign, escapes: true, lines: false }
}

/// A string of several lines, without escapes.
const fn raw(begin: &'static str, end: &'static str) -> Quote {
    Quote { begin, end, escapes: false, lines: true }
}

/// A string of several lines, with a backslash as escape.
const fn long(begin: &'static str, end: &'static str) -> Quote {
    Quote { begin, end, escapes: true, lines: true }
}

const DOUBLE: &[Quote] = &[quote("\"")];
const BOTH: &[Quote] = &[quote("\""), quote("'")];
const SLASHES: &[&str] = &["//"];
const HASH: &[&str] = &["#"];
const STARS: &[(&str, &str)] = &[("/*", "*/")];

/// The base of all grammars: only strings.
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
