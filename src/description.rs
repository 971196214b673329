//! What the site says of its own API: OpenAPI for the requests under `/api`, AsyncAPI for the live
//! endpoints. Owns both documents; serving them is a controller's, and their page is a view's.
//!
//! The documents are of this very server: its address, its limits, and who may do what there.
//! Schemas of responses come from the types that are served, those of bodies from the rules of the
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

/// A document as it is sent.
#[derive(Debug)]
pub struct Document {
    /// The document.
    pub value: Value,
    /// Its JSON.
    pub json: String,
    /// Its entity tag.
    pub etag: String,
}

/// Both documents of a server.
#[derive(Debug)]
pub struct Description {
    /// The requests.
    pub openapi: Document,
    /// The live endpoints.
    pub asyncapi: Document,
}

impl Description {
    /// The documents of a server with this configuration, which its clients reach at this address.
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
