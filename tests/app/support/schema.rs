//! Validates values against the schemas of an API document. Stricter than JSON Schema: an object
//! may only have the fields that its schema names.

use chrono::DateTime;
use serde_json::Value;

/// The reason why a value does not match its schema, or `None` if it does.
pub(crate) fn fault(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]);
        return fault(document, schema.unwrap_or_else(|| panic!("no {reference}")), value);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let faults: Vec<_> = choices.iter().map(|it| fault(document, it, value)).collect();
        let fits = faults.iter().any(Option::is_none);
        return (!fits).then(|| faults.into_iter().flatten().collect::<Vec<_>>().join(" or "));
    }
    if let Some(only) = schema.get("const") {
        return (only != value).then(|| format!("{value} is not {only}"));
    }
    if let Some(words) = schema["enum"].as_array() {
        return (!words.contains(value)).then(|| format!("{value} is not one of {words:?}"));
    }
    let named = match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => vec![one.as_str().unwrap_or_else(|| panic!("a schema without a type: {schema}"))],
    };
    if !named.iter().any(|name| is_of(name, value)) {
        return Some(format!("{value} is not {}", named.join(" or ")));
    }
    if schema["format"] == "date-time"
        && let Some(text) = value.as_str()
        && DateTime::parse_from_rfc3339(text).is_err()
    {
        return Some(format!("{text} is not a time"));
    }
    match value {
        Value::Array(items) => items.iter().find_map(|it| fault(document, &schema["items"], it)),
        Value::Object(fields) if schema["properties"].is_object() => {
            let required = schema["required"].as_array().into_iter().flatten();
            let mut required = required.filter_map(Value::as_str);
            if let Some(missing) = required.find(|name| !fields.contains_key(*name)) {
                return Some(format!("{missing} is missing in {value}"));
            }
            fields.iter().find_map(|(name, field)| match schema["properties"].get(name) {
                Some(schema) => Some(format!("{name}: {}", fault(document, schema, field)?)),
                None => Some(format!("{name} is not described")),
            })
        }
        Value::Object(fields) => match schema.get("additionalProperties") {
            Some(schema) if schema.is_object() => {
                fields.values().find_map(|field| fault(document, schema, field))
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is not a type"),
    }
}

/// Panics if a value does not match its schema.
#[track_caller]
pub(crate) fn assert_fits(document: &Value, schema: &Value, value: &Value) {
    let fault = fault(document, schema, value);
    assert!(fault.is_none(), "{}: {value}", fault.unwrap_or_default());
}
