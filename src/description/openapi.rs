//! Assembles the OpenAPI document of the requests.

use serde_json::{Map, Value, json};

use super::operations;
use super::responses;
use super::schemas::Schemas;
use crate::config::{Access, Config};
use crate::models::sign_in;
use crate::reach::Address;

const ABOUT: &str = "\
The site's content and actions, as JSON. Bodies are `application/json` in UTF-8; unknown \
fields in a body are ignored, unknown parameters of a list are refused. Times are RFC 3339 in UTC. \
A page of a list ends early at 4 MiB; `next` is the cursor of the next page.\n\n\
Every failure is JSON: `{\"error\":…}`, or `{\"errors\":{field:[message…]}}` for the fields of a \
body. GET paths also answer HEAD; a path answers other methods with 405 and `Allow`.\n\n\
The headers `Last-Event-Id` and `Log-Id` of a response are its position in the log. To miss \
nothing, follow a live endpoint with that position as `?last_event_id=`. The live endpoints are \
described in `asyncapi.json` beside this document.";

const TAGS: [(&str, &str); 8] = [
    ("Posts", "Posts and their versions."),
    ("Comments", "Comments on posts, and their moderation."),
    ("Notes", "Short texts with an author."),
    ("Uploads", "Pictures for texts."),
    ("Search", "Full-text search."),
    ("Events", "The log, and the process groups that deliver it."),
    ("Accounts", "Signing in, bearer tokens, passwords and roles."),
    ("Description", "This document, and the page that shows it."),
];

/// The document of a server.
pub(super) fn document(config: &Config, address: &Address) -> Value {
    let mut schemas = Schemas::new();
    let is_open = config.access == Access::Open;
    let mut paths = Map::new();
    for operation in operations::all(config, &mut schemas) {
        let (path, method) = (operation.path, operation.method);
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method] = operation.finish(is_open);
    }
    let responses = responses::failures(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": config.site.name,
            "summary": "The JSON API of a Kilonova site.",
            "description": ABOUT,
            "version": crate::VERSION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": address.to("") }],
        "tags": TAGS.map(|(name, about)| json!({ "name": name, "description": about })),
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "responses": responses,
            "headers": responses::all_headers(),
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": config.reach.cookie(sign_in::COOKIE),
                    "description": "The cookie that `POST /api/session` sets.",
                },
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token from `POST /api/tokens`. It overrides a cookie.",
                },
            },
        },
    })
}
