//! Real nodes behind each proxy that has a configuration in `docs/proxies`, tested from outside
//! over TLS. Each test has its own proxy, nodes and PostgreSQL. A test is skipped if a program is
//! not installed, unless KILONOVA_TEST_REQUIRE has `proxies`, `postgres` and `openssl`.

mod browser;
mod killed;
mod nodes;
mod proxy;
mod site;
mod tls;
mod told;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};

use self::proxy::{HOST, Program};
use self::site::{Behind, GUESSES, JSON, NODES, ORIGIN, OWN, SOCKETS};
use crate::support::{Raw, within};

#[actix_web::test]
async fn the_site_is_whole_behind_caddy() {
    is_whole_behind(Program::Caddy).await;
}

#[actix_web::test]
async fn the_site_is_whole_behind_nginx() {
    is_whole_behind(Program::Nginx).await;
}

#[actix_web::test]
async fn the_site_is_whole_behind_haproxy() {
    is_whole_behind(Program::Haproxy).await;
}

async fn is_whole_behind(program: Program) {
    let Some(mut site) = Behind::start(program).await else { return };
    browsers_stay_with_https(&site).await;
    only_own_pages_write(&site).await;
    readers_hear_of_writes_on_every_node(&site).await;
    browser::a_browser_signs_in_writes_and_stays_live(&mut site).await;
    a_crowd_takes_no_node_away(&site).await;
    forged_addresses_are_ignored(&site).await;
    killed::nobody_misses_a_node(&mut site).await;
}

async fn browsers_stay_with_https(site: &Behind) {
    let (_, page) = site.ask("GET", "/", &[("Accept", "text/html")], "").await;
    assert_eq!(page.status, 200);
    let told = page.header("strict-transport-security").unwrap();
    assert!(told.contains("max-age=31536000"), "{told}");
    // Plain HTTP redirects to https.
    let plain = SocketAddr::from((Ipv4Addr::LOCALHOST, site.proxy.http));
    let raw = Raw::connect_to(plain).await;
    let sent_on = raw.request("GET", "/posts/1?a=b", &[("Host", HOST)], b"").await;
    assert!([301, 302, 308].contains(&sent_on.status), "{sent_on:?}");
    let to = sent_on.header("location").unwrap();
    assert!(to.starts_with(ORIGIN) && to.ends_with("/posts/1?a=b"), "{to}");
}

async fn only_own_pages_write(site: &Behind) {
    let post = json!({"title": "From outside", "body": "b"});
    let written = site.post(ORIGIN, &post).await;
    assert_eq!(written.json(201)["author"], "ada");
    // The tag is that of the response to the client, not of the one that the proxy got.
    let tag = written.header("etag").unwrap();
    let own = [("If-None-Match", tag), ("Cookie", &site.cookie)];
    assert_eq!(site.ask("GET", "/api/posts/1", &own, "").await.1.status, 304, "{tag}");
    assert!(!tag.contains("gzip"), "{tag}");
    for origin in ["https://evil.example", "http://blog.example.org", "null"] {
        assert_eq!(site.post(origin, &post).await.status, 403, "{origin}");
        assert_eq!(site.upgrade("/feed", origin).await.1, 403, "{origin}");
    }
    // The largest body that the nodes accept: a million characters, six bytes of JSON each.
    let large = format!(r#"{{"title":"Large","body":"{}"}}"#, r"\u0062".repeat(1_000_000));
    let headers = [JSON, OWN, ("Cookie", site.cookie.as_str())];
    assert_eq!(site.ask("POST", "/api/posts", &headers, &large).await.1.status, 201);
}

/// Events arrive at once through WebSockets and streams, whichever node wrote them.
async fn readers_hear_of_writes_on_every_node(site: &Behind) {
    let (mut socket, status) = site.upgrade("/feed?channels=posts", ORIGIN).await;
    assert_eq!(status, 101);
    let stream = ("Accept", "text/event-stream");
    let (mut stream, answer) = site.ask("GET", "/feed?channels=posts", &[stream], "").await;
    assert_eq!(answer.status, 200);
    for node in site.nodes.there() {
        let post = json!({"title": format!("Written on {node}"), "body": "b"});
        let written = site.nodes.ask(node, "POST", "/api/posts", &site.cookie, &post).await;
        let written = written.json(201);
        // Events of earlier writes may still arrive.
        let is_told = |frame: &[u8]| {
            let frame: Value = serde_json::from_slice(frame).unwrap_or_default();
            frame["data"] == written
        };
        while !is_told(&socket.frame().await.expect("the socket goes on").payload) {}
        loop {
            let block = stream.block().await.expect("the stream goes on");
            let data = block.lines().find_map(|line| line.strip_prefix("data: "));
            if data.is_some_and(|data| is_told(data.as_bytes())) {
                break;
            }
        }
    }
}

/// Nodes without room for more sockets still serve everything else.
async fn a_crowd_takes_no_node_away(site: &Behind) {
    let members = async || {
        let mut members = Vec::new();
        for node in site.nodes.there() {
            members.push(site.members(node, "posts").await);
        }
        members
    };
    let before = members().await;
    let (mut open, mut refused) = (Vec::new(), 0);
    while refused < 6 {
        let (raw, status) = site.upgrade("/feed", ORIGIN).await;
        match status {
            101 => open.push(raw),
            503 => refused += 1,
            other => panic!("{other} for a socket too many\n{}", site.proxy.log()),
        }
        assert!(open.len() <= NODES * SOCKETS);
        assert_eq!(site.get("/api/posts").await.status, 200, "{}", site.proxy.log());
    }
    drop(open);
    let gone = async {
        while members().await.iter().zip(&before).any(|(now, before)| now > before) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the nodes notice that the crowd has gone", gone).await;
}

/// A guess counts for the client that makes it, whatever address it claims.
async fn forged_addresses_are_ignored(site: &Behind) {
    for number in 0.. {
        let address = format!("10.9.{number}.1");
        let element = format!("for={address};host=evil.example");
        let forged = [
            JSON,
            ("X-Forwarded-For", address.as_str()),
            ("X-Real-IP", &address),
            ("Forwarded", &element),
            ("X-Forwarded-Host", "evil.example"),
        ];
        let guess = json!({"username": format!("nobody{number}"), "password": "a wrong one"});
        let (_, answer) = site.ask("POST", "/api/session", &forged, &guess.to_string()).await;
        if answer.status == 429 {
            return assert!(number >= GUESSES, "after {number} guesses");
        }
        // Not 421: the requested host also comes from the proxy.
        assert_eq!(answer.status, 401);
        // On a slow machine a few guesses are forgotten in between.
        assert!(number < NODES * GUESSES + 4, "all {number} forged addresses were believed");
    }
}
