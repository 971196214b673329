//! The hints that the log gives about a misconfigured proxy.

use std::net::SocketAddr;

use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::Raw;

/// Starts a server with these flags and the public URL blog.example.org.
fn start(home: &Home, flags: &[&str]) -> Server {
    let mut command = serve(home, "127.0.0.1:0");
    command.args(["--public-url", "https://blog.example.org"]).args(flags);
    Server::of(command)
}

async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let mut raw = Raw::connect_to(address).await;
    let named = headers.iter().any(|(name, _)| *name == "Host");
    let host = [("Host", "blog.example.org")];
    let headers = [headers, if named { &[] } else { &host[..] }].concat();
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    raw.send(format!("{head}\r\n").as_bytes()).await;
    raw.answer().await.unwrap().status
}

/// The warnings that contain these words.
fn hints(server: &Server, words: &str) -> Vec<String> {
    let log = server.log();
    log.into_iter().filter(|line| line.contains(words) && line.contains("WARN")).collect()
}

#[actix_web::test]
async fn a_proxy_misconfiguration_is_logged_once() {
    let home = Home::sqlite();
    let server = start(&home, &["--trusted-proxy", "10.0.0.7"]);
    let long = format!("{}.example", "x".repeat(200));
    for host in ["127.0.0.1:8080", "other.example", &long] {
        assert_eq!(ask(&server, "GET", "/", &[("Host", host)]).await, 421);
    }
    for _ in 0..3 {
        let plain = [("Origin", "http://blog.example.org")];
        assert_eq!(ask(&server, "POST", "/api/session", &plain).await, 403);
        // A request from another site's page is not a misconfiguration.
        let other = [("Origin", "https://evil.example")];
        assert_eq!(ask(&server, "POST", "/api/session", &other).await, 403);
        let forwarded = [("X-Forwarded-For", "203.0.113.5")];
        assert_eq!(ask(&server, "GET", "/api/posts", &forwarded).await, 200);
    }
    let refused = hints(&server, "pass on Host");
    assert!(refused[0].contains("\"127.0.0.1:8080\"") && refused[0].contains("blog.example.org"));
    assert_eq!(refused.len(), 1, "{refused:?}");
    let origin = hints(&server, "by --public-url the site is at");
    assert!(origin[0].contains("\"http://blog.example.org\""));
    assert_eq!(origin.len(), 1, "{origin:?}");
    assert_eq!(hints(&server, "pass its address to --trusted-proxy").len(), 1);
}

#[actix_web::test]
async fn a_correctly_configured_proxy_logs_no_hint() {
    let home = Home::sqlite();
    let server = start(&home, &[]);
    let headers = [("X-Forwarded-For", "203.0.113.5"), ("Origin", "https://blog.example.org")];
    assert_eq!(ask(&server, "GET", "/", &headers).await, 200);
    assert_eq!(ask(&server, "POST", "/api/session", &headers).await, 415);
    let warnings = hints(&server, "");
    assert!(warnings.iter().all(|line| !line.contains("kilonova::guard")), "{warnings:?}");
}
