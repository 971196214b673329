//! The `curl` commands for requests to the API. They can be pasted into a shell; the bearer token
//! comes from `$TOKEN`.

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::{entries, items};
use crate::views::ESCAPED;

/// The command for an operation.
pub(super) fn command(method: &str, path: &str, operation: &Value, server: &str) -> String {
    let mut address = format!("{server}{path}");
    let mut query = Vec::new();
    for parameter in items(&operation["parameters"]) {
        let (Some(name), Some(example)) = (parameter["name"].as_str(), example(parameter)) else {
            continue;
        };
        match parameter["in"].as_str() {
            Some("path") => address = address.replace(&format!("{{{name}}}"), &example),
            Some("query") => query.push(format!("{name}={example}")),
            _ => {}
        }
    }
    if !query.is_empty() {
        address += &format!("?{}", query.join("&"));
    }
    let mut parts = vec!["curl -i".to_owned()];
    let content = &operation["requestBody"]["content"];
    if method != "get" && !(method == "post" && content.is_object()) {
        parts[0] += &format!(" -X {}", method.to_uppercase());
    }
    parts[0] += &format!(" {}", quoted(&address));
    parts.extend(credentials(operation));
    if let Some((media_type, body)) = entries(content).next() {
        parts.push(format!("-H {}", quoted(&format!("Content-Type: {media_type}"))));
        match &body["example"] {
            Value::Null => parts.push("--data-binary @picture.jpg".to_owned()),
            example => parts.push(format!("-d {}", quoted(&example.to_string()))),
        }
    }
    if operation["operationId"] == "signIn" {
        parts.push("-c cookies.txt".to_owned());
    }
    parts.join(" \\\n  ")
}

/// The command that follows a live endpoint as a stream.
pub(super) fn stream(address: &str, name: &str, asyncapi: &Value, server: &str) -> String {
    let address = format!("{server}{}", address.replace("{id}", "1"));
    let mut parts = vec![format!("curl -N {}", quoted(&address))];
    parts.push("-H 'Accept: text/event-stream'".to_owned());
    if asyncapi["operations"][format!("{name}Tells")]["security"].is_array() {
        parts.push(TOKEN.to_owned());
    }
    parts.join(" \\\n  ")
}

const TOKEN: &str = "-H \"Authorization: Bearer $TOKEN\"";

/// The option with the credentials, if the operation needs an account.
fn credentials(operation: &Value) -> Option<String> {
    let mut ways = items(&operation["security"]);
    let first = ways.next()?;
    if first.as_object().is_some_and(serde_json::Map::is_empty) {
        return None;
    }
    let is_for_browsers = ways.next().is_none();
    Some(if is_for_browsers { "-b cookies.txt" } else { TOKEN }.to_owned())
}

/// The example of a required parameter.
fn example(parameter: &Value) -> Option<String> {
    let text = match &parameter["example"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (parameter["required"] == true).then(|| utf8_percent_encode(&text, ESCAPED).to_string())
}

/// Quotes a text for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
