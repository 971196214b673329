//! Operations on content of all kinds: uploads, search, the log, the process groups, and the API's
//! description.

use serde_json::json;

use crate::description::operation::Needs::{Anyone, Nothing, Writer};
use crate::description::operation::Operation;
use crate::description::parameters;
use crate::description::schemas::Schemas;
use crate::views::answers::{Channels, Events, Found, Uploaded};

const PICTURES: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];

pub(super) fn all(schemas: &mut Schemas, max_upload: usize) -> Vec<Operation> {
    let document = json!({ "type": "object" });
    vec![
        upload(schemas, max_upload),
        Operation::new("get", "/api/search", Anyone, ["Search", "search", "Search"])
            .about("Posts, notes and comments that the reader may see, best match first.")
            .takes([
                parameters::words(),
                parameters::kind(),
                parameters::limit(),
                parameters::place(),
            ])
            .json(200, "A page of hits.", schemas.of::<Found>(), &[]),
        Operation::new("get", "/api/events", Anyone, ["Events", "listEvents", "Read the log"])
            .about("The events after a position that the reader may see, in order.")
            .takes([
                parameters::after(),
                parameters::channel(),
                parameters::log(),
                parameters::limit(),
            ])
            .fails([410])
            .stamped(200, "A part of the log.", schemas.of::<Events>(), []),
        Operation::new(
            "get",
            "/api/channels",
            Writer,
            ["Events", "listChannels", "List the process groups"],
        )
        .about("The channels with a member on any node. For admins.")
        .takes([])
        .json(200, "The channels.", schemas.of::<Channels>(), &[]),
        Operation::new(
            "get",
            "/api/openapi.json",
            Nothing,
            ["Description", "getOpenapi", "This document"],
        )
        .cached()
        .json(200, "OpenAPI 3.1.", document.clone(), &["ETag"]),
        Operation::new(
            "get",
            "/api/asyncapi.json",
            Nothing,
            ["Description", "getAsyncapi", "The live endpoints"],
        )
        .cached()
        .json(200, "AsyncAPI 3.0.", document, &["ETag"]),
        Operation::new(
            "get",
            "/api/docs",
            Anyone,
            ["Description", "getDocs", "The page that shows both documents"],
        )
        .gives(
            200,
            "A page.",
            "text/html",
            json!({ "type": "string" }),
            &["Last-Event-Id", "Log-Id"],
        ),
    ]
}

fn upload(schemas: &mut Schemas, max_upload: usize) -> Operation {
    let picture = json!({ "schema": { "type": "string", "format": "binary" } });
    let mut content: serde_json::Map<_, _> =
        PICTURES.map(|kind| (kind.to_owned(), picture.clone())).into_iter().collect();
    let form = json!({
        "type": "object",
        "required": ["file"],
        "properties": { "file": { "type": "string", "format": "binary" } },
    });
    content.insert("multipart/form-data".to_owned(), json!({ "schema": form }));
    let about = format!(
        "A picture as the body, or as the only file of a form: png, jpeg, gif, webp or avif, \
         recognized by its content, at most {max_upload} bytes. Metadata is removed. A picture \
         that no text uses is deleted after 24 hours."
    );
    Operation::new("post", "/api/uploads", Writer, ["Uploads", "upload", "Upload a picture"])
        .about(&about)
        .once()
        .content(content.into())
        .stamped(
            201,
            "The picture.",
            schemas.of::<Uploaded>(),
            ["ETag", "Location", "Idempotency-Replayed"],
        )
}
