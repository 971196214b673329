//! Fuzz targets for names and addresses: the headers that proxies add, authorities, the public URL.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::Authority;

use super::{PublicUrl, Reach, host_of, is_loopback};

/// The headers on these lines. Lines that are not valid HTTP are skipped.
pub(crate) fn headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The headers of a request through a proxy: only the part that the proxy adds decides.
pub fn forwarded(bytes: &[u8]) {
    let client = IpAddr::from([203, 0, 113, 9]);
    let [proxy, second, stranger] =
        [[10, 0, 0, 1], [10, 0, 0, 2], [192, 0, 2, 1]].map(IpAddr::from);
    let trusted = ["10.0.0.0/8"].iter().filter_map(|network| network.parse().ok()).collect();
    let reach = Reach { trusted, ..Reach::default() };
    let headers = headers(bytes);
    assert_eq!(reach.client(stranger, &headers), stranger, "a stranger speaks for another");
    assert_eq!(reach.host(Some(stranger), &headers), reach.host(None, &headers));
    let told = reach.client(proxy, &headers);
    assert!(!told.is_loopback() && told == told.to_canonical(), "{told} is counted");
    for (name, hops) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-for", "203.0.113.9:80, 10.0.0.2"),
        ("x-forwarded-for", "::ffff:203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("forwarded", "proto=https;For=\"203.0.113.9:80\", for=10.0.0.2"),
    ] {
        if name == "forwarded" && headers.contains_key("x-forwarded-for") {
            continue;
        }
        for headers in [added(&headers, name, hops), joined(&headers, name, hops)] {
            assert_eq!(reach.client(proxy, &headers), client, "{headers:?}");
            assert_eq!(reach.client(second, &headers), client, "{headers:?}");
        }
    }
    for headers in [
        added(&headers, "x-forwarded-host", "a.example"),
        joined(&headers, "x-forwarded-host", "a.example"),
    ] {
        assert_eq!(reach.host(Some(proxy), &headers), Some("a.example"), "{headers:?}");
    }
}

/// A proxy adds a header.
fn added(headers: &HeaderMap, name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    headers
}

/// A proxy adds to the last header of that name.
fn joined(headers: &HeaderMap, name: &'static str, value: &'static str) -> HeaderMap {
    let mut values: Vec<_> = headers.get_all(name).cloned().collect();
    let Some(last) = values.pop() else { return added(headers, name, value) };
    let last = [last.as_bytes(), b", ", value.as_bytes()].concat();
    values.extend(HeaderValue::from_bytes(&last));
    let mut headers = headers.clone();
    headers.remove(name);
    values.into_iter().for_each(|it| headers.append(HeaderName::from_static(name), it));
    headers
}

/// A host with an optional port, as in `Host`.
pub fn authority(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let host = host_of(text);
    if let (Some(host), Ok(known)) = (host, text.parse::<Authority>()) {
        assert_eq!(host, known.host().trim_matches(['[', ']']), "another host than others read");
    }
    let is_address = |host: &str| host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if is_loopback(text) {
        let host = host.unwrap_or_default().to_lowercase();
        let name = host.trim_end_matches('.');
        assert!(is_address(&host) || name.rsplit('.').next() == Some("localhost"), "{text}");
    }
    let reach = Reach { hosts: vec!["a.example".to_owned()], ..Reach::default() };
    if reach.answers_for(text) {
        assert!(text.to_lowercase().starts_with("a.example"), "{text}");
    }
    assert!(!reach.trusts(Ipv4Addr::LOCALHOST.into()));
}

/// The public URL, or an allowed origin.
pub fn public_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(url) = PublicUrl::parse(text) else { return };
    assert!(url.path.is_empty() || url.path.starts_with('/') && !url.path.ends_with('/'));
    assert_eq!(PublicUrl::parse(&format!("{}{}", url.origin(), url.path)), Some(url.clone()));
    let hosts = vec![url.host.clone()];
    let (origin, authority) = (url.origin(), url.authority.clone());
    let reach = Reach { public: Some(url), hosts, ..Reach::default() };
    assert!(reach.answers_for(&authority), "the site does not answer for its own URL");
    assert_eq!(reach.is_own(&origin, &authority), Some(true), "{origin} is not the site's own");
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_client_is_the_one_that_the_last_trusted_proxy_names() {
        let seeds: &[&[u8]] = &[
            b"Host: a.example\nX-Forwarded-For: 198.51.100.1, 203.0.113.5:4711, [2001:db8::1]:80",
            b"Forwarded: for=198.51.100.1;proto=https;by=10.0.0.1, For=\"[2001:db8::1]:80\"",
            b"Forwarded: for=unknown, for=_hidden;host=\"a.example, b\"",
            b"X-Forwarded-Host: b.example, c.example\nHost: a.example\nHost: b",
            b"x-forwarded-for:",
            b"forwarded:for=",
            b"\nX-Forwarded-For: \xff",
            b"127.0.0.1",
            b"10.0.0.2",
            b"::ffff:127.0.0.1",
        ];
        drive("forwarded", forwarded, seeds);
    }

    #[test]
    fn an_authority_has_the_host_that_others_read() {
        let seeds: &[&[u8]] = &[
            b"localhost:8080",
            b"A.example.",
            b"[A.example]:8080",
            b"a.example:80",
            b"[::1]:8080",
            b"127.0.0.1",
            b"user@a.example",
            b".localhost",
        ];
        drive("authority", authority, seeds);
    }

    #[test]
    fn a_site_answers_for_its_public_url() {
        let seeds: &[&[u8]] = &[
            b"https://a.example",
            b"http://A.example:8080/blog/",
            b"https://[2001:db8::1]/a/b",
            b"HTTPS://localhost./",
            b"//",
            b"/..",
            b"#",
            b"?",
            b"@",
        ];
        drive("public_url", public_url, seeds);
    }
}
