//! The front matter of a Markdown file: TOML between `+++` (Zola, Hugo) or YAML between `---`
//! (Hugo, Jekyll, Zola). Pure; what makes a good post of it is `entry`'s and the model's.
//!
//! Every error is the few words that the summary gives as the reason.

mod values;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::values::{distinct, names_in, truth, words_in};

/// Largest front matter in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The fields that an import takes from front matter; it ignores all others.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FrontMatter {
    /// Absent or as written.
    pub title: Option<String>,
    /// When it was written, in any of the ways that `date::parse` knows.
    pub date: Option<String>,
    /// When it was last changed.
    #[serde(alias = "lastmod", alias = "last_modified_at")]
    pub updated: Option<String>,
    /// Zola's: the place on the site, which no other page has.
    pub path: Option<String>,
    draft: Value,
    published: Value,
    authors: Value,
    author: Value,
    tags: Value,
    tag: Value,
    categories: Value,
    category: Value,
    taxonomies: Value,
}

impl FrontMatter {
    /// True when it says that it is not yet for readers. `None` when `draft` is anything else than
    /// yes or no: what may be a draft is not to be shown.
    pub fn is_draft(&self) -> Option<bool> {
        let draft = if self.draft.is_null() { false } else { truth(&self.draft)? };
        // Elsewhere than in Jekyll `published` is a date, which says nothing.
        Some(draft || truth(&self.published) == Some(false))
    }

    /// Its authors' names, in order, as one line.
    pub fn author(&self) -> Option<String> {
        let mut names = Vec::new();
        names_in(&self.authors, &mut names);
        names_in(&self.author, &mut names);
        let names = distinct(names);
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Its tags, then its categories.
    pub fn tags(&self) -> Vec<String> {
        let mut tags = Vec::new();
        words_in(&self.tags, &mut tags);
        names_in(&self.tag, &mut tags);
        words_in(&self.taxonomies["tags"], &mut tags);
        words_in(&self.categories, &mut tags);
        names_in(&self.category, &mut tags);
        words_in(&self.taxonomies["categories"], &mut tags);
        distinct(tags)
    }
}

/// Reads a file's text: its front matter and, behind it, the body, which has no blank lines at its
/// ends and none but `\n` between its lines.
pub fn parse(text: &str) -> Result<(FrontMatter, String), String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let toml = match first.trim_end() {
        "+++" => true,
        "---" => false,
        _ => return Err("no front matter".to_owned()),
    };
    let (inside, body) = split(rest, if toml { &["+++"] } else { &["---", "..."] })?;
    let front_matter = if toml { parse_toml(inside)? } else { parse_yaml(inside)? };
    // Blank lines only: the indentation of a first line means something in Markdown.
    let start = body.len() - body.trim_start().len();
    let start = body.get(..start).and_then(|blank| blank.rfind('\n')).map_or(0, |end| end + 1);
    let body = body.get(start..).unwrap_or(body).trim_end().replace("\r\n", "\n");
    Ok((front_matter, body))
}

/// Splits at the first line that is one of `ends`.
fn split<'a>(text: &'a str, ends: &[&str]) -> Result<(&'a str, &'a str), String> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > MAX_BYTES {
            return Err(format!("front matter is larger than {} KiB", MAX_BYTES / 1024));
        }
        if ends.contains(&line.trim_end()) {
            let (inside, rest) = text.split_at(at);
            return Ok((inside, rest.strip_prefix(line).unwrap_or(rest)));
        }
        at += line.len();
    }
    Err("front matter has no end".to_owned())
}

fn parse_toml(text: &str) -> Result<FrontMatter, String> {
    let invalid = |message: &str| format!("front matter is not valid TOML: {}", brief(message));
    let table: toml::Table = toml::from_str(text).map_err(|error| invalid(error.message()))?;
    let fields: Map<String, Value> =
        table.into_iter().map(|(name, value)| (name, json(value))).collect();
    serde_json::from_value(Value::Object(fields)).map_err(|error| invalid(&error.to_string()))
}

/// TOML has dates, and JSON has none.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            table.into_iter().map(|(name, value)| (name, json(value))).collect()
        }
    }
}

fn parse_yaml(text: &str) -> Result<FrontMatter, String> {
    // Far more than front matter needs, and far less than a text made of aliases unfolds to.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            flow_nesting_limit: 32,
            max_documents: 1,
            max_nodes: 20_000,
            max_events: 50_000,
            max_aliases: 100,
            max_anchors: 100,
            max_merge_keys: 100,
            max_recorded_anchor_events: 20_000,
            max_recorded_anchor_bytes: 1024 * 1024,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
        // A tag may be `y` or `on`.
        strict_booleans: true,
        with_snippet: false,
    };
    let fields: Option<FrontMatter> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            format!("front matter is not valid YAML: {}", brief(&error.to_string()))
        })?;
    Ok(fields.unwrap_or_default())
}

/// The start of a message's first line: it may quote what it complains of.
fn brief(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(160).collect()
}

#[cfg(test)]
mod tests;
