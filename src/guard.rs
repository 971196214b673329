//! Decides which requests are admitted, and handles panics. This module owns the checks that apply
//! to every route.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;

use actix_web::HttpMessage;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use futures_util::FutureExt;

use crate::config::{Access, Config};
use crate::door;
use crate::error::{AppError, AppResult};
use crate::logging::Hint;
use crate::models::{draft_link, upload};
use crate::negotiation::accepts_events;
use crate::reach::{Reach, Stranger};
use crate::state::State;

/// The path of the readiness check.
const READY: &str = "/health/ready";

/// The maximum number of characters of request data in a log line.
const SHOWN: usize = 100;

/// Headers that only a proxy adds. A request through a proxy does not come from this machine.
const PROXIED: [&str; 3] = ["forwarded", "via", "x-real-ip"];

/// Admits requests for this site, and unsafe requests and sockets only from its own pages or from
/// clients that are not pages. After this middleware, the peer address of a request is its
/// client's, even behind a proxy.
pub async fn admit<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(AppError::internal("no application state").into());
    };
    let config = &state.config;
    let from = match check(request.head(), config) {
        Ok(from) => from,
        Err(error) => return Ok(request.error_response(error).map_into_right_body()),
    };
    let head = request.head_mut();
    if config.access == Access::Accounts
        && let Some(peer) = head.peer_addr
    {
        if !config.reach.trusts(peer.ip()) && head.headers.contains_key("x-forwarded-for") {
            static HINT: Hint = Hint::ungiven();
            HINT.give(format_args!(
                "X-Forwarded-For from {} is ignored, so all its clients count as one; if it is a \
                 proxy, pass its address to --trusted-proxy",
                peer.ip()
            ));
        }
        let client = config.reach.client(peer.ip(), &head.headers);
        head.peer_addr = Some(SocketAddr::new(client, peer.port()));
    }
    if from == Source::Elsewhere {
        head.headers.remove(header::COOKIE);
        head.headers.remove(header::AUTHORIZATION);
        request.extensions_mut().insert(Stranger);
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

/// The source of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A page of this site, or a client that is not a page.
    Here,
    /// A page of another site, which may only read.
    Elsewhere,
}

/// Checks a request's head, before its body is read.
pub fn check(request: &RequestHead, config: &Config) -> AppResult<Source> {
    let headers = request.headers();
    if config.access == Access::Open {
        unproxied(headers)?;
    }
    let host = for_this_site(request, &config.reach)?;
    for_a_reader(request, path_of(request, &config.reach))?;
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if let Some(origin) = origin
        && config.reach.allows(origin)
        && config.reach.is_own(origin, host.unwrap_or("")) != Some(true)
    {
        return match request.method.is_safe() {
            true => Ok(Source::Elsewhere),
            false => Err(AppError::Forbidden("pages of other sites may only read")),
        };
    }
    let live = headers.contains_key(header::UPGRADE) || accepts_events(headers);
    if live || !request.method.is_safe() {
        from_this_site(headers, host.unwrap_or(""), &config.reach)?;
    }
    Ok(Source::Here)
}

/// Answers with 500 if a handler panics; otherwise the connection would be closed.
pub async fn catch_panic<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    // A draft link is a secret.
    let path = request.path();
    let path = if path.starts_with(draft_link::ROOT) { draft_link::ROOT } else { path };
    let what = format!("{} {path}", request.method());
    AssertUnwindSafe(next.call(request)).catch_unwind().await.unwrap_or_else(|_| {
        Err(AppError::internal(format!("the handler of {what} panicked")).into())
    })
}

/// The path of a request without the site's path prefix.
fn path_of<'a>(request: &'a RequestHead, reach: &Reach) -> &'a str {
    let path = request.uri.path();
    door::inside(reach.path(), path).unwrap_or(path)
}

fn unproxied(headers: &HeaderMap) -> AppResult<()> {
    let proxied = PROXIED.iter().any(|name| headers.contains_key(*name))
        || headers.keys().any(|name| name.as_str().starts_with("x-forwarded-"));
    match proxied {
        true => Err(AppError::Misdirected("open access does not work behind a proxy")),
        false => Ok(()),
    }
}

/// Returns the requested host, which must be a host name of the site.
fn for_this_site<'a>(request: &'a RequestHead, reach: &Reach) -> AppResult<Option<&'a str>> {
    let host = reach.host(request.peer_addr.map(|peer| peer.ip()), request.headers());
    // Monitoring may use any host name.
    if path_of(request, reach) == READY {
        return Ok(host);
    }
    let target = request.uri.authority().map(|authority| authority.as_str());
    let is_own = |authority| reach.answers_for(authority);
    match host.is_some_and(is_own) && target.is_none_or(is_own) {
        true => Ok(host),
        false if reach.hosts.is_empty() => {
            Err(AppError::Misdirected("this site only serves loopback host names"))
        }
        false => {
            static HINT: Hint = Hint::ungiven();
            let asked: String = host.or(target).unwrap_or("").chars().take(SHOWN).collect();
            HINT.give(format_args!(
                "refused a request for the host {asked:?}; the site is reached at {}. A proxy must \
                 pass on Host; --host adds a name",
                reach.hosts.join(", ")
            ));
            Err(AppError::Misdirected("this site has a different host name"))
        }
    }
}

/// Refuses to serve pages and lists as a picture or a script. A text could embed links to them, and
/// the browser of every reader would request each one.
fn for_a_reader(request: &RequestHead, path: &str) -> AppResult<()> {
    const READ: [&[u8]; 3] = [b"document", b"empty", b"websocket"];
    let fetched = request.headers().get("sec-fetch-dest").map(HeaderValue::as_bytes);
    let is_file = path.starts_with("/static/") || path.starts_with(upload::ROOT);
    // The page's content security policy limits who may frame it.
    let is_framed = path.starts_with("/embed/") && fetched == Some(b"iframe");
    if is_file || is_framed || fetched.is_none_or(|kind| READ.contains(&kind)) {
        return Ok(());
    }
    Err(AppError::Embedded)
}

fn from_this_site(headers: &HeaderMap, host: &str, reach: &Reach) -> AppResult<()> {
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
    let Ok(origin) = origin.to_str() else { return Err(REFUSED) };
    if reach.is_own(origin, host).unwrap_or_else(|| is_of_host(origin, host)) {
        return Ok(());
    }
    if let Some(public) = &reach.public
        && let Some((_, authority)) = origin.split_once("://")
        && reach.answers_for(authority)
    {
        static HINT: Hint = Hint::ungiven();
        let origin: String = origin.chars().take(SHOWN).collect();
        HINT.give(format_args!(
            "refused a page at {origin:?}; by --public-url the site is at {}",
            public.origin()
        ));
    }
    Err(REFUSED)
}

/// Returns whether an origin matches the host of a request.
fn is_of_host(origin: &str, host: &str) -> bool {
    origin.split_once("://").is_some_and(|(scheme, authority)| {
        let port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return false,
        };
        let short = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
        short(authority) == short(host)
    })
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
    async fn a_panicking_handler_answers_500_without_details() {
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
    async fn the_server_continues_after_a_panic() {
        let app = App::new().wrap(from_fn(catch_panic)).route("/", web::get().to(panics));
        let app = http::init_service(app.route("/fine", web::get().to(HttpResponse::Ok))).await;
        let request = http::TestRequest::get().uri("/").to_request();
        assert!(http::try_call_service(&app, request).await.is_err());
        let request = http::TestRequest::get().uri("/fine").to_request();
        assert!(http::call_service(&app, request).await.status().is_success());
    }

    #[test]
    fn another_sites_origin_is_refused() {
        let allowed = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
            from_this_site(&headers, host, &Reach::default()).is_ok()
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
        assert!(!allowed(&two), "the second counts too");
        assert!(!allowed(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&[host, ("sec-fetch-site", "same-site")]));
    }
}
