//! The description of the site's API: OpenAPI for the requests under `/api`, AsyncAPI for the live
//! endpoints. This module owns both documents; a controller serves them, and a view renders their
//! page.
//!
//! The documents describe this server: its address, its limits, and its access rules. Response
//! schemas are derived from the types that are served, body schemas from the rules of the
//! changesets.

mod asyncapi;
mod bodies;
mod frames;
mod openapi;
mod operation;
mod operations;
mod parameters;
mod responses;
mod schemas;

use serde_json::Value;

use crate::config::Config;
use crate::models::digest;
use crate::reach::Address;

/// A document as served.
#[derive(Debug)]
pub struct Document {
    /// The document.
    pub value: Value,
    /// The document as JSON text.
    pub json: String,
    /// The entity tag.
    pub etag: String,
}

/// The two documents of a server.
#[derive(Debug)]
pub struct Description {
    /// The OpenAPI document for requests.
    pub openapi: Document,
    /// The AsyncAPI document for live endpoints.
    pub asyncapi: Document,
}

impl Description {
    /// Builds the documents of a server with this configuration and public address.
    pub fn of(config: &Config, address: &Address) -> Description {
        Description {
            openapi: Document::of(openapi::document(config, address)),
            asyncapi: Document::of(asyncapi::document(config, address)),
        }
    }
}

impl Document {
    fn of(value: Value) -> Document {
        let json = value.to_string();
        let etag = format!("\"{}\"", digest(&json));
        Document { value, json, etag }
    }
}
