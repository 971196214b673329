//! Colours code. Owns the names of the languages, how much of a text is coloured, and the classes;
//! the colours of the classes are in `static/style.css`.
//!
//! Each lexer looks at each byte only a few times, whatever the code. `hl-lite` has lexers for
//! twelve languages; `lexer` reads all others, with a table for each.

mod grammars;
mod lexer;

use hl_lite::{Kind, Lang};

/// Maximum bytes of code that are coloured in one text.
const MAX_BYTES: usize = 128 * 1024;

/// Maximum number of coloured parts in one text: each becomes an element.
const MAX_PARTS: usize = 20_000;

/// The kind of a part of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Keyword,
    Text,
    Comment,
    Number,
    Type,
    Function,
    Name,
    Added,
    Removed,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Class::Keyword => "hl-keyword",
            Class::Text => "hl-string",
            Class::Comment => "hl-comment",
            Class::Number => "hl-number",
            Class::Type => "hl-type",
            Class::Function => "hl-function",
            Class::Name => "hl-name",
            Class::Added => "hl-added",
            Class::Removed => "hl-removed",
        }
    }
}

/// The classes that a page may contain.
pub(super) const CLASSES: [&str; 9] = [
    "hl-added",
    "hl-comment",
    "hl-function",
    "hl-keyword",
    "hl-name",
    "hl-number",
    "hl-removed",
    "hl-string",
    "hl-type",
];

/// A part of code, and its class if it is coloured.
type Part<'c> = (Option<Class>, &'c str);

/// The amount of code that may still be coloured in a text.
pub(super) struct Colours {
    bytes: usize,
    parts: usize,
}

impl Colours {
    /// The budget of a whole text.
    pub(super) fn new() -> Colours {
        Colours { bytes: MAX_BYTES, parts: MAX_PARTS }
    }

    /// The parts of a block of code, which together are the whole code, each with its class if it
    /// has one. `None` if the language is unknown or the text's budget is used up. `info` is the
    /// text after the fence.
    pub(super) fn parts<'c>(
        &mut self,
        info: &str,
        code: &'c str,
    ) -> Option<Vec<(Option<&'static str>, &'c str)>> {
        let language = language(info)?;
        self.bytes = self.bytes.checked_sub(code.len())?;
        let parts = language.parts(code);
        let coloured = parts.iter().filter(|(class, _)| class.is_some()).count();
        self.parts = self.parts.checked_sub(coloured)?;
        Some(parts.into_iter().map(|(class, part)| (class.map(Class::name), part)).collect())
    }
}

/// A language with a lexer.
enum Language {
    Lite(Lang),
    Table(&'static lexer::Grammar),
    Diff,
}

/// Names of languages that are HTML with additions.
const TEMPLATES: [&str; 13] = [
    "astro",
    "atom",
    "django",
    "go-html-template",
    "gotmpl",
    "handlebars",
    "jinja",
    "jinja2",
    "liquid",
    "rss",
    "svelte",
    "twig",
    "vue",
];

/// The language named by the text after a fence: `rust,ignore`, `js {1,3}`, `{.python}`,
/// `language-c`.
fn language(info: &str) -> Option<Language> {
    let is_apart = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '{' | '}' | '=');
    let name = info.get(..info.len().min(256)).unwrap_or_default();
    let name = name.split(is_apart).find(|word| !word.is_empty())?.to_ascii_lowercase();
    let name = name.trim_start_matches('.');
    let name = name.strip_prefix("language-").unwrap_or(name);
    if name == "diff" || name == "patch" {
        return Some(Language::Diff);
    }
    let name = if TEMPLATES.contains(&name) { "html" } else { name };
    Lang::from_slug(name).map(Language::Lite).or_else(|| grammars::find(name).map(Language::Table))
}

impl Language {
    fn parts<'c>(&self, code: &'c str) -> Vec<Part<'c>> {
        match self {
            Language::Lite(language) => hl_lite::highlight(*language, code)
                .into_iter()
                .map(|span| (class(span.kind), span.text))
                .collect(),
            Language::Table(grammar) => lexer::parts(grammar, code),
            Language::Diff => diff(code),
        }
    }
}

/// The class for a kind of hl-lite. Punctuation and operators keep the colour of the text.
fn class(kind: Kind) -> Option<Class> {
    match kind {
        Kind::Keyword | Kind::Tag => Some(Class::Keyword),
        Kind::String => Some(Class::Text),
        Kind::Comment => Some(Class::Comment),
        Kind::Number | Kind::Constant => Some(Class::Number),
        Kind::Type => Some(Class::Type),
        Kind::Function => Some(Class::Function),
        Kind::Attribute | Kind::Property | Kind::Variable => Some(Class::Name),
        _ => None,
    }
}

/// The lines of a diff.
fn diff(code: &str) -> Vec<Part<'_>> {
    let class = |line: &str| match line.as_bytes().first() {
        _ if line.starts_with("+++") || line.starts_with("---") => Some(Class::Name),
        Some(b'+') => Some(Class::Added),
        Some(b'-') => Some(Class::Removed),
        Some(b'@') => Some(Class::Function),
        _ => None,
    };
    code.split_inclusive('\n').map(|line| (class(line), line)).collect()
}

#[cfg(test)]
pub(super) mod tests;
