//! The shapes in which generators let one and the same thing be written. Pure.

use serde_json::Value;

/// Yes or no, as YAML has written it through its versions.
pub(super) fn truth(value: &Value) -> Option<bool> {
    let word = match value {
        Value::Bool(truth) => return Some(*truth),
        Value::String(word) => word.to_ascii_lowercase(),
        _ => return None,
    };
    match word.as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// Names: a text is one, a list several, a map has one under `name`.
pub(super) fn names_in(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(name) => names.push(name.clone()),
        Value::Number(number) => names.push(number.to_string()),
        Value::Array(values) => {
            values.iter().filter(|value| !value.is_array()).for_each(|value| names_in(value, names))
        }
        Value::Object(fields) => {
            names.extend(fields.get("name").and_then(Value::as_str).map(str::to_owned));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// The same, but a text is several: between commas or, as Jekyll has it, spaces.
pub(super) fn words_in(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(',') => {
            words.extend(text.split(',').map(str::to_owned));
        }
        Value::String(text) => words.extend(text.split_whitespace().map(str::to_owned)),
        other => names_in(other, words),
    }
}

/// Trimmed, without blank ones, each once, in order.
pub(super) fn distinct(items: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for item in items.iter().map(|item| item.trim()).filter(|item| !item.is_empty()) {
        if !kept.iter().any(|known| known == item) {
            kept.push(item.to_owned());
        }
    }
    kept
}
