//! The path prefix of the site, and the CORS headers for pages of other sites. This middleware
//! wraps `guard`, which decides which requests are admitted.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpResponse, body::EitherBody};

use crate::compression;
use crate::state::State;

/// The response headers that pages of other sites may read in addition to the CORS-safelisted ones.
const EXPOSED: &str = "last-event-id, log-id, etag";

/// The request headers that pages of other sites may send.
const ALLOWED: &str = "last-event-id, if-none-match, accept";

/// Removes the site's path prefix from a request, and adds it to redirects. Adds CORS headers for
/// pages of other sites that may read.
pub async fn pass<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let state = request.app_data::<Data<State>>().cloned();
    let Some(state) = state else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let reach = &state.config.reach;
    if let Some(inner) = without(reach.path(), request.uri()) {
        request.match_info_mut().get_mut().update(&inner);
        request.head_mut().uri = inner;
    }
    let is_api = request.path().starts_with("/api/");
    let origin = request.headers().get(header::ORIGIN).cloned();
    let reader = origin.filter(|origin| origin.to_str().is_ok_and(|origin| reach.allows(origin)));
    let mut response = match &reader {
        Some(_) if is_preflight(&request) => {
            let told = HttpResponse::NoContent()
                .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"))
                .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED))
                .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
                .finish();
            request.into_response(told).map_into_right_body()
        }
        _ => next.call(request).await?.map_into_left_body(),
    };
    let headers = response.headers_mut();
    lead(headers, reach.path());
    if is_api {
        // The response depends on the client.
        if !headers.contains_key(header::CACHE_CONTROL) {
            let kept = HeaderValue::from_static("private, no-cache");
            headers.insert(header::CACHE_CONTROL, kept);
        }
        compression::add(headers, header::VARY, "cookie");
        compression::add(headers, header::VARY, "authorization");
    }
    if let Some(origin) = reader {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    if !reach.allowed_origins.is_empty() {
        compression::add(headers, header::VARY, "origin");
    }
    if reach.is_https() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    Ok(response)
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Removes the site's path prefix from a URI. Returns `None` if the site has none, or if the URI is
/// not below it because a proxy may have stripped it.
fn without(prefix: &str, uri: &Uri) -> Option<Uri> {
    let inner = inside(prefix, uri.path())?;
    let inner = if inner.is_empty() { "/" } else { inner };
    let target = match uri.query() {
        Some(query) => format!("{inner}?{query}"),
        None => inner.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

/// Returns the rest of a path below the site's prefix; `None` if the path is not below it.
pub fn inside<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    if prefix.is_empty() {
        return None;
    }
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Adds the site's path prefix to a redirect within the site.
fn lead(headers: &mut HeaderMap, prefix: &str) {
    if prefix.is_empty() {
        return;
    }
    let Some(location) = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()) else {
        return;
    };
    if location.starts_with('/')
        && let Ok(location) = HeaderValue::from_str(&format!("{prefix}{location}"))
    {
        headers.insert(header::LOCATION, location);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sites_path_is_removed_from_requests() {
        let taken = |prefix: &str, target: &str| {
            let uri: Uri = target.parse().expect("a target");
            without(prefix, &uri).map(|uri| uri.to_string())
        };
        assert_eq!(taken("/blog", "/blog/posts/1?a=b").as_deref(), Some("/posts/1?a=b"));
        assert_eq!(taken("/blog", "/blog").as_deref(), Some("/"));
        assert_eq!(taken("/blog", "/blog/").as_deref(), Some("/"));
        assert_eq!(taken("/blog", "/blog?a=b").as_deref(), Some("/?a=b"));
        assert_eq!(taken("/blog", "//blog/"), None);
        assert_eq!(taken("/blog", "/blogs"), None);
        assert_eq!(taken("/blog", "/posts/1"), None);
        assert_eq!(taken("", "/posts/1"), None);
        let absolute = taken("/blog", "http://a.example/blog/feed");
        assert_eq!(absolute.as_deref(), Some("http://a.example/feed"));
    }

    #[test]
    fn redirects_get_the_sites_path() {
        let led = |prefix: &str, location: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::LOCATION, HeaderValue::from_static(location));
            lead(&mut headers, prefix);
            headers.get(header::LOCATION).and_then(|it| it.to_str().ok()).map(ToOwned::to_owned)
        };
        assert_eq!(led("/blog", "/posts/1").as_deref(), Some("/blog/posts/1"));
        assert_eq!(led("", "/posts/1").as_deref(), Some("/posts/1"));
        assert_eq!(led("/blog", "https://a.example/").as_deref(), Some("https://a.example/"));
    }
}
