use actix_web::http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_str(value).expect("a value");
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

fn reach(trusted: &[&str]) -> Reach {
    let trusted = trusted.iter().map(|network| network.parse().expect("a network"));
    Reach {
        public: PublicUrl::parse("https://blog.example.org"),
        hosts: vec!["blog.example.org".to_owned(), "www.example.org".to_owned()],
        trusted: trusted.collect(),
        allowed_origins: vec!["https://other.example".to_owned()],
    }
}

fn client(reach: &Reach, peer: &str, fields: &[(&'static str, &str)]) -> String {
    reach.client(peer.parse().expect("an address"), &headers(fields)).to_string()
}

#[test]
fn the_client_is_the_last_one_that_a_trusted_proxy_names() {
    let reach = reach(&["127.0.0.0/8", "::1/128", "10.0.0.0/24", "fd00::/8"]);
    const FOR: &str = "x-forwarded-for";
    for (peer, list, expected) in [
        ("127.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("::1", "203.0.113.5", "203.0.113.5"),
        ("::ffff:127.0.0.1", "203.0.113.5", "203.0.113.5"),
        // The addresses to the left are the client's own claim.
        ("127.0.0.1", "1.1.1.1, 203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "127.0.0.1,203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "garbage, 203.0.113.5", "203.0.113.5"),
        // Several trusted proxies, one behind the other.
        ("127.0.0.1", "1.1.1.1, 203.0.113.5, 10.0.0.7, 10.0.0.8", "203.0.113.5"),
        ("10.0.0.7", "203.0.113.5:4711", "203.0.113.5"),
        ("10.0.0.7", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.7", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.7", "[2001:db8::7]", "2001:db8::7"),
        // Only proxies, or an address that cannot be parsed.
        ("127.0.0.1", "10.0.0.9", "10.0.0.9"),
        ("10.0.0.7", "203.0.113.5, unknown", "10.0.0.7"),
        ("10.0.0.7", "203.0.113.5, _hidden, 10.0.0.8", "10.0.0.8"),
        ("10.0.0.7", "", "10.0.0.7"),
        // A proxy cannot make a client exempt from limits, as loopback is.
        ("127.0.0.1", "127.0.0.1", "0.0.0.0"),
        ("127.0.0.1", "", "0.0.0.0"),
        // Headers of a peer that is not trusted are ignored.
        ("203.0.113.9", "127.0.0.1", "203.0.113.9"),
        ("10.0.1.7", "203.0.113.5", "10.0.1.7"),
    ] {
        assert_eq!(client(&reach, peer, &[(FOR, list)]), expected, "{peer}: {list}");
    }
    // The list in several headers, and the standard's `Forwarded`.
    let several = [(FOR, "1.1.1.1"), (FOR, "203.0.113.5")];
    assert_eq!(client(&reach, "127.0.0.1", &several), "203.0.113.5");
    for (value, expected) in [
        ("for=203.0.113.5", "203.0.113.5"),
        ("For=\"[2001:db8::7]:4711\";proto=https, for=10.0.0.8", "2001:db8::7"),
        ("proto=https;by=10.0.0.8;for=203.0.113.5:80", "203.0.113.5"),
        ("for=unknown", "0.0.0.0"),
        ("proto=https", "0.0.0.0"),
    ] {
        assert_eq!(client(&reach, "127.0.0.1", &[("forwarded", value)]), expected, "{value}");
    }
    let both = [("forwarded", "for=1.1.1.1"), (FOR, "203.0.113.5")];
    assert_eq!(client(&reach, "127.0.0.1", &both), "203.0.113.5");
}

#[test]
fn bytes_that_are_not_text_do_not_hide_a_later_hop() {
    let reach = reach(&["127.0.0.0/8"]);
    let peer = "127.0.0.1".parse().expect("an address");
    for (name, list) in [
        ("x-forwarded-for", &b"\xff, 203.0.113.5"[..]),
        ("x-forwarded-for", b"J\xf6rg,203.0.113.5"),
        ("forwarded", b"for=\xff, for=203.0.113.5"),
    ] {
        let mut headers = HeaderMap::new();
        let list = HeaderValue::from_bytes(list).expect("a header's value");
        headers.append(HeaderName::from_static(name), list);
        assert_eq!(reach.client(peer, &headers).to_string(), "203.0.113.5", "{headers:?}");
    }
}

#[test]
fn brackets_have_an_address_in_them() {
    assert_eq!(host_of("[2001:db8::1]:80"), Some("2001:db8::1"));
    for wrong in ["[localhost]", "[blog.example.org]:80", "[127.0.0.1]", "[]", "[:]", "[::1"] {
        assert_eq!(host_of(wrong), None, "{wrong}");
        assert!(!is_loopback(wrong) && !reach(&[]).answers_for(wrong), "{wrong}");
    }
}

#[test]
fn a_public_url_may_end_its_host_in_a_dot() {
    let public = PublicUrl::parse("https://Blog.example.org.:8443").expect("a URL");
    assert_eq!(public.host, "blog.example.org");
    let hosts = vec![public.host.clone()];
    let reach = Reach { public: Some(public), hosts, ..Reach::default() };
    for host in ["blog.example.org.:8443", "blog.example.org:8443"] {
        assert!(reach.answers_for(host), "{host}");
    }
    assert_eq!(PublicUrl::parse("https://./"), None);
}

#[test]
fn connections_from_proxies_are_not_counted_and_from_loopback_are() {
    let reach = reach(&["10.0.0.0/24"]);
    let counted = |peer: &str| {
        reach.counted(peer.parse().expect("an address")).map(|address| address.to_string())
    };
    assert_eq!(counted("10.0.0.7"), None);
    assert_eq!(counted("::ffff:10.0.0.7"), None);
    assert_eq!(counted("127.0.0.1").as_deref(), Some("0.0.0.0"));
    assert_eq!(counted("203.0.113.9").as_deref(), Some("203.0.113.9"));
}

#[test]
fn the_site_answers_only_for_its_own_names() {
    let reach = reach(&["127.0.0.1/32"]);
    for host in
        ["blog.example.org", "BLOG.example.org:8443", "www.example.org", "blog.example.org."]
    {
        assert!(reach.answers_for(host), "{host}");
    }
    for host in [
        "example.org",
        "blog.example.org.evil.example",
        "localhost",
        "127.0.0.1",
        "",
        "x@blog.example.org",
        "blog.example.org:x",
        "evil.example/blog.example.org",
    ] {
        assert!(!reach.answers_for(host), "{host}");
    }
    let told = [("host", "127.0.0.1:8080"), ("x-forwarded-host", "evil.example, blog.example.org")];
    let peer = |text: &str| Some(text.parse().expect("an address"));
    assert_eq!(reach.host(peer("127.0.0.1"), &headers(&told)), Some("blog.example.org"));
    assert_eq!(reach.host(peer("203.0.113.9"), &headers(&told)), Some("127.0.0.1:8080"));
    assert_eq!(reach.host(None, &headers(&told)), Some("127.0.0.1:8080"));
    let lines = [("x-forwarded-host", "blog.example.org"), ("x-forwarded-host", "evil.example")];
    assert_eq!(reach.host(peer("127.0.0.1"), &headers(&lines)), Some("evil.example"));
    let two = [("host", "blog.example.org"), ("host", "evil.example")];
    assert_eq!(reach.host(peer("127.0.0.1"), &headers(&two)), None);
}

#[test]
fn an_origin_is_the_sites_own_by_name_and_scheme() {
    let known = reach(&[]);
    let own = |origin: &str, host: &str| known.is_own(origin, host) == Some(true);
    for (origin, host) in [
        ("https://blog.example.org", "blog.example.org"),
        ("https://blog.example.org:443", "127.0.0.1:8080"),
        ("https://BLOG.example.org", "127.0.0.1:8080"),
        ("https://www.example.org", "www.example.org"),
        ("https://blog.example.org:8443", "blog.example.org:8443"),
    ] {
        assert!(own(origin, host), "{origin} {host}");
    }
    for (origin, host) in [
        ("http://blog.example.org", "blog.example.org"),
        ("https://evil.example", "evil.example"),
        ("null", "blog.example.org"),
        ("", ""),
        ("file://blog.example.org", "blog.example.org"),
        ("https://blog.example.org.evil.example", "blog.example.org"),
        ("https://x@blog.example.org", "blog.example.org"),
        // Other applications on the same host.
        ("https://blog.example.org:8443", "blog.example.org"),
        ("https://blog.example.org:5000", "blog.example.org:8443"),
        ("https://www.example.org:5000", "www.example.org"),
    ] {
        assert!(!own(origin, host), "{origin} {host}");
    }
    assert!(known.allows("https://other.example"));
    for other in ["https://other.example/", "http://other.example", "https://OTHER.example", "null"]
    {
        assert!(!known.allows(other), "{other}");
    }
    assert_eq!(Reach::default().is_own("http://localhost", "localhost"), None);
}

#[test]
fn a_public_url_has_a_scheme_a_host_and_an_optional_path() {
    let url = PublicUrl::parse("https://Blog.example.org:8443/a/blog/").expect("a URL");
    assert_eq!((url.is_https, url.path.as_str()), (true, "/a/blog"));
    assert_eq!(url.origin(), "https://blog.example.org:8443");
    assert_eq!(url.host, "blog.example.org");
    let plain = PublicUrl::parse("http://example.org").expect("a URL");
    assert_eq!((plain.path.as_str(), plain.origin().as_str()), ("", "http://example.org"));
    for wrong in [
        "",
        "example.org",
        "/blog",
        "ftp://example.org",
        "https://",
        "https://a@example.org",
        "https://example.org?a=b",
        "https://example.org/#a",
        "https://example.org/a b",
        "https://example.org/a//b",
        "https://example.org/../a",
        "https://example.org/a%20b",
        "https://example.org/\"",
        "https://ex ample.org",
    ] {
        assert_eq!(PublicUrl::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn loopback_hosts_are_recognised() {
    for host in
        ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.8.9.1:80", "[::1]:8080", "a.localhost"]
    {
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

proptest! {
    #[test]
    fn no_header_makes_a_stranger_someone_else(value in "\\PC{0,60}", peer: [u8; 4]) {
        let reach = reach(&["10.0.0.0/8"]);
        let peer = IpAddr::from(peer);
        prop_assume!(!reach.trusts(peer) && !peer.is_loopback());
        if let Ok(value) = HeaderValue::from_str(&value) {
            let mut headers = HeaderMap::new();
            for name in ["x-forwarded-for", "forwarded"] {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
            prop_assert_eq!(reach.client(peer, &headers), peer);
        }
    }

    #[test]
    fn no_header_from_a_proxy_panics(value: Vec<u8>) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut headers = HeaderMap::new();
            for name in ["x-forwarded-for", "forwarded", "x-forwarded-host", "host"] {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
            let (reach, peer) = (reach(&["127.0.0.0/8"]), IpAddr::from([127, 0, 0, 1]));
            reach.client(peer, &headers);
            reach.host(Some(peer), &headers);
        }
    }
}
