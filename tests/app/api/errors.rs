//! Malformed and forbidden requests: every error is JSON in one shape.

use actix_web::http::Method;
use actix_web::web::Bytes;
use serde_json::json;

use crate::support::{Answer, Raw, Site};

const JSON: (&str, &str) = ("content-type", "application/json");
const POST: &str = r#"{"title":"A title","body":"A body."}"#;

/// Sends a request with only these headers.
async fn raw(site: &Site, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    Raw::connect(site).await.request(method, path, headers, b"").await
}

#[actix_web::test]
async fn malformed_json_is_400() {
    let site = Site::start().await;
    for text in ["", "{", "{]", "nul", r#"{"title":"#, r#"{"title":"a",}"#, "{} {}", "\u{feff}{}"] {
        let answer =
            site.send(Method::POST, "/api/posts", &[JSON], text.as_bytes().to_vec().into());
        answer.await.error(400);
    }
    for text in [&b"{\"title\": \"\xff\xfe\"}"[..], b"\xed\xa0\x80", b"\0"] {
        site.post_text("/api/posts", text).await.error(400);
    }
    for text in ["[]", "null", "5", r#""text""#, "true"] {
        site.post_text("/api/posts", text).await.error(422);
    }
    site.stop().await;
}

#[actix_web::test]
async fn an_unknown_path_is_404() {
    let site = Site::start().await;
    for path in ["/api", "/api/", "/api/nothing", "/api/posts/1/2", "/API/posts", "/feed/x", "/%00"]
    {
        site.get(path).await.error(404);
        site.delete(path).await.error(404);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_disallowed_method_is_405_with_the_allowed_ones() {
    let site = Site::start().await;
    let paths = [
        ("/api/posts", "GET, HEAD, POST"),
        ("/api/posts/1", "GET, HEAD, PUT, PATCH, DELETE"),
        ("/api/posts/1/comments", "GET, HEAD, POST"),
        ("/api/comments", "GET, HEAD"),
        ("/api/comments/1", "PUT, PATCH, DELETE"),
        ("/api/notes", "GET, HEAD, POST"),
        ("/api/notes/1", "GET, HEAD, PUT, DELETE"),
        ("/feed", "GET, HEAD"),
        ("/posts/1/comments/ws", "GET, HEAD"),
        ("/notifications", "GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
    ];
    for (path, allowed) in paths {
        let allowed: Vec<&str> = allowed.split(", ").collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"] {
            if allowed.contains(&method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = site.send(method.clone(), path, &[JSON], "{}".into()).await;
            answer.error(405);
            let told: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
            assert_eq!(told, allowed, "{method} {path}");
        }
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_body_of_another_type_is_415() {
    let site = Site::start().await;
    for kind in [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "json",
        "",
    ] {
        for (method, path) in [
            (Method::POST, "/api/posts"),
            (Method::PUT, "/api/posts/1"),
            (Method::POST, "/api/notes"),
            (Method::PUT, "/api/comments/1"),
        ] {
            let answer = site.send(method, path, &[("content-type", kind)], POST.into()).await;
            answer.error(415);
        }
    }
    let bare = Raw::connect(&site).await;
    bare.request("POST", "/api/posts", &[], POST.as_bytes()).await.error(415);
    for kind in
        ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
    {
        let headers = [("content-type", kind)];
        let answer = site.send(Method::POST, "/api/posts", &headers, POST.into()).await;
        assert_eq!(answer.status, 201, "{kind}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_live_endpoint_without_an_upgrade_is_426() {
    let site = Site::start().await;
    site.new_post("With a socket").await;
    for path in ["/feed", "/notifications", "/posts/1/comments/ws"] {
        // Not through awc, which drops the body of a response that names an upgrade.
        let answer = raw(&site, "GET", path, &[]).await;
        answer.error(426);
        assert_eq!(answer.header("upgrade"), Some("websocket"));
    }
    site.stop().await;
}

#[actix_web::test]
async fn open_access_refuses_proxied_requests() {
    let site = Site::start().await;
    for (name, value) in [
        ("Forwarded", "for=192.0.2.1"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-Anything", ""),
        ("Via", "1.1 proxy"),
    ] {
        for path in ["/api/posts", "/feed", "/health/ready", "/nowhere"] {
            raw(&site, "GET", path, &[(name, value)]).await.error(421);
        }
        let headers = [(name, value), JSON];
        let request = Raw::connect(&site).await;
        request.request("POST", "/api/posts", &headers, POST.as_bytes()).await.error(421);
    }
    assert_eq!(site.get("/api/posts").await.json(200)["posts"], json!([]));
    site.stop().await;
}

#[actix_web::test]
async fn open_access_refuses_hosts_other_than_loopback() {
    let site = Site::start().await;
    for host in [
        "example.org",
        "localhost.example.org",
        "127.0.0.1.nip.io",
        "192.0.2.1",
        "0.0.0.0",
        "[::2]:80",
        "",
        "user@example.org",
    ] {
        raw(&site, "GET", "/api/posts", &[("Host", host)]).await.error(421);
        let ready = raw(&site, "GET", "/health/ready", &[("Host", host)]).await;
        assert_eq!(ready.status, 200, "a monitor may use the host {host}");
    }
    let twice = [("Host", "localhost"), ("Host", "example.org")];
    let twice = raw(&site, "GET", "/api/posts", &twice).await;
    assert!(matches!(twice.status, 400 | 421), "{twice:?}");
    let target = "http://example.org/api/posts";
    raw(&site, "GET", target, &[("Host", "localhost")]).await.error(421);
    for host in
        ["localhost", "LOCALHOST:99", "127.0.0.1:80", "127.1.2.3", "[::1]:8080", "a.localhost"]
    {
        let answer = raw(&site, "GET", "/api/posts", &[("Host", host)]).await;
        assert_eq!(answer.status, 200, "{host}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn another_sites_page_can_neither_write_nor_listen() {
    let site = Site::start().await;
    let own = format!("http://127.0.0.1:{}", site.port);
    let others = [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
        ("origin", "http://localhost"),
        ("origin", ""),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for header in others {
        for (method, path) in [
            (Method::POST, "/api/posts"),
            (Method::PUT, "/api/posts/1"),
            (Method::PATCH, "/api/posts/1"),
            (Method::DELETE, "/api/posts/1"),
            (Method::POST, "/api/notes"),
        ] {
            site.send(method, path, &[header, JSON], POST.into()).await.error(403);
        }
        for path in ["/feed", "/notifications", "/posts/1/comments/ws"] {
            let headers = [
                header,
                ("upgrade", "websocket"),
                ("connection", "upgrade"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ];
            raw(&site, "GET", path, &headers).await.error(403);
        }
        // Links from any site may lead here.
        let reading = site.send(Method::GET, "/api/posts", &[header], Bytes::new()).await;
        assert_eq!(reading.status, 200, "{header:?}");
    }
    let both = [("origin", own.as_str()), ("sec-fetch-site", "cross-site"), JSON];
    site.send(Method::POST, "/api/posts", &both, POST.into()).await.error(403);
    for header in
        [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")]
    {
        let answer = site.send(Method::POST, "/api/posts", &[header, JSON], POST.into()).await;
        assert_eq!(answer.status, 201, "{header:?}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_server_that_answers_is_ready() {
    let site = Site::start().await;
    assert_eq!(site.get("/health/ready").await.status, 200);
    site.stop().await;
}
