//! Determines the kind of response that a request's `Accept` header asks for. The guard and the
//! controllers act on it.

use actix_web::http::header::HeaderMap;
use kilonova_feed::accepts;

/// Returns whether a request asks for server-sent events.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    accepts(headers, "text/event-stream")
}

/// Returns whether a request asks for a page, as browsers do, or for any text.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html") || accepts(headers, "text/*")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{self, HeaderValue};

    use super::*;

    #[test]
    fn any_text_is_a_page_and_no_stream() {
        for (accept, is_page) in [
            ("text/html", true),
            ("text/*", true),
            ("application/json, text/*;q=0.5", true),
            ("text/*;q=0", false),
            ("text/plain", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(accepts_html(&headers), is_page, "{accept}");
            assert!(!accepts_events(&headers), "{accept}");
        }
    }
}
