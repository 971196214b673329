//! Code in colours. Owns which languages are known by which names, how much of a text is coloured,
//! and the classes, whose colours are in `static/style.css`.
//!
//! Each lexer looks at each byte a few times at most, whatever the code: those of `hl-lite` for the
//! twelve languages that it knows, and `lexer` with a table for each further one.

mod grammars;
mod lexer;

use hl_lite::{Kind, Lang};

/// The bytes of code that are coloured in one text.
const MAX_BYTES: usize = 128 * 1024;

/// The parts with a colour in one text: each becomes an element.
const MAX_PARTS: usize = 20_000;

/// What a part of code is.
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

/// The classes that a page may have.
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

/// A part of code, with its class if it has a colour.
type Part<'c> = (Option<Class>, &'c str);

/// What may still be coloured in a text.
pub(super) struct Colours {
    bytes: usize,
    parts: usize,
}

impl Colours {
    /// For a whole text.
    pub(super) fn new() -> Colours {
        Colours { bytes: MAX_BYTES, parts: MAX_PARTS }
    }

    /// The parts of a block of code, which together are the code, each with its class if it has
    /// one. `None` when the language is not known, or when the text has no more colours to spend.
    /// `info` is what stands behind the fence.
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

/// Names of HTML with something between its tags.
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

/// The language that the words behind a fence name: `rust,ignore`, `js {1,3}`, `{.python}`,
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

/// What hl-lite's kinds are here. Marks and operators keep the colour of the text.
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

/// The lines of a difference.
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
