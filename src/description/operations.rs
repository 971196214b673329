//! Every operation of the API. `tests/app/api/description.rs` compares the list with the routes.

mod accounts;
mod comments;
mod content;
mod notes;
mod posts;

use serde_json::{Value, json};

use super::operation::Operation;
use super::schemas::Schemas;
use crate::config::{Access, Config};
use crate::events::words::Redacted;

/// All operations of a server with this configuration.
pub(super) fn all(config: &Config, schemas: &mut Schemas) -> Vec<Operation> {
    let is_open = config.access == Access::Open;
    let mut all = posts::all(schemas);
    all.extend(comments::all(schemas, is_open || config.comments.guests));
    all.extend(notes::all(schemas, is_open));
    all.extend(accounts::all(schemas));
    all.extend(content::all(schemas, config.max_upload));
    all
}

/// A page of a list.
fn page(name: &str, item: Value) -> Value {
    json!({
        "type": "object",
        "required": [name, "next"],
        "properties": {
            name: { "type": "array", "items": item },
            "next": {
                "type": ["string", "null"],
                "description": "The cursor of the next page; `null` on the last one.",
            },
        },
    })
}

/// A thing that was created. If it was deleted since, a repeated request gets its redacted form.
fn created(schemas: &mut Schemas, thing: Value) -> Value {
    json!({ "anyOf": [thing, schemas.of::<Redacted>()] })
}
