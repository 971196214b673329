//! Which kind of response a request asks for, by its `Accept`. Owns how the header is read; what
//! follows from it is the guard's and the controllers'.

use actix_web::http::header::HeaderMap;
use kilonova_feed::accepts;

/// Whether a request asks for server-sent events.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    accepts(headers, "text/event-stream")
}

/// Whether a request asks for a page, as browsers do, or for any text.
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
