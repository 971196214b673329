//! The way in and out, around everything else: the path that the site has in front of all of its
//! own, and what pages of other sites are told. Which requests are let in is `guard`'s.

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

/// What other sites' pages may read of a response beside what they always may.
const EXPOSED: &str = "last-event-id, log-id, etag";

/// What they may say in a request.
const ALLOWED: &str = "last-event-id, if-none-match, accept";

/// Takes the site's path from a request, and adds it where a response leads to. Tells the pages of
/// other sites that they may read, where they may.
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
        // What comes depends on who asks.
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

/// The same without the site's path; `None` when it has none or is not below it: a proxy may have
/// taken it away.
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

/// The rest of a path below the site's own; `None` when it is not below it.
pub fn inside<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    if prefix.is_empty() {
        return None;
    }
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A response that leads to a path of this site leads to it below the site's path.
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
    fn the_sites_path_is_taken_from_what_is_below_it() {
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
    fn a_response_leads_below_the_sites_path() {
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
