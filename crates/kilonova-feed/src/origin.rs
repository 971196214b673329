//! Which pages may open sockets and streams, by the origin that browsers send.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, ORIGIN};

use crate::Error;

/// The origins whose pages may open WebSockets and event streams.
///
/// A browser sends its cookies with the WebSockets that pages of other origins open, and CORS does
/// not apply to them. Clients that are not pages send no `Origin` and always pass, and so does an
/// event stream that a page opens without CORS, which that page cannot read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// The feed's own: the host and port of `Origin` are those of `Host`. The scheme is ignored,
    /// because a proxy may have ended TLS; the proxy must pass `Host` on.
    #[default]
    Own,
    /// The feed's own and these, as browsers write them: `https://app.example`.
    OwnAnd(Vec<String>),
    /// Any, for feeds whose viewers do not depend on cookies, or whose application checks origins
    /// itself.
    Any,
}

impl Origins {
    /// Refuses a request from a page of another origin.
    pub(crate) fn admit(&self, request: &HttpRequest) -> Result<(), Error> {
        let is_admitted = match self {
            Origins::Own => is_own(request, &[]),
            Origins::OwnAnd(others) => is_own(request, others),
            Origins::Any => true,
        };
        is_admitted.then_some(()).ok_or(Error::ForeignOrigin)
    }
}

/// Whether a request has no origin, the one of its host, or one of these.
fn is_own(request: &HttpRequest, others: &[String]) -> bool {
    let mut origins = request.headers().get_all(ORIGIN);
    let Some(origin) = origins.next() else { return true };
    if origins.next().is_some() {
        return false;
    }
    let Ok(origin) = origin.to_str() else { return false };
    if others.iter().any(|other| origin.eq_ignore_ascii_case(other)) {
        return true;
    }
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let host = authority.or_else(|| request.headers().get(HOST)?.to_str().ok());
    match (origin.split_once("://"), host) {
        (Some((_, origin)), Some(host)) => !host.is_empty() && origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn admits(origins: &Origins, host: &str, sent: &[&str]) -> bool {
        let request = TestRequest::default().insert_header((HOST, host));
        let request = sent.iter().fold(request, |it, origin| it.append_header((ORIGIN, *origin)));
        origins.admit(&request.to_http_request()).is_ok()
    }

    fn is_same(host: &str, sent: &[&str]) -> bool {
        admits(&Origins::default(), host, sent)
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

    #[test]
    fn other_origins_pass_if_they_are_named_or_all_are() {
        let some = Origins::OwnAnd(vec!["https://app.example".to_owned()]);
        let any = Origins::Any;
        for (origin, is_named) in [
            ("https://app.example", true),
            ("https://shop.example", true),
            ("http://app.example", false),
            ("https://app.example:8443", false),
            ("https://evil.example", false),
            ("null", false),
        ] {
            assert_eq!(admits(&some, "shop.example", &[origin]), is_named, "{origin}");
            assert!(admits(&any, "shop.example", &[origin]), "{origin}");
        }
    }
}
