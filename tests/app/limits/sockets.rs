//! Limits on sockets: in total, per address, per second, and on their channels.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use kilonova::config::Config;

use super::{HOST, own_address};
use crate::support::{Answer, Raw, Site, within};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const SOCKET: &[(&str, &str)] = &[
    HOST,
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

const STREAM: &[(&str, &str)] = &[HOST, ("Accept", "text/event-stream")];

/// Requests a socket or a stream. Returns the connection, to be kept, and the response.
async fn ask(site: &Site, from: IpAddr, path: &str, headers: &[(&str, &str)]) -> (Raw, Answer) {
    let mut raw = Raw::connect_to((from, site.port).into()).await;
    let answer = raw.ask("GET", path, headers, b"").await;
    (raw, answer)
}

/// Opens a socket or a stream, which must succeed.
async fn opened(site: &Site, from: IpAddr, headers: &[(&str, &str)]) -> Raw {
    let (raw, answer) = ask(site, from, "/feed", headers).await;
    assert!([101, 200].contains(&answer.status), "{}", answer.status);
    raw
}

/// Checks a refusal: an API error with a Retry-After, and a closed connection, which would
/// otherwise use a slot.
async fn assert_refused((mut raw, answer): (Raw, Answer), status: u16, words: &str) {
    assert!(answer.error(status).contains(words), "{answer:?}");
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    raw.hung_up().await;
}

/// A site with frequent pings, because it notices an abandoned stream only when it writes.
async fn site(change: impl FnOnce(&mut Config)) -> Site {
    Site::start_with(|config| {
        config.heartbeat.ping = Duration::from_millis(100);
        change(config);
    })
    .await
}

/// Waits until there are this many sockets, from this many addresses.
async fn counted(site: &Site, sockets: usize, addresses: usize) {
    let counted = async {
        while (site.sockets().open(), site.sockets().addresses()) != (sockets, addresses) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the sockets are counted", counted).await;
}

#[actix_web::test]
async fn one_address_cannot_use_up_the_sockets() {
    let Some(own) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let site = site(|config| {
        config.bind = ([0, 0, 0, 0], 0).into();
        config.max_sockets_per_address = 2;
    })
    .await;
    let socket = opened(&site, own, SOCKET).await;
    let mut stream = opened(&site, own, STREAM).await;
    for headers in [SOCKET, STREAM] {
        assert_refused(ask(&site, own, "/feed", headers).await, 429, "from this address").await;
    }
    // The address may send other requests, and others may open sockets, loopback any number.
    ask(&site, own, "/api/posts", &[HOST]).await.1.json(200);
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(opened(&site, LOOPBACK, SOCKET).await);
    }
    site.new_post("To all readers").await;
    within("the event", stream.read_until("To all readers")).await;
    counted(&site, 7, 1).await;

    drop(socket);
    counted(&site, 6, 1).await;
    let again = opened(&site, own, STREAM).await;
    assert_refused(ask(&site, own, "/feed", SOCKET).await, 429, "from this address").await;
    drop((stream, again));
    counted(&site, 5, 0).await;
    drop(others);
    counted(&site, 0, 0).await;
    site.stop().await;
}

#[actix_web::test]
async fn streams_are_counted_as_sockets() {
    let site = site(|config| config.max_sockets = 2).await;
    let open = [opened(&site, LOOPBACK, STREAM).await, opened(&site, LOOPBACK, SOCKET).await];
    for headers in [SOCKET, STREAM] {
        assert_refused(ask(&site, LOOPBACK, "/feed", headers).await, 503, "too many sockets").await;
    }
    let mut raw = Raw::connect(&site).await;
    raw.send(b"HEAD /feed HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n").await;
    assert!(raw.read_until("\r\n\r\n").await.starts_with("HTTP/1.1 503 "));
    assert_eq!(site.sockets().open(), 2);
    drop(open);
    counted(&site, 0, 0).await;
    drop(opened(&site, LOOPBACK, STREAM).await);
    counted(&site, 0, 0).await;
    site.stop().await;
}

#[actix_web::test]
async fn a_storm_of_handshakes_is_rate_limited() {
    let site = site(|config| config.max_handshakes = 1).await;
    // One handshake at once and one more a second: on a busy machine this loop may take seconds.
    let started = Instant::now();
    let mut open = Vec::new();
    let refused = loop {
        let (raw, answer) = ask(&site, LOOPBACK, "/feed", SOCKET).await;
        if answer.status == 503 {
            break (raw, answer);
        }
        open.push(raw);
        let most = 1.0 + started.elapsed().as_secs_f32();
        assert!(open.len() as f32 <= most, "{} are open", open.len());
    };
    assert!(!open.is_empty());
    assert_refused(refused, 503, "at once").await;
    // A stream is refused too, unless another second has passed.
    let mut streams = Vec::new();
    while streams.len() < 5 {
        let knock = ask(&site, LOOPBACK, "/feed", STREAM).await;
        if knock.1.status == 503 {
            assert_refused(knock, 503, "at once").await;
            break;
        }
        streams.push(knock.0);
    }
    assert!(streams.len() < 5);
    // Open sockets are unaffected, and refused ones have left nothing behind.
    site.new_post("Undisturbed").await;
    for raw in &mut open {
        loop {
            let frame = raw.frame().await.expect("the event");
            if String::from_utf8_lossy(&frame.payload).contains("Undisturbed") {
                break;
            }
        }
    }
    assert_eq!(site.sockets().open(), open.len() + streams.len());
    site.socket_in_time("/feed").await.close().await;
    drop((open, streams));
    counted(&site, 0, 0).await;
    site.stop().await;
}

#[actix_web::test]
async fn a_refused_page_says_when_to_retry() {
    let site = site(|config| config.max_sockets = 1).await;
    let _open = opened(&site, LOOPBACK, SOCKET).await;
    let headers = [SOCKET, &[("Accept", "text/html")]].concat();
    let (mut raw, answer) = ask(&site, LOOPBACK, "/feed", &headers).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(page.contains("Too many sockets"), "{page}");
    raw.hung_up().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_feed_with_too_many_channels_is_refused() {
    let site = Site::start_with(|config| config.max_channels_per_socket = 2).await;
    for chosen in ["posts", "posts,notes", "posts,notes,posts,notes"] {
        site.socket(&format!("/feed?channels={chosen}")).await.close().await;
    }
    for path in ["/feed?channels=posts,notes,comments", "/feed?channels=posts,notes,posts,system"] {
        for headers in [SOCKET, STREAM] {
            let (_, answer) = ask(&site, LOOPBACK, path, headers).await;
            assert_eq!(answer.error(422), "channels is invalid");
        }
    }
    counted(&site, 0, 0).await;
    site.stop().await;

    let channels = |count| (1..=count).map(|id| format!("post_comments_{id}")).collect::<Vec<_>>();
    let path = |count| format!("/feed?channels={}", channels(count).join(","));
    let site = Site::start().await;
    for n in 1..=32 {
        site.new_post(&format!("Post {n}")).await;
    }
    site.socket(&path(32)).await.close().await;
    site.refused(&path(33)).await.error(422);
    site.stop().await;
}

#[actix_web::test]
async fn the_channels_of_all_sockets_are_limited() {
    let site = Site::start().await;
    for n in 1..=30 {
        site.new_post(&format!("Post {n}")).await;
    }
    let site = Site::start_in(site.stop_keeping_data().await, |config| config.max_channels = 12);
    let site = site.await;
    let path = |from: usize| {
        let channels: Vec<_> = (from..from + 10).map(|id| format!("post_comments_{id}")).collect();
        format!("/feed?channels={}", channels.join(","))
    };
    let mut open = Vec::new();
    let refused = loop {
        let (raw, answer) = ask(&site, LOOPBACK, &path(open.len() * 10 + 1), SOCKET).await;
        if answer.status != 101 {
            break answer;
        }
        open.push(raw);
        assert!(open.len() < 2);
    };
    assert!(refused.header("retry-after").is_some());
    refused.error(503);
    // Existing channels can be joined, and channels that end make room.
    assert!(!open.is_empty());
    let (again, answer) = ask(&site, LOOPBACK, &path(1), STREAM).await;
    assert_eq!(answer.status, 200);
    drop((again, open));
    let room = async { while ask(&site, LOOPBACK, &path(11), SOCKET).await.1.status != 101 {} };
    within("there is room again", room).await;
    site.stop().await;
}

#[actix_web::test]
async fn the_channel_limit_does_not_affect_the_servers_own_channels() {
    let site = Site::start_with(|config| config.max_channels = 1).await;
    let id = site.new_post("Indexed all the same").await["id"].as_i64().unwrap();
    let found = async {
        while site.get("/api/search?q=indexed").await.json(200)["hits"][0]["id"] != id {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("the post is found", found).await;
    site.socket(&format!("/feed?channels=post_comments_{id}")).await.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn open_connections_are_limited() {
    let site = Site::start_with(|config| config.max_connections = 3).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let (raw, answer) = ask(&site, LOOPBACK, "/api/posts", &[HOST]).await;
        answer.json(200);
        open.push(raw);
    }
    // A further connection is refused at once, and the open ones are still served.
    for raw in &mut open {
        let (mut refused, answer) = ask(&site, LOOPBACK, "/api/posts", &[HOST]).await;
        assert!(answer.header("retry-after").is_some());
        answer.error(503);
        refused.hung_up().await;
        raw.ask("GET", "/api/posts", &[HOST], b"").await.json(200);
    }
    // A socket keeps its connection's slot.
    open.pop();
    let socket = site.socket_in_time("/feed").await;
    Raw::connect(&site).await.request("GET", "/api/posts", &[], b"").await.error(503);
    socket.close().await;
    within("a slot is free", async {
        while Raw::connect(&site).await.request("GET", "/api/posts", &[], b"").await.status == 503 {
        }
    })
    .await;
    drop(open);
    site.stop().await;
}
