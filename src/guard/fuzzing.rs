//! A fuzz target for the headers by which a request of another site's page is known.

use actix_web::http::header::{self, HeaderName, HeaderValue};

use super::from_this_site;
use crate::reach::fuzzing::headers;
use crate::reach::{PublicUrl, Reach};

/// The headers of an unsafe request, for the host that `Host` names.
pub fn origin(bytes: &[u8]) {
    let public = PublicUrl::parse("https://a.example");
    let hosts = vec!["a.example".to_owned()];
    let named = Reach { public, hosts, ..Reach::default() };
    let mut headers = headers(bytes);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let host = host.to_owned();
    for reach in [&named, &Reach::default()] {
        if from_this_site(&headers, &host, reach).is_err() {
            continue;
        }
        let Some(origin) = headers.get(header::ORIGIN) else { continue };
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let (scheme, authority) = origin.split_once("://").unwrap_or_default();
        let is_named = !reach.hosts.is_empty();
        assert!(scheme == "https" || scheme == "http" && !is_named, "{origin} for {host}");
        let port = if scheme == "https" { ":443" } else { ":80" };
        let short = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
        let is_public = is_named && short(authority) == "a.example";
        assert!(is_public || short(authority) == short(&host), "{origin} for {host}");
    }
    let mut marked = headers.clone();
    marked
        .insert(HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("cross-site"));
    headers.append(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
    for reach in [&named, &Reach::default()] {
        assert!(from_this_site(&marked, &host, reach).is_err(), "the browser's word is ignored");
        let is_let_in = from_this_site(&headers, &host, reach).is_ok();
        let is_evil =
            host.to_ascii_lowercase().starts_with("evil.example") && reach.hosts.is_empty();
        assert!(!is_let_in || is_evil, "another site's page is let in for {host}");
    }
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn another_sites_page_writes_nothing() {
        let seeds: &[&[u8]] = &[
            b"Host: a.example\nOrigin: https://a.example\nSec-Fetch-Site: same-origin",
            b"Host: localhost:8080\nOrigin: http://localhost:8080",
            b"Host: a.example:443\nOrigin: https://A.example:443\nOrigin: null",
            b"\nSec-Fetch-Site: none",
            b"\nOrigin: http://a.example:80",
            b"\nOrigin: ://",
        ];
        drive("origin", origin, seeds);
    }
}
