//! Which requests are let in at all, and what becomes of those that panic. Owns the checks that
//! hold for every route alike.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use futures_util::FutureExt;

use crate::error::{AppError, AppResult};
use crate::negotiation::accepts_events;

/// The path that says whether the server is ready.
const READY: &str = "/health/ready";

/// Headers that only a proxy adds: what comes through one does not come from this machine.
const PROXIED: [&str; 3] = ["forwarded", "via", "x-real-ip"];

/// Lets in what open access answers: requests for a loopback host, straight from a client, and
/// unsafe ones and sockets only from this site's own pages or from no page at all.
pub async fn admit<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match check(request.head()) {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Err(error) => Ok(request.error_response(error).map_into_right_body()),
    }
}

/// The checks, before anything of a request but its head is read.
pub fn check(request: &RequestHead) -> AppResult<()> {
    for_loopback(request)?;
    for_a_reader(request)?;
    let headers = request.headers();
    let live = headers.contains_key(header::UPGRADE) || accepts_events(headers);
    if live || !request.method.is_safe() {
        from_this_site(headers)?;
    }
    Ok(())
}

/// Answers a request whose handler panics with 500, where the connection would be closed.
pub async fn catch_panic<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let what = format!("{} {}", request.method(), request.path());
    AssertUnwindSafe(next.call(request)).catch_unwind().await.unwrap_or_else(|_| {
        Err(AppError::internal(format!("the handler of {what} panicked")).into())
    })
}

fn for_loopback(request: &RequestHead) -> AppResult<()> {
    let headers = request.headers();
    let proxied = PROXIED.iter().any(|name| headers.contains_key(*name))
        || headers.keys().any(|name| name.as_str().starts_with("x-forwarded-"));
    if proxied {
        return Err(AppError::Misdirected("open access does not work behind a proxy"));
    }
    // Who watches over the server may call it by any name.
    if request.uri.path() == READY {
        return Ok(());
    }
    let mut hosts = headers.get_all(header::HOST);
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    };
    let target = request.uri.authority().map(|authority| authority.as_str());
    if host.is_some_and(is_loopback) && target.is_none_or(is_loopback) {
        Ok(())
    } else {
        Err(AppError::Misdirected("open access answers only for a loopback host"))
    }
}

fn is_loopback(authority: &str) -> bool {
    let Some(host) = host_of(authority) else { return false };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The host of an authority that consists of a host and perhaps a port, as RFC 9110 has it.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte);
    let fits = (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        && host.bytes().all(is_host);
    fits.then_some(host)
}

/// Refuses to serve pages and lists as a picture or a script: a text can contain links to them, each
/// of which every reader's browser would follow.
fn for_a_reader(request: &RequestHead) -> AppResult<()> {
    const READ: [&[u8]; 3] = [b"document", b"empty", b"websocket"];
    let path = request.uri.path();
    let fetched = request.headers().get("sec-fetch-dest").map(HeaderValue::as_bytes);
    if path.starts_with("/static/") || fetched.is_none_or(|kind| READ.contains(&kind)) {
        return Ok(());
    }
    Err(AppError::Forbidden("only a page's own files can be embedded"))
}

fn from_this_site(headers: &HeaderMap) -> AppResult<()> {
    const REFUSED: AppError = AppError::Forbidden("requests from another site are refused");
    if let Some(site) = headers.get("sec-fetch-site")
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return Err(REFUSED);
    }
    let mut origins = headers.get_all(header::ORIGIN);
    let Some(origin) = origins.next() else { return Ok(()) };
    if origins.next().is_some() {
        return Err(REFUSED);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    // The scheme is the browser's to know: a proxy may have ended TLS on the way.
    let same = origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_some_and(
        |(scheme, authority)| {
            let port = match scheme {
                "http" => ":80",
                "https" => ":443",
                _ => return false,
            };
            let short = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
            short(authority) == short(host)
        },
    );
    if same { Ok(()) } else { Err(REFUSED) }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test as http;
    use actix_web::{App, HttpResponse, web};

    use super::*;

    async fn panics() -> HttpResponse {
        panic!("on purpose")
    }

    #[actix_web::test]
    async fn a_handler_that_panics_answers_500_and_says_nothing_of_why() {
        let app = App::new().wrap(from_fn(catch_panic)).route("/", web::get().to(panics));
        let app = http::init_service(app).await;
        let request = http::TestRequest::get().uri("/").to_request();
        let error = http::try_call_service(&app, request).await.expect_err("a failure");
        let answer = error.as_response_error().error_response();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = actix_web::body::to_bytes(answer.into_body()).await.expect("a body");
        assert_eq!(body, r#"{"error":"internal error"}"#);
    }

    #[actix_web::test]
    async fn the_server_goes_on_after_a_panic() {
        let app = App::new().wrap(from_fn(catch_panic)).route("/", web::get().to(panics));
        let app = http::init_service(app.route("/fine", web::get().to(HttpResponse::Ok))).await;
        let request = http::TestRequest::get().uri("/").to_request();
        assert!(http::try_call_service(&app, request).await.is_err());
        let request = http::TestRequest::get().uri("/fine").to_request();
        assert!(http::call_service(&app, request).await.status().is_success());
    }

    #[test]
    fn loopback_hosts_are_told_from_others() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.8.9.1:80",
            "[::1]:8080",
            "a.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "[::2]",
            "localhost:x@evil.com",
            "localhost:80@evil.com",
            "evil@localhost",
            "evil.com/.localhost",
            "localhost:123456",
            "[::1]x",
            "[::1",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn another_sites_origin_is_refused() {
        let allowed = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            from_this_site(&headers).is_ok()
        };
        let host = ("host", "localhost:8080");
        assert!(allowed(&[host]));
        assert!(allowed(&[
            host,
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(allowed(&[("host", "localhost"), ("origin", "http://LOCALHOST:80")]));
        assert!(allowed(&[host, ("sec-fetch-site", "none")]));
        for origin in [
            "http://evil.example",
            "http://localhost:8081",
            "null",
            "http://127.0.0.1:8080",
            "file://localhost:8080",
            "",
        ] {
            assert!(!allowed(&[host, ("origin", origin)]), "{origin}");
        }
        let two = [host, ("origin", "http://localhost:8080"), ("origin", "http://evil.example")];
        assert!(!allowed(&two), "the second counts as well");
        assert!(!allowed(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&[host, ("sec-fetch-site", "same-site")]));
    }
}
