//! `GET /api/docs`: the API's two documents as a page. Owns the selection of what it shows; leaves
//! the text for a schema to `kinds`, and the commands to `curl`.

mod curl;
pub(in crate::views) mod kinds;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use serde_json::Value;

use super::super::filters;
use super::Frame;

/// The page.
#[derive(Debug, Template)]
#[template(path = "docs.html")]
pub struct Docs {
    /// The page's frame.
    pub frame: Frame,
    /// The content of the page.
    pub reference: Arc<Reference>,
}

/// The parts of both documents that the page shows.
#[derive(Debug)]
pub struct Reference {
    about: String,
    server: String,
    live_about: String,
    groups: Vec<Group>,
    failures: Vec<Answer>,
    schemas: Vec<Schema>,
    endpoints: Vec<Endpoint>,
    topics: Vec<Topic>,
    closes: Vec<(String, String)>,
}

/// The operations of one tag.
#[derive(Debug)]
struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

#[derive(Debug)]
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    about: String,
    needs: &'static str,
    parameters: Vec<Field>,
    /// The media types of the body.
    types: Vec<String>,
    /// The schema of the body, as HTML.
    body: Option<String>,
    answers: Vec<Answer>,
    /// The statuses of its failures.
    failures: Vec<String>,
    curl: String,
}

/// A parameter, or a field of an object.
#[derive(Debug)]
struct Field {
    name: String,
    place: String,
    is_required: bool,
    /// Its type and bounds, as HTML.
    kind: String,
    about: String,
}

#[derive(Debug)]
struct Answer {
    status: String,
    about: String,
    /// The schema of its content, as HTML.
    kind: Option<String>,
    headers: Vec<String>,
}

#[derive(Debug)]
struct Schema {
    name: String,
    about: String,
    /// Its type, as HTML; `None` for an object with fields.
    kind: Option<String>,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Endpoint {
    address: String,
    title: String,
    about: String,
    parameters: Vec<Field>,
    sent: Vec<Message>,
    heard: Vec<Message>,
    curl: String,
}

#[derive(Debug)]
struct Message {
    name: String,
    about: String,
}

#[derive(Debug)]
struct Topic {
    channel: String,
    word: String,
    about: String,
    reach: String,
    /// The schema of its payload, as HTML.
    kind: String,
}

impl Reference {
    /// Reads both documents.
    pub fn of(openapi: &Value, asyncapi: &Value) -> Reference {
        let server = text(&openapi["servers"][0]["url"]);
        let endpoints = entries(&asyncapi["channels"]);
        Reference {
            about: text(&openapi["info"]["description"]),
            live_about: text(&asyncapi["info"]["description"]),
            groups: items(&openapi["tags"]).map(|tag| group(openapi, tag, &server)).collect(),
            failures: failures(&openapi["components"]["responses"]),
            schemas: schemas([openapi, asyncapi]),
            endpoints: endpoints.map(|(name, it)| endpoint(asyncapi, name, it, &server)).collect(),
            topics: items(&asyncapi["x-topics"]).map(Topic::of).collect(),
            closes: items(&asyncapi["x-close-codes"])
                .map(|close| (close["code"].to_string(), text(&close["reason"])))
                .collect(),
            server,
        }
    }
}

/// The methods of a path, in the order of the page.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn group(openapi: &Value, tag: &Value, server: &str) -> Group {
    let mut operations = Vec::new();
    for (path, methods) in entries(&openapi["paths"]) {
        for method in METHODS {
            let operation = &methods[method];
            if items(&operation["tags"]).any(|one| *one == tag["name"]) {
                operations.push(Operation::of(method, path, operation, server));
            }
        }
    }
    Group { name: text(&tag["name"]), about: text(&tag["description"]), operations }
}

impl Operation {
    fn of(method: &str, path: &str, operation: &Value, server: &str) -> Operation {
        let body = &operation["requestBody"]["content"];
        let types: Vec<String> = entries(body).map(|(kind, _)| kind.to_owned()).collect();
        let schema = entries(body).next().map(|(_, content)| kinds::html(&content["schema"]));
        let is_failure = |status: &str| status >= "400";
        let (bad, good): (Vec<_>, Vec<_>) =
            entries(&operation["responses"]).partition(|(status, _)| is_failure(status));
        Operation {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            about: text(&operation["description"]),
            needs: needs(&operation["security"]),
            parameters: items(&operation["parameters"]).map(parameter).collect(),
            types,
            body: schema,
            answers: good.into_iter().map(|(status, it)| answer(status, it)).collect(),
            failures: bad.into_iter().map(|(status, _)| status.to_owned()).collect(),
            curl: curl::command(method, path, operation, server),
        }
    }
}

/// The required credentials, in words.
fn needs(security: &Value) -> &'static str {
    let mut ways = items(security);
    match ways.next() {
        None => "Ignores credentials.",
        Some(first) if first.as_object().is_some_and(serde_json::Map::is_empty) => {
            "Works without an account; an account may see or do more."
        }
        Some(_) if ways.next().is_none() => "Needs an account, signed in with its cookie.",
        Some(_) => "Needs an account.",
    }
}

fn parameter(parameter: &Value) -> Field {
    Field {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        is_required: parameter["required"] == true,
        kind: kinds::html(&parameter["schema"]),
        about: text(&parameter["description"]),
    }
}

fn answer(status: &str, response: &Value) -> Answer {
    let content = entries(&response["content"]).next();
    Answer {
        status: status.to_owned(),
        about: text(&response["description"]),
        kind: content.map(|(_, content)| kinds::html(&content["schema"])),
        headers: entries(&response["headers"]).map(|(name, _)| name.to_owned()).collect(),
    }
}

/// The failures of all operations, by their statuses.
fn failures(responses: &Value) -> Vec<Answer> {
    let mut all: Vec<_> = entries(responses)
        .map(|(_, response)| answer(&response["x-status"].to_string(), response))
        .collect();
    all.sort_by(|one, other| one.status.cmp(&other.status));
    all
}

fn fields(schema: &Value) -> Vec<Field> {
    let required: Vec<&Value> = items(&schema["required"]).collect();
    let field = |(name, field): (&str, &Value)| Field {
        name: name.to_owned(),
        place: String::new(),
        is_required: required.iter().any(|one| one.as_str() == Some(name)),
        kind: kinds::html(field),
        about: text(&field["description"]),
    };
    entries(&schema["properties"]).map(field).collect()
}

impl Schema {
    fn of(name: &str, schema: &Value) -> Schema {
        let fields = fields(schema);
        Schema {
            name: name.to_owned(),
            about: text(&schema["description"]),
            kind: fields.is_empty().then(|| kinds::html(schema)),
            fields,
        }
    }
}

/// The schemas of both documents. Schemas with the same name are equal.
fn schemas(documents: [&Value; 2]) -> Vec<Schema> {
    let all = documents.into_iter().flat_map(|it| entries(&it["components"]["schemas"]));
    let all: BTreeMap<&str, &Value> = all.collect();
    all.into_iter().map(|(name, schema)| Schema::of(name, schema)).collect()
}

impl Topic {
    fn of(topic: &Value) -> Topic {
        Topic {
            channel: text(&topic["channel"]),
            word: text(&topic["topic"]),
            about: text(&topic["reason"]),
            reach: text(&topic["reach"]),
            kind: kinds::html(&topic["payload"]),
        }
    }
}

fn endpoint(asyncapi: &Value, name: &str, channel: &Value, server: &str) -> Endpoint {
    let messages = |operation: String| -> Vec<Message> {
        let messages = items(&asyncapi["operations"][operation]["messages"]);
        let messages = messages.filter_map(|it| asyncapi.pointer(it["$ref"].as_str()?.get(1..)?));
        let message =
            |it: &Value| Message { name: text(&it["title"]), about: text(&it["summary"]) };
        messages.map(message).collect()
    };
    let address = text(&channel["address"]);
    Endpoint {
        title: text(&channel["title"]),
        about: text(&channel["description"]),
        parameters: fields(&channel["bindings"]["ws"]["query"]),
        sent: messages(format!("{name}Tells")),
        heard: messages(format!("{name}Hears")),
        curl: curl::stream(&address, name, asyncapi, server),
        address,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
