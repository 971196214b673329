//! The front matter of a file: TOML between `+++` (Zola, Hugo), YAML between `---` (Hugo, Jekyll,
//! Zola), or a JSON object (Hugo). The same parsers read a site's configuration. Pure; `entry` and
//! the model validate the content.

mod json;
pub mod node;
mod toml;
mod yaml;

use self::node::Fields;
use super::report::Note;

/// Maximum size of front matter in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// Maximum nesting depth of lists and maps.
const MAX_DEPTH: usize = 32;

/// Maximum number of entries in one map, each of which is compared with the others.
const MAX_FIELDS: usize = 1000;

/// Maximum number of values in a YAML text, with aliases expanded.
const MAX_NODES: usize = 20_000;

/// A file split into front matter and text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FrontMatter {
    /// The entries of its front matter.
    pub fields: Fields,
    /// The language of its front matter.
    pub format: Format,
    /// The duplicate keys; the last occurrence counts.
    pub repeated: Vec<Repeated>,
    /// The text after the front matter, without blank lines at its start and end, and with `\n` as
    /// the only line break.
    pub body: String,
    /// The line of the file on which the text begins.
    pub body_line: usize,
}

/// The languages of front matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Between `+++`, or `.toml`.
    Toml,
    /// Between `---`, or `.yml` and `.yaml`.
    #[default]
    Yaml,
    /// An object, or `.json`.
    Json,
}

/// A duplicate key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The line of its last occurrence.
    pub line: usize,
    /// The key.
    pub key: String,
}

/// Why a text cannot be read.
#[derive(Debug)]
struct Invalid {
    line: usize,
    why: String,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Toml => "TOML",
            Format::Yaml => "YAML",
            Format::Json => "JSON",
        }
    }

    /// Reads a whole text in this language, such as a site's configuration.
    pub(super) fn read(self, text: &str) -> Result<Fields, Note> {
        let fields = match self {
            Format::Toml => toml::parse(text),
            Format::Yaml => yaml::parse(text).map(|(fields, _)| fields),
            Format::Json => json::parse(text).map(|(fields, _)| fields),
        };
        fields.map_err(|invalid| self.refusal("not valid ", &invalid, 0))
    }

    fn refusal(self, what: &str, invalid: &Invalid, lines: usize) -> Note {
        Note::lost(format!("{what}{}", self.name()), brief(&invalid.why))
            .on(invalid.line.max(1) + lines)
    }
}

/// Whether a text begins like one with front matter.
pub fn is_there(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    let first = text.lines().next().unwrap_or_default().trim_end();
    matches!(first, "+++" | "---")
}

/// Reads the text of a file, which must have front matter.
pub fn parse(text: &str) -> Result<FrontMatter, Note> {
    read(text)?.ok_or_else(|| Note::lost("no front matter", ""))
}

/// Reads the text of a file; `None` if it has no front matter.
pub(super) fn read(text: &str) -> Result<Option<FrontMatter>, Note> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start();
    // Lines before the first line of the front matter.
    let above = lines(text.get(..text.len() - start.len()).unwrap_or_default());
    let (first, rest) = start.split_once('\n').unwrap_or((start, ""));
    let (format, read, after) = match first.trim_end() {
        "+++" => {
            let (inside, after) = split(rest, &["+++"]).map_err(|note| note.on(above + 1))?;
            (Format::Toml, toml::parse(inside).map(|fields| (fields, Vec::new())), after)
        }
        "---" => {
            let (inside, after) =
                split(rest, &["---", "..."]).map_err(|note| note.on(above + 1))?;
            (Format::Yaml, yaml::parse(inside), after)
        }
        first if first.starts_with('{') && !first.starts_with("{{") && !first.starts_with("{%") => {
            let inside = start.get(..start.floor_char_boundary(MAX_BYTES)).unwrap_or_default();
            match json::parse(inside) {
                Ok((fields, end)) => {
                    let after = start.get(end..).unwrap_or_default();
                    (Format::Json, Ok((fields, Vec::new())), after)
                }
                Err(_) if inside.len() < start.len() => return Err(too_large().on(above + 1)),
                Err(invalid) => (Format::Json, Err(invalid), ""),
            }
        }
        _ => return Ok(None),
    };
    // The delimiter is one more line; JSON has none.
    let above = above + usize::from(format != Format::Json);
    let (fields, repeated) =
        read.map_err(|invalid| format.refusal("front matter is not valid ", &invalid, above))?;
    let repeated =
        repeated.into_iter().map(|Repeated { line, key }| Repeated { line: line + above, key });
    let fields = fields.moved(above);
    let repeated = repeated.collect();
    Ok(Some(FrontMatter { fields, format, repeated, ..with_body(text, after) }))
}

/// A file without front matter.
pub(super) fn without(text: &str) -> FrontMatter {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    with_body(text, text)
}

/// The text of a file, where `after` is the end of `whole` that contains it.
fn with_body(whole: &str, after: &str) -> FrontMatter {
    // Removes only blank lines: the indentation of the first line is significant in Markdown.
    let blank = after.len() - after.trim_start().len();
    let blank = after.get(..blank).and_then(|blank| blank.rfind('\n')).map_or(0, |end| end + 1);
    let body = after.get(blank..).unwrap_or(after);
    FrontMatter {
        body_line: 1 + lines(whole.get(..whole.len() - body.len()).unwrap_or_default()),
        body: body.trim_end().replace("\r\n", "\n"),
        ..FrontMatter::default()
    }
}

fn lines(text: &str) -> usize {
    text.matches('\n').count()
}

fn too_large() -> Note {
    Note::lost(format!("front matter is larger than {} KiB", MAX_BYTES / 1024), "")
}

/// Splits at the first line that equals one of `ends`.
fn split<'a>(text: &'a str, ends: &[&str]) -> Result<(&'a str, &'a str), Note> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > MAX_BYTES {
            return Err(too_large());
        }
        if ends.contains(&line.trim_end()) {
            let (inside, rest) = text.split_at(at);
            return Ok((inside, rest.strip_prefix(line).unwrap_or(rest)));
        }
        at += line.len();
    }
    Err(Note::lost("front matter has no end", ""))
}

/// The start of a message's first line: the message may quote the text at fault.
fn brief(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(160).collect()
}

#[cfg(test)]
mod tests;
