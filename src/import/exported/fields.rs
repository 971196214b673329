//! The fields of a file or of a line in the form that changesets take, and notes, with line
//! numbers, on fields that are refused or unknown. Pure.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use serde_json::Value;

use super::super::front_matter::node::{Fields, Node};
use super::super::report::Note;
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::models::ids;

/// The name of an account; no valid name is longer.
const ACCOUNT: Text = Text { required: false, min: 1, max: 40, max_bytes: 400, single_line: true };

/// Fields and their lines.
pub(super) struct Given {
    pub(super) params: Params,
    /// The lines of fields that each have their own.
    lines: HashMap<String, usize>,
    line: usize,
    keys: &'static [&'static str],
}

impl Given {
    /// The fields of front matter whose first line is `line`.
    pub(super) fn of_head(fields: Fields, line: usize, keys: &'static [&'static str]) -> Given {
        let lines = fields.0.iter().map(|field| (field.key.clone(), field.line)).collect();
        Given { params: params(fields), lines, line, keys }
    }

    /// The fields of one line.
    pub(super) fn of_line(params: Params, line: usize, keys: &'static [&'static str]) -> Given {
        Given { params, lines: HashMap::new(), line, keys }
    }

    /// The line of a field.
    fn line(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(self.line)
    }

    /// A note on each field that no export has: the key may be misspelt.
    pub(super) fn unknown(&self) -> Vec<Note> {
        let unknown = self.params.keys().filter(|key| {
            // The body is not a key of front matter; it is added to the fields.
            !self.keys.contains(&key.as_str()) && *key != "body"
        });
        let note = |key: &String| {
            let short: String = key.chars().take(80).collect();
            Note::lost("an unknown key", short).on(self.line(key))
        };
        unknown.take(20).map(note).collect()
    }

    /// A note on the first field that a changeset refused.
    pub(super) fn refused(&self, errors: &Errors) -> Note {
        let mut keys = self.keys.iter().copied().chain(["body"]);
        let first = |key: &'static str| Some((key, errors.of(key).first()?));
        match keys.find_map(first) {
            Some((key, why)) => Note::lost(format!("{key} {why}"), "").on(self.line(key)),
            None => Note::lost(errors.to_string(), "").on(self.line),
        }
    }
}

/// A required field: an id that an import may bring.
pub(super) fn id(changeset: &mut Changeset<'_>, field: &'static str) -> Option<i64> {
    changeset.required(field, |text| text.parse().ok().filter(|id| (1..=ids::MAX).contains(id)))
}

/// A required time.
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

/// Starts a changeset on the fields of a new row.
pub(super) fn changeset(params: &Params) -> Changeset<'_> {
    Changeset::new(params, Mode::Create)
}

/// Turns numbers of a line into text, as front matter has them.
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
