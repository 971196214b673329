//! A short description of a schema, as HTML.

use serde_json::Value;

use crate::views::escaped;

/// The values that a schema allows.
pub(super) fn html(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut kinds: Vec<String> = choices.iter().map(html).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(value) = schema.get("const") {
        return code(value);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(code).collect::<Vec<_>>().join(", ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    let types = types.into_iter().map(|name| of_type(name, schema));
    types.collect::<Vec<_>>().join(" or ")
}

fn of_type(name: &str, schema: &Value) -> String {
    let bounds = bounds(schema);
    match name {
        "array" => format!("list of {}", html(&schema["items"])),
        "object" => of_object(schema),
        "string" => match schema["format"].as_str() {
            Some("date-time") => "time".to_owned(),
            Some("binary") => "bytes".to_owned(),
            _ => format!("text{bounds}"),
        },
        "integer" => format!("whole number{bounds}"),
        "number" => format!("number{bounds}"),
        "null" => "<code>null</code>".to_owned(),
        other => escaped(other),
    }
}

/// An inline object schema, described by its fields.
fn of_object(schema: &Value) -> String {
    let fields = super::entries(&schema["properties"]);
    let fields: Vec<String> = fields
        .map(|(name, field)| format!("<code>{}</code>: {}", escaped(name), html(field)))
        .collect();
    if fields.is_empty() { "object".to_owned() } else { format!("object of {}", fields.join(", ")) }
}

fn bounds(schema: &Value) -> String {
    let [least, most] = match schema.get("maximum").or(schema.get("minimum")) {
        Some(_) => [schema["minimum"].as_u64(), schema["maximum"].as_u64()],
        None => [schema["minLength"].as_u64(), schema["maxLength"].as_u64()],
    };
    match (least, most) {
        (Some(least), Some(most)) => format!(" ({least} to {most})"),
        (Some(least), None) if least > 0 => format!(" (from {least})"),
        (None, Some(most)) => format!(" (up to {most})"),
        _ => String::new(),
    }
}

fn code(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    };
    format!("<code>{}</code>", escaped(&text))
}

/// A text, with the parts between backticks as code.
pub(in crate::views) fn spans(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(at, part)| match at % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    parts.collect()
}

/// The paragraphs of a text, with the parts between backticks as code.
pub(in crate::views) fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|text| !text.is_empty());
    paragraphs.map(|text| format!("<p>{}</p>", spans(text))).collect()
}
