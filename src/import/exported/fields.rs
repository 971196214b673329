//! The fields of a file or of a line, as the changesets take them, and the notes on those that are
//! refused or not known, with the line of the file. Pure.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use serde_json::Value;

use super::super::front_matter::node::{Fields, Node};
use super::super::report::Note;
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::models::ids;

/// The name of an account, of which no valid one is longer.
const ACCOUNT: Text = Text { required: false, min: 1, max: 40, max_bytes: 400, single_line: true };

/// Fields, and where they are.
pub(super) struct Given {
    pub(super) params: Params,
    /// The lines of fields, where each has one of its own.
    lines: HashMap<String, usize>,
    line: usize,
    keys: &'static [&'static str],
}

impl Given {
    /// Those of front matter whose first line is `line`.
    pub(super) fn of_head(fields: Fields, line: usize, keys: &'static [&'static str]) -> Given {
        let lines = fields.0.iter().map(|field| (field.key.clone(), field.line)).collect();
        Given { params: params(fields), lines, line, keys }
    }

    /// Those of one line.
    pub(super) fn of_line(params: Params, line: usize, keys: &'static [&'static str]) -> Given {
        Given { params, lines: HashMap::new(), line, keys }
    }

    /// The line of a field.
    fn line(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(self.line)
    }

    /// A note on each field that no export has: a key may be misspelt.
    pub(super) fn unknown(&self) -> Vec<Note> {
        let unknown = self.params.keys().filter(|key| {
            // The body is no key of front matter, and is put beside them.
            !self.keys.contains(&key.as_str()) && *key != "body"
        });
        let note = |key: &String| {
            let short: String = key.chars().take(80).collect();
            Note::lost("a key that no export has", short).on(self.line(key))
        };
        unknown.take(20).map(note).collect()
    }

    /// The note on what a changeset has refused first.
    pub(super) fn refused(&self, errors: &Errors) -> Note {
        let mut keys = self.keys.iter().copied().chain(["body"]);
        let first = |key: &'static str| Some((key, errors.of(key).first()?));
        match keys.find_map(first) {
            Some((key, why)) => Note::lost(format!("{key} {why}"), "").on(self.line(key)),
            None => Note::lost(errors.to_string(), "").on(self.line),
        }
    }
}

/// A field that must be there: an id that one may bring along.
pub(super) fn id(changeset: &mut Changeset<'_>, field: &'static str) -> Option<i64> {
    changeset.required(field, |text| text.parse().ok().filter(|id| (1..=ids::MAX).contains(id)))
}

/// A time that must be there.
pub(super) fn time(changeset: &mut Changeset<'_>, field: &'static str) -> Option<NaiveDateTime> {
    let time = changeset.time(field);
    changeset.check(|errors| {
        if time.is_none() && errors.of(field).is_empty() {
            errors.add(field, "can't be blank");
        }
    });
    time
}

/// The name of an account.
pub(super) fn account(changeset: &mut Changeset<'_>) -> Option<String> {
    changeset.text("account", ACCOUNT)
}

/// The old addresses of a post or an upload.
pub(super) fn aliases(params: &Params) -> Result<Vec<String>, Errors> {
    let mut errors = Errors::default();
    let aliases = match params.get("aliases") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(all)) => {
            all.iter().map(|alias| alias.as_str().map(str::to_owned)).collect()
        }
        Some(_) => None,
    };
    aliases.ok_or_else(|| {
        errors.add("aliases", "is invalid");
        errors
    })
}

/// Starts on fields of a new row.
pub(super) fn changeset(params: &Params) -> Changeset<'_> {
    Changeset::new(params, Mode::Create)
}

/// Numbers of a line as front matter has them: as they are written.
pub(super) fn numbers(params: &mut Params, keys: &[&str]) {
    for key in keys {
        if let Some(value) = params.get_mut(*key)
            && let Value::Number(number) = value
        {
            *value = Value::String(number.to_string());
        }
    }
}

fn params(fields: Fields) -> Params {
    fields.0.into_iter().map(|field| (field.key, value(field.value))).collect()
}

fn value(node: Node) -> Value {
    match node {
        Node::Text(text) => Value::String(text),
        Node::Null => Value::Null,
        Node::List(values) => values.into_iter().map(value).collect(),
        Node::Map(fields) => Value::Object(params(fields)),
    }
}
