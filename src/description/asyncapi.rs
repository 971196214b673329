//! The AsyncAPI document of the live endpoints: the messages that each sends and accepts, over
//! WebSockets and as server-sent events. No library generates AsyncAPI from the code, so the
//! document is built here.

use serde_json::{Map, Value, json};

use super::frames::{self, Shape};
use super::schemas::{Schemas, reference};
use crate::config::{Access, Config};
use crate::events::words::{Reach, Topic};
use crate::events::{ADMIN, COMMENTS, NOTES, POST_COMMENTS, POSTS, PRESENCE, SYSTEM};
use crate::models::sign_in;
use crate::reach::Address;

const ABOUT: &str = "\
The site's events, in real time. Each endpoint is a WebSocket and, with \
`Accept: text/event-stream`, a stream of server-sent events: `id:` is the position, \
`event:` the topic, and `data:` the message.\n\n\
A client gets every event that is committed after its handshake, once and in order. To resume \
after a lost connection, pass the last `id` as `last_event_id`: the missed events come first. \
A stream also accepts the header `Last-Event-ID`.\n\n\
If the post, comment or note of an event was deleted or withdrawn since, the event is reduced to \
`{\"id\":N,\"redacted\":true}`.";

/// A live endpoint.
struct Endpoint {
    name: &'static str,
    address: &'static str,
    title: &'static str,
    about: String,
    query: Value,
    /// The messages of its topics, by their keys.
    sent: Vec<(String, Value)>,
    /// Whether it needs an account.
    is_private: bool,
}

/// The document of a server.
pub(super) fn document(config: &Config, address: &Address) -> Value {
    let mut schemas = Schemas::new();
    let endpoints =
        [feed(config, &mut schemas), comments(&mut schemas), notifications(config, &mut schemas)];
    let common = frames::common();
    let of_clients = frames::of_clients(&mut schemas);
    let (mut channels, mut operations) = (Map::new(), Map::new());
    for endpoint in endpoints {
        let Endpoint { name, address, title, about, query, sent, is_private } = endpoint;
        let all = sent.into_iter().chain(common.clone().map(|(key, it)| (key.to_owned(), it)));
        let (mut messages, mut out) = (Map::new(), Vec::new());
        for (key, message) in all {
            out.push(within(name, &key));
            messages.insert(key, message);
        }
        let mut taken = Vec::new();
        for (key, message) in &of_clients {
            taken.push(within(name, key));
            messages.insert((*key).to_owned(), message.clone());
        }
        let mut channel = json!({
            "address": address,
            "title": title,
            "description": about,
            "messages": messages,
            "bindings": { "ws": { "method": "GET", "query": query, "bindingVersion": "0.1.0" } },
        });
        if address.contains("{id}") {
            channel["parameters"] = json!({ "id": { "description": "The id of the post." } });
        }
        channels.insert(name.to_owned(), channel);
        let channel = json!({ "$ref": format!("#/channels/{name}") });
        let mut send = json!({
            "action": "send",
            "channel": channel,
            "summary": "Messages from the site to its readers.",
            "messages": out,
        });
        if is_private {
            send["security"] = json!([
                reference("securitySchemes", "session"),
                reference("securitySchemes", "token")
            ]);
        }
        operations.insert(format!("{name}Tells"), send);
        let receive = json!({
            "action": "receive",
            "channel": channel,
            "summary": "Messages from a reader, only over a WebSocket.",
            "messages": taken,
        });
        operations.insert(format!("{name}Hears"), receive);
    }
    let topics: Vec<Value> = frames::all_topics().map(|topic| told(topic, &mut schemas)).collect();
    let closes: Vec<Value> = kilonova_feed::closes()
        .map(|(code, reason)| json!({ "code": code, "reason": reason }))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": config.site.name,
            "description": ABOUT,
            "version": crate::VERSION,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": servers(config, address),
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": schemas.finish(),
            "securitySchemes": {
                "session": {
                    "type": "httpApiKey",
                    "in": "cookie",
                    "name": config.reach.cookie(sign_in::COOKIE),
                },
                "token": { "type": "http", "scheme": "bearer" },
            },
        },
        "x-topics": topics,
        "x-close-codes": closes,
    })
}

fn within(channel: &str, message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}/messages/{message}") })
}

fn servers(config: &Config, address: &Address) -> Value {
    let url = address.url("");
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    let secure = if config.reach.is_https() { "s" } else { "" };
    let server = |protocol: &str, about: &str| {
        let protocol = format!("{protocol}{secure}");
        let mut server = json!({ "host": host, "protocol": protocol, "description": about });
        if !address.path().is_empty() {
            server["pathname"] = address.path().into();
        }
        server
    };
    json!({
        "sockets": server("ws", "WebSockets, version 13."),
        "streams": server("http", "Server-sent events, for `Accept: text/event-stream`."),
    })
}

/// A topic in the table of all topics.
fn told(topic: &Topic, schemas: &mut Schemas) -> Value {
    let reach = match topic.reach {
        Reach::Logged => "log",
        Reach::Ephemeral => "ephemeral",
        Reach::Inside => "process groups",
    };
    json!({
        "channel": frames::channel_of(topic),
        "topic": topic.word,
        "reason": topic.reason,
        "reach": reach,
        "payload": frames::payload_of(topic, schemas),
    })
}

/// The query parameters of an endpoint: those that every endpoint has, and its own.
fn query(frames: &[&str], own: Value) -> Value {
    let mut properties = json!({
        "last_event_id": {
            "description": "The last position that you received, or `latest`.",
            "type": "string",
            "pattern": "^([0-9]+|latest)$",
        },
        "log": {
            "description": "The `Log-Id` that the position belongs to.",
            "type": "string",
        },
        "frame": { "description": "The format of the messages.", "enum": frames },
    });
    if let (Value::Object(all), Value::Object(own)) = (&mut properties, own) {
        all.extend(own);
    }
    json!({ "type": "object", "properties": properties })
}

fn feed(config: &Config, schemas: &mut Schemas) -> Endpoint {
    let most = match config.max_channels_per_socket {
        0 | usize::MAX => String::new(),
        most => format!(" At most {most}."),
    };
    let channels = format!(
        "The channels to follow, separated by commas: `{POSTS}`, `{COMMENTS}`, `{NOTES}`, \
         `{SYSTEM}`, `{POST_COMMENTS}ID`, one `{PRESENCE}ID`, and for admins `{ADMIN}`.{most}"
    );
    let own = json!({
        "channels": { "description": channels, "type": "string", "default": "posts,comments" },
        "as": { "description": "Answers as if you were not signed in.", "const": "guest" },
    });
    let sent = frames::topics()
        .map(|topic| (topic.word.to_owned(), frames::message(topic, Shape::Whole, schemas)));
    Endpoint {
        name: "feed",
        address: "/feed",
        title: "The feed",
        about: format!(
            "Posts and comments, or the requested `channels`. `{NOTES}` needs an account unless \
                        access is open."
        ),
        query: query(&["html"], own),
        sent: sent.collect(),
        is_private: false,
    }
}

fn comments(schemas: &mut Schemas) -> Endpoint {
    let mut sent = Vec::new();
    for topic in frames::topics().filter(|topic| frames::is_new_comment(topic)) {
        sent.push(("comment".to_owned(), frames::message(topic, Shape::Payload, schemas)));
        let event = frames::message(topic, Shape::Event, schemas);
        sent.push((topic.word.to_owned(), event));
    }
    Endpoint {
        name: "comments",
        address: "/posts/{id}/comments/ws",
        title: "New comments on a post",
        about: "Each message is a new comment. With `?frame=event` it includes the topic and the \
                position. 404 before the upgrade if the reader may not see the post."
            .to_owned(),
        query: query(&["event", "html"], json!({})),
        sent,
        is_private: false,
    }
}

fn notifications(config: &Config, schemas: &mut Schemas) -> Endpoint {
    let sent = frames::topics()
        .filter(|topic| topic.channel == NOTES)
        .map(|topic| (topic.word.to_owned(), frames::message(topic, Shape::Event, schemas)));
    Endpoint {
        name: "notifications",
        address: "/notifications",
        title: "Notes",
        about: "Notes that are written, changed and deleted. Needs an account unless access is \
                open."
            .to_owned(),
        query: query(&["html"], json!({})),
        sent: sent.collect(),
        is_private: config.access == Access::Accounts,
    }
}
