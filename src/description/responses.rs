//! The failures of requests, each as a component with its status, description and headers; and the
//! headers of responses.

use serde_json::{Map, Value, json};

use super::schemas::{Schemas, reference};
use crate::error::{Failure, Gone, Invalid};

/// A failure that routes share.
struct Kind {
    status: u16,
    name: &'static str,
    about: &'static str,
    headers: &'static [&'static str],
}

/// The failures that every operation can return.
pub(super) const OF_ALL: [u16; 9] = [400, 403, 408, 414, 421, 429, 431, 500, 503];

static KINDS: [Kind; 19] = [
    kind(400, "BadRequest", "The request or its JSON is malformed.", &[]),
    kind(401, "Unauthorized", "Credentials are missing or wrong.", &["WWW-Authenticate"]),
    kind(403, "Forbidden", "The account may not do this, or the request is cross-site.", &[]),
    kind(404, "NotFound", "It does not exist, or the reader may not see it.", &[]),
    kind(405, "MethodNotAllowed", "The path does not accept this method.", &["Allow"]),
    kind(408, "RequestTimeout", "The request did not arrive in time.", &[]),
    kind(409, "Conflict", "An earlier request with this Idempotency-Key created the token.", &[]),
    kind(410, "Gone", "The log no longer has this position, or has not reached it yet.", &[]),
    kind(412, "PreconditionFailed", "The version does not match the precondition.", &[]),
    kind(413, "ContentTooLarge", "The body is over the route's limit.", &[]),
    kind(414, "UriTooLong", "The target is too long.", &[]),
    kind(415, "UnsupportedMediaType", "The route does not accept the type of the body.", &[]),
    kind(421, "MisdirectedRequest", "The site does not answer for this host.", &[]),
    kind(422, "UnprocessableContent", "A parameter, a header or a field is invalid.", &[]),
    kind(426, "UpgradeRequired", "A live endpoint was asked for a plain response.", &["Upgrade"]),
    kind(429, "TooManyRequests", "This client or account is over its limit.", &["Retry-After"]),
    kind(431, "HeadTooLarge", "The request's head is over the limit.", &[]),
    kind(500, "InternalError", "The server failed. Details are only in its log.", &[]),
    kind(
        503,
        "Unavailable",
        "The server is overloaded, or its database is unavailable.",
        &["Retry-After"],
    ),
];

const fn kind(
    status: u16,
    name: &'static str,
    about: &'static str,
    headers: &'static [&'static str],
) -> Kind {
    Kind { status, name, about, headers }
}

/// The reference to a failure; an empty schema for a status that has none.
pub(super) fn failure(status: u16) -> Value {
    let kind = KINDS.iter().find(|kind| kind.status == status);
    kind.map_or(Value::Null, |kind| reference("responses", kind.name))
}

/// The failures as components.
pub(super) fn failures(schemas: &mut Schemas) -> Value {
    let failure = schemas.of::<Failure>();
    let mut all = Map::new();
    for kind in &KINDS {
        let schema = match kind.status {
            410 => schemas.of::<Gone>(),
            422 => json!({ "anyOf": [failure.clone(), schemas.of::<Invalid<'_>>()] }),
            _ => failure.clone(),
        };
        let response = json!({
            "description": kind.about,
            "x-status": kind.status,
            "headers": headers(kind.headers),
            "content": { "application/json": { "schema": schema } },
        });
        all.insert(kind.name.to_owned(), response);
    }
    Value::Object(all)
}

/// References to headers.
pub(super) fn headers(names: &[&str]) -> Value {
    let headers = names.iter().map(|name| ((*name).to_owned(), reference("headers", name)));
    Value::Object(headers.collect())
}

/// The headers as components.
pub(super) fn all_headers() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "Allow": header("The methods that the path takes.", true, text.clone()),
        "ETag": header(
            "The version, for `If-Match` and `If-None-Match`.",
            true,
            json!({ "type": "string", "pattern": "^(W/)?\"[^\"]*\"$" }),
        ),
        "Idempotency-Replayed": header(
            "`true` if an earlier request with this `Idempotency-Key` did the work.",
            false,
            json!({ "const": "true" }),
        ),
        "Last-Event-Id": header(
            "The position of the log at which the response is true.",
            true,
            json!({ "type": "integer", "minimum": 0 }),
        ),
        "Location": header("The path of the new thing.", true, text.clone()),
        "Log-Id": header("The log that the position belongs to.", true, text.clone()),
        "Retry-After": header(
            "The seconds after which to retry.",
            true,
            json!({ "type": "integer", "minimum": 1 }),
        ),
        "Set-Cookie": header("The sign-in cookie.", true, text.clone()),
        "Upgrade": header("The protocol that the endpoint speaks.", true, text.clone()),
        "WWW-Authenticate": header("The required scheme.", true, text),
    })
}

fn header(about: &str, required: bool, schema: Value) -> Value {
    json!({ "description": about, "required": required, "schema": schema })
}
