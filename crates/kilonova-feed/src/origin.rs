//! The check that a request does not come from another site's page.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, ORIGIN};

/// Returns false if a page of another origin made the request.
///
/// A browser sends its cookies with the WebSockets that pages of other origins open, and CORS does
/// not apply to them. If your viewer comes from a cookie, refuse such requests before
/// [`Feed::serve`](crate::Feed::serve).
///
/// The check compares the host and port of `Origin` with `Host` and ignores the scheme, because a
/// proxy may have ended TLS. The proxy must pass `Host` on. Requests without `Origin` do not come
/// from a page's WebSocket, and pass. An event stream that another site's page opens without CORS has
/// no `Origin` either: it passes, but the page cannot read it.
pub fn is_same_origin(request: &HttpRequest) -> bool {
    let mut origins = request.headers().get_all(ORIGIN);
    let Some(origin) = origins.next() else { return true };
    if origins.next().is_some() {
        return false;
    }
    let origin = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let host = authority.or_else(|| request.headers().get(HOST)?.to_str().ok());
    match (origin, host) {
        (Some(origin), Some(host)) => !host.is_empty() && origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn is_same(host: &str, origins: &[&str]) -> bool {
        let request = TestRequest::default().insert_header((HOST, host));
        let request =
            origins.iter().fold(request, |it, origin| it.append_header((ORIGIN, *origin)));
        is_same_origin(&request.to_http_request())
    }

    #[test]
    fn a_page_of_the_site_and_a_client_without_a_page_pass() {
        assert!(is_same("shop.example", &[]));
        assert!(is_same("shop.example", &["https://shop.example"]));
        assert!(is_same("Shop.example", &["http://shop.EXAMPLE"]));
        assert!(is_same("localhost:8080", &["http://localhost:8080"]));
        assert!(is_same("[::1]:8080", &["http://[::1]:8080"]));
    }

    #[test]
    fn a_page_of_another_origin_does_not_pass() {
        for origin in [
            "https://evil.example",
            "https://shop.example.evil.example",
            "https://evil.example/shop.example",
            "http://shop.example:8080",
            "null",
            "",
            "shop.example",
        ] {
            assert!(!is_same("shop.example", &[origin]), "{origin}");
        }
        assert!(!is_same("shop.example", &["https://shop.example", "https://evil.example"]));
        assert!(!is_same("", &["https://shop.example"]));
        assert!(!is_same("", &["https://"]));
    }
}
