//! Which kind of response a request asks for, by its `Accept`. Owns how the header is read; what
//! follows from it is the guard's and the controllers'.

use actix_web::http::header::{self, HeaderMap};

/// Whether a request asks for server-sent events.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    accepts(headers, "text/event-stream")
}

/// Whether a request asks for a page, as browsers do.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html")
}

/// Whether a type is named; wildcards, which every program sends, do not count.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get_all(header::ACCEPT)
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains(kind)))
}
