//! Which kind of response a request asks for, by its `Accept`. Owns how the header is read; what
//! follows from it is the guard's and the controllers'.

use actix_web::http::header::HeaderMap;
use kilonova_feed::accepts;

/// Whether a request asks for server-sent events.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    accepts(headers, "text/event-stream")
}

/// Whether a request asks for a page, as browsers do.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html")
}
