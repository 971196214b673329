//! Casts and validates external input, and collects errors per field in Ecto's wording. This module
//! owns the rules; the models choose the rule for each field.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Datelike, NaiveDateTime};
use serde::Serialize;
use serde_json::{Map, Value};
use unicode_segmentation::UnicodeSegmentation;

/// The fields of a JSON object or of a form, unknown ones included.
pub type Params = Map<String, Value>;

/// The error messages of each invalid field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Errors(BTreeMap<&'static str, Vec<String>>);

impl Errors {
    /// Adds a message to a field's others.
    pub fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.entry(field).or_default().push(message.into());
    }

    /// The messages of one field, in the order of the checks.
    pub fn of(&self, field: &str) -> &[String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// Returns whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Formats all errors on one line.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.iter().flat_map(|(field, messages)| {
            messages.iter().map(move |message| format!("{field} {message}"))
        });
        f.write_str(&all.collect::<Vec<_>>().join("; "))
    }
}

/// Whether the fields create a row, in which case required ones must be present, or update one, in
/// which case absent fields stay unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Creates a row.
    Create,
    /// Updates an existing row.
    Update,
}

/// The rules of a text field.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Refused when blank; in `Mode::Create` also when absent.
    pub required: bool,
    /// The minimum number of characters (grapheme clusters, as a reader counts them).
    pub min: usize,
    /// The maximum number of characters.
    pub max: usize,
    /// The maximum number of bytes of UTF-8.
    pub max_bytes: usize,
    /// Refuses line breaks and all other control characters, which would break a log line or a
    /// link.
    pub single_line: bool,
}

/// Casts fields from `Params` and collects their errors.
pub struct Changeset<'a> {
    params: &'a Params,
    mode: Mode,
    errors: Errors,
}

impl<'a> Changeset<'a> {
    /// Creates a changeset for `params`.
    pub fn new(params: &'a Params, mode: Mode) -> Self {
        Changeset { params, mode, errors: Errors::default() }
    }

    /// Casts a text field. Returns `None` if it is absent, null, blank or invalid.
    pub fn text(&mut self, field: &'static str, rules: Text) -> Option<String> {
        let value = match self.params.get(field) {
            None => {
                if rules.required && self.mode == Mode::Create {
                    self.errors.add(field, "can't be blank");
                }
                return None;
            }
            Some(Value::Null) => "",
            Some(Value::String(text)) => text.as_str(),
            Some(_) => {
                self.errors.add(field, "is invalid");
                return None;
            }
        };
        if is_blank(value) {
            if rules.required {
                self.errors.add(field, "can't be blank");
            }
            return None;
        }
        let before = self.errors.of(field).len();
        if value.contains('\0') || (rules.single_line && value.contains(char::is_control)) {
            self.errors.add(field, "is invalid");
        }
        self.length(field, value, rules);
        (self.errors.of(field).len() == before).then(|| value.to_owned())
    }

    fn length(&mut self, field: &'static str, value: &str, rules: Text) {
        // Check the cheap limit first, to avoid counting clusters in megabytes of text.
        if value.len() > rules.max_bytes {
            let limit = rules.max_bytes;
            self.errors.add(
                field,
                if rules.max == usize::MAX {
                    format!("should be at most {limit} byte(s)")
                } else {
                    format!("should be at most {} character(s)", rules.max)
                },
            );
            return;
        }
        if rules.min > 1 || rules.max != usize::MAX {
            let characters = value.graphemes(true).count();
            if characters < rules.min {
                self.errors.add(field, format!("should be at least {} character(s)", rules.min));
            }
            if characters > rules.max {
                self.errors.add(field, format!("should be at most {} character(s)", rules.max));
            }
        }
    }

    /// Casts a field that must be one of a few words. Returns `None` if it is absent, null, blank
    /// or invalid.
    pub fn one_of<T>(
        &mut self,
        field: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        match self.params.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::String(word)) if word.is_empty() => None,
            Some(Value::String(word)) => parse(word).or_else(|| {
                self.errors.add(field, "is invalid");
                None
            }),
            Some(_) => {
                self.errors.add(field, "is invalid");
                None
            }
        }
    }

    /// Casts a field that must be one of a few words and is required in [`Mode::Create`].
    pub fn required<T>(
        &mut self,
        field: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let before = self.errors.of(field).len();
        let value = self.one_of(field, parse);
        if value.is_none() && self.mode == Mode::Create && self.errors.of(field).len() == before {
            self.errors.add(field, "can't be blank");
        }
        value
    }

    /// Casts a boolean, or the words `true` and `false`, as a form sends them. Returns `None` if it
    /// is absent, null, blank or invalid.
    pub fn boolean(&mut self, field: &'static str) -> Option<bool> {
        match self.params.get(field) {
            Some(Value::Bool(value)) => Some(*value),
            Some(Value::Null | Value::String(_)) | None => {
                self.one_of(field, |word| word.parse().ok())
            }
            Some(_) => {
                self.errors.add(field, "is invalid");
                None
            }
        }
    }

    /// Casts a time: RFC 3339 or, as a form sends it, a day and a minute in UTC. Returns `None` if
    /// it is absent, null, blank or invalid.
    pub fn time(&mut self, field: &'static str) -> Option<NaiveDateTime> {
        self.one_of(field, |text| {
            let time = DateTime::parse_from_rfc3339(text)
                .map(|time| time.naive_utc())
                .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
                .ok()?;
            // Databases and clients do not support leap seconds, so use the next second.
            let time = DateTime::from_timestamp_micros(time.and_utc().timestamp_micros())?;
            // All databases and clients support these years.
            (1..=9999).contains(&time.year()).then(|| time.naive_utc())
        })
    }

    /// Runs a check that concerns several fields.
    pub fn check(&mut self, check: impl FnOnce(&mut Errors)) {
        check(&mut self.errors);
    }

    /// Adds `message` and returns `None` if the text does not have the required format.
    pub fn format(
        &mut self,
        field: &'static str,
        text: Option<String>,
        fits: impl FnOnce(&str) -> bool,
        message: &'static str,
    ) -> Option<String> {
        text.filter(|text| {
            let fits = fits(text);
            if !fits {
                self.errors.add(field, message);
            }
            fits
        })
    }

    /// Casts a list of short texts. It trims them, drops blank and repeated ones, and keeps the
    /// order. Null is the empty list. A comma-separated text is also accepted, because a form sends
    /// one.
    pub fn list(
        &mut self,
        field: &'static str,
        max_items: usize,
        rules: Text,
    ) -> Option<Vec<String>> {
        let items: Vec<&str> = match self.params.get(field)? {
            Value::Null => Vec::new(),
            Value::String(text) => text.split(',').collect(),
            Value::Array(values) if values.iter().all(Value::is_string) => {
                values.iter().filter_map(Value::as_str).collect()
            }
            _ => {
                self.errors.add(field, "is invalid");
                return None;
            }
        };
        let mut list: Vec<String> = Vec::new();
        for item in items.into_iter().map(str::trim).filter(|item| !is_blank(item)) {
            if item.contains(char::is_control) {
                self.errors.add(field, "is invalid");
                return None;
            }
            let before = self.errors.of(field).len();
            self.length(field, item, rules);
            if self.errors.of(field).len() > before {
                return None;
            }
            if !list.iter().any(|known| known == item) {
                list.push(item.to_owned());
            }
            if list.len() > max_items {
                self.errors.add(field, format!("should have at most {max_items} item(s)"));
                return None;
            }
        }
        Some(list)
    }

    /// Returns the value that `build` creates from the cast fields, or the errors if any field is
    /// invalid. `build` may return `None` only if a required field is missing, which has added an
    /// error.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Errors> {
        if self.errors.is_empty()
            && let Some(value) = build()
        {
            return Ok(value);
        }
        Err(self.errors)
    }
}

/// Returns whether a reader would see nothing: only white space, control and invisible characters.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| {
        character.is_whitespace()
            || character.is_control()
            || matches!(character,
                '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{115f}' | '\u{1160}' | '\u{3164}')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TITLE: Text = Text { required: true, min: 3, max: 5, max_bytes: 100, single_line: true };

    fn cast(value: Value, mode: Mode) -> (Option<String>, Vec<String>) {
        let Value::Object(params) = value else { panic!("the test gives an object") };
        let mut changeset = Changeset::new(&params, mode);
        let text = changeset.text("title", TITLE);
        (text, changeset.errors.of("title").to_vec())
    }

    #[test]
    fn a_required_text_may_be_absent_only_in_an_update() {
        assert_eq!(cast(json!({}), Mode::Create), (None, vec!["can't be blank".into()]));
        assert_eq!(cast(json!({}), Mode::Update), (None, vec![]));
        for blank in [json!(null), json!(""), json!(" \n\t"), json!("\u{200b}\u{feff}")] {
            assert_eq!(cast(json!({"title": blank}), Mode::Update).1, ["can't be blank"]);
        }
    }

    #[test]
    fn characters_are_counted_as_a_reader_counts_them() {
        for good in ["日本語", "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", "🎉🎉🎉", "👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧"]
        {
            assert_eq!(cast(json!({"title": good}), Mode::Create), (Some(good.into()), vec![]));
        }
        assert_eq!(
            cast(json!({"title": "🎉🎉"}), Mode::Create).1,
            ["should be at least 3 character(s)"]
        );
        assert_eq!(
            cast(json!({"title": "éééééé"}), Mode::Create).1,
            ["should be at most 5 character(s)"]
        );
        let zalgo = format!("aaa{}", "\u{301}".repeat(500));
        assert_eq!(
            cast(json!({"title": zalgo}), Mode::Create).1,
            ["should be at most 5 character(s)"]
        );
    }

    #[test]
    fn other_types_and_control_characters_are_invalid() {
        for bad in
            [json!(12345), json!([1]), json!({}), json!(true), json!("a\u{0}bc"), json!("a\nbc")]
        {
            assert_eq!(cast(json!({"title": bad}), Mode::Create).1, ["is invalid"]);
        }
    }

    #[test]
    fn list_items_are_trimmed_and_deduplicated() {
        let params = json!({"tags": [" a ", "b", "a", ""]});
        let Value::Object(params) = params else { panic!("an object") };
        let mut changeset = Changeset::new(&params, Mode::Create);
        let rules = Text { required: false, min: 1, max: 5, max_bytes: 100, single_line: true };
        assert_eq!(changeset.list("tags", 3, rules), Some(vec!["a".into(), "b".into()]));
    }
}
