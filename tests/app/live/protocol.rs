//! The frames that a client sends to a live endpoint, and the server's reactions.

use std::time::Duration;

use actix_http::ws::Item;
use actix_web::web::Bytes;
use awc::ws::{CloseCode, Frame, Message};
use serde_json::json;

use crate::support::{Raw, Site, Socket, within};

const LIMIT: usize = 64 * 1024;

/// Starts a site with one post, and opens a socket on each of its live endpoints.
async fn on_every_endpoint() -> (Site, Vec<Socket>) {
    let site = Site::start().await;
    site.new_post("With a socket").await;
    site.settle().await;
    let mut sockets = Vec::new();
    for path in ["/feed", "/notifications", "/posts/1/comments/ws"] {
        sockets.push(site.socket(path).await);
    }
    (site, sockets)
}

/// A client's frame, masked with zeros or unmasked.
fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let length = u16::try_from(payload.len()).unwrap();
    let mut bytes = vec![first];
    match u8::try_from(length) {
        Ok(short @ 0..=125) => bytes.push(mask | short),
        _ => {
            bytes.push(mask | 126);
            bytes.extend(length.to_be_bytes());
        }
    }
    if masked {
        bytes.extend([0; 4]);
    }
    bytes.extend(payload);
    bytes
}

#[actix_web::test]
async fn a_text_ping_is_answered_pong() {
    let (site, sockets) = on_every_endpoint().await;
    for mut socket in sockets {
        for _ in 0..3 {
            socket.send(Message::Text("ping".into())).await;
            assert_eq!(socket.text().await, "pong");
        }
        socket.close().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_ping_is_answered_with_its_own_payload() {
    let (site, sockets) = on_every_endpoint().await;
    for mut socket in sockets {
        for payload in [&b""[..], b"payload", &[0xff; 125]] {
            socket.send(Message::Ping(Bytes::copy_from_slice(payload))).await;
            assert_eq!(socket.frame().await, Some(Frame::Pong(Bytes::copy_from_slice(payload))));
        }
        socket.close().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn other_frames_are_ignored() {
    let (site, sockets) = on_every_endpoint().await;
    let piece = Bytes::from_static;
    for mut socket in sockets {
        for ignored in [
            Message::Text("".into()),
            Message::Text("PING".into()),
            Message::Text("ping ".into()),
            Message::Text(r#"{"event":"ping"}"#.into()),
            Message::Text("\u{0}ping".into()),
            Message::Binary(piece(b"ping")),
            Message::Binary(piece(b"\xff\xfe")),
            Message::Pong(piece(b"unasked")),
            Message::Continuation(Item::FirstBinary(piece(b"pi"))),
            Message::Continuation(Item::Last(piece(b"ng"))),
            Message::Continuation(Item::FirstText(piece(b"pin"))),
            Message::Continuation(Item::Last(piece(b""))),
        ] {
            socket.send(ignored).await;
        }
        // Its pong is the first frame that arrives.
        socket.send(Message::Ping(piece(b"sentinel"))).await;
        assert_eq!(socket.frame().await, Some(Frame::Pong(piece(b"sentinel"))));
        socket.close().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_fragmented_text_ping_is_answered_pong() {
    let (site, sockets) = on_every_endpoint().await;
    let piece = Bytes::from_static;
    for mut socket in sockets {
        socket.send(Message::Continuation(Item::FirstText(piece(b"p")))).await;
        socket.send(Message::Continuation(Item::Continue(piece(b"in")))).await;
        // A control frame may come between fragments.
        socket.send(Message::Ping(piece(b"between"))).await;
        assert_eq!(socket.frame().await, Some(Frame::Pong(piece(b"between"))));
        socket.send(Message::Continuation(Item::Continue(piece(b"")))).await;
        socket.send(Message::Continuation(Item::Last(piece(b"g")))).await;
        assert_eq!(socket.text().await, "pong");
        socket.close().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_message_over_the_limit_is_closed_with_1009() {
    let (site, sockets) = on_every_endpoint().await;
    for mut socket in sockets {
        socket.send(Message::Text("x".repeat(LIMIT).into())).await;
        socket.send(Message::Binary(vec![0xff; LIMIT].into())).await;
        socket.send(Message::Text("ping".into())).await;
        assert_eq!(socket.text().await, "pong");
        socket.send(Message::Text("x".repeat(LIMIT + 1).into())).await;
        assert_eq!(socket.close_code().await, Some(CloseCode::Size));
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_frame_announced_as_too_large_is_refused_at_once() {
    let site = Site::start().await;
    for length in [(LIMIT + 1) as u64, 1 << 40, u64::MAX >> 1, u64::MAX] {
        let mut raw = Raw::upgrade(&site, "/feed").await;
        let mut head = vec![0x81, 0xff];
        head.extend(length.to_be_bytes());
        head.extend([0; 4]);
        raw.send(&head).await;
        let frame = raw.frame().await.expect("a close frame");
        assert_eq!(frame.close_code(), Some(1009), "{length}");
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn fragments_are_limited_together() {
    let (site, sockets) = on_every_endpoint().await;
    let piece = |size| Bytes::from(vec![b'x'; size]);
    for mut socket in sockets {
        socket.send(Message::Continuation(Item::FirstText(piece(LIMIT / 2)))).await;
        socket.send(Message::Continuation(Item::Last(piece(LIMIT / 2)))).await;
        socket.send(Message::Text("ping".into())).await;
        assert_eq!(socket.text().await, "pong");
        socket.send(Message::Continuation(Item::FirstBinary(piece(LIMIT / 2)))).await;
        socket.send(Message::Continuation(Item::Continue(piece(LIMIT / 2)))).await;
        socket.send(Message::Continuation(Item::Continue(piece(1)))).await;
        assert_eq!(socket.close_code().await, Some(CloseCode::Size));
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_protocol_error_is_closed_with_1002() {
    let site = Site::start().await;
    for (what, bytes) in [
        ("not masked", frame(0x81, false, b"ping")),
        ("of an unknown kind", frame(0x83, true, b"ping")),
        ("a control frame that is too long", frame(0x89, true, &[0; 126])),
        ("a continuation without a message", frame(0x80, true, b"ping")),
    ] {
        let mut raw = Raw::upgrade(&site, "/feed").await;
        raw.send(&bytes).await;
        let answer = raw.frame().await.unwrap_or_else(|| panic!("no close frame: {what}"));
        assert_eq!(answer.close_code(), Some(1002), "{what}: {answer:?}");
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_bad_handshake_opens_no_socket() {
    let site = Site::start().await;
    let good = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for missing in 0..good.len() {
        let mut headers = good.to_vec();
        headers.remove(missing);
        let answer = Raw::connect(&site).await.request("GET", "/feed", &headers, b"").await;
        answer.error(if missing < 3 { 426 } else { 400 });
    }
    // After these heads, the rest of the connection could not be WebSocket frames.
    let chunked = [&good[..], &[("transfer-encoding", "chunked")]].concat();
    let mut several = good.to_vec();
    several[0].1 = "websocket, h2c";
    for headers in [chunked, several] {
        Raw::connect(&site).await.request("GET", "/feed", &headers, b"").await.error(400);
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn an_upgrade_on_an_ordinary_route_gets_an_ordinary_response() {
    let site = Site::start().await;
    let post = site.new_post("No socket").await;
    let headers = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let path = format!("/api/posts/{}", post["id"]);
    let answer = Raw::connect(&site).await.request("GET", &path, &headers, b"").await;
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.json(200), post);
    Raw::connect(&site).await.request("GET", "/nowhere", &headers, b"").await.error(404);
    let elsewhere = [&headers[..], &[("origin", "http://evil.example")]].concat();
    Raw::connect(&site).await.request("GET", "/feed", &elsewhere, b"").await.error(403);
    site.stop().await;
}

#[actix_web::test]
async fn frames_sent_with_the_handshake_are_read() {
    let site = Site::start().await;
    let mut raw = Raw::connect(&site).await;
    let mut bytes = b"GET /feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    bytes.extend(frame(0x81, true, b"ping"));
    raw.send(&bytes).await;
    raw.read_until("\r\n\r\n").await;
    assert_eq!(raw.frame().await.map(|frame| frame.payload), Some(b"pong".to_vec()));
    site.stop().await;
}

#[actix_web::test]
async fn invalid_text_and_floods_are_closed() {
    let site = Site::start_with(|config| config.max_client_frames = 5).await;
    let mut odd = Raw::upgrade(&site, "/feed").await;
    odd.send(&frame(0x81, true, b"\xff\xfe")).await;
    assert_eq!(odd.frame().await.and_then(|frame| frame.close_code()), Some(1007));
    let mut eager = Raw::upgrade(&site, "/feed").await;
    eager.send(&frame(0x81, true, b"ping").repeat(5)).await;
    for _ in 0..5 {
        assert_eq!(eager.frame().await.expect("a pong").payload, b"pong");
    }
    let mut flood = Raw::upgrade(&site, "/feed").await;
    flood.send(&frame(0x81, true, b"ping").repeat(100)).await;
    let mut pongs = 0;
    let close = loop {
        match flood.frame().await.expect("a close frame") {
            answer if answer.payload == b"pong" => pongs += 1,
            other => break other.close_code(),
        }
    };
    // The flood may span two seconds of the limit.
    assert!((5..=10).contains(&pongs), "{pongs} pings were answered");
    assert_eq!(close, Some(1008));
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_close_is_answered() {
    let (site, sockets) = on_every_endpoint().await;
    for mut socket in sockets {
        socket.send(Message::Close(Some(CloseCode::Normal.into()))).await;
        assert_eq!(socket.close_code().await, Some(CloseCode::Normal));
    }
    site.stop().await;
}

#[actix_web::test]
async fn the_connection_of_a_closed_socket_is_closed() {
    let site = Site::start_with(|config| config.heartbeat.grace = Duration::from_millis(300)).await;
    let mut raw = Raw::upgrade(&site, "/feed").await;
    // Frames after a close are ignored, even another close.
    raw.send(&frame(0x88, true, &[]).repeat(2)).await;
    assert_eq!(raw.frame().await.map(|frame| frame.opcode), Some(8));
    raw.hung_up().await;
    // A client cannot keep its slot by leaving its side of the connection open.
    within("its slot is free", site.sockets().all_closed()).await;
    drop(raw);
    site.stop().await;
}

#[actix_web::test]
async fn a_reader_of_a_long_replay_is_not_taken_for_dead() {
    let site = Site::start_with(|config| {
        config.heartbeat.ping = Duration::from_millis(100);
        config.heartbeat.silence = Duration::from_millis(500);
    })
    .await;
    for _ in 0..30 {
        site.post(
            "/api/notes",
            &json!({"title": "N", "body": "x".repeat(64 * 1024), "author": "A"}),
        )
        .await
        .json(201);
    }
    let mut slow = Raw::upgrade(&site, "/notifications?last_event_id=0").await;
    let (mut next, mut pings) = (1, 0);
    while next <= 30 {
        let got = slow.frame().await.unwrap_or_else(|| panic!("closed before {next}"));
        if got.opcode == 9 {
            pings += 1;
            slow.send(&frame(0x8a, true, &[])).await;
            continue;
        }
        let event: serde_json::Value = serde_json::from_slice(&got.payload).unwrap();
        assert_eq!(event["id"], next);
        next += 1;
        // As slow as a poor connection: the replay takes several times the allowed silence.
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert!(pings > 0, "the server sent no ping");
    site.stop().await;
}

#[actix_web::test]
async fn a_silent_peer_is_cut_and_one_that_answers_pings_is_kept() {
    let site = Site::start_with(|config| {
        config.heartbeat.ping = Duration::from_millis(30);
        config.heartbeat.silence = Duration::from_millis(600);
    })
    .await;
    let mut silent = Raw::upgrade(&site, "/feed").await;
    let mut quiet = site.socket("/feed").await;
    let silence = async {
        let mut pings = 0;
        while let Some(frame) = silent.frame().await {
            pings += usize::from(frame.opcode == 9);
        }
        pings
    };
    let answering = async {
        let mut pings = 0;
        // Much longer than the allowed silence.
        while pings < 40 {
            match quiet.frame().await {
                Some(Frame::Ping(payload)) => quiet.send(Message::Pong(payload)).await,
                other => panic!("expected only pings: {other:?}"),
            }
            pings += 1;
        }
    };
    let (pings, ()) = tokio::join!(silence, answering);
    assert!(pings > 2, "the peer was cut after {pings} pings");
    let post = site.new_post("Sentinel").await;
    assert_eq!(quiet.next_json().await["data"], post);
    quiet.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn open_sockets_are_limited() {
    let site = Site::start_with(|config| config.max_sockets = 3).await;
    site.new_post("With a socket").await;
    site.settle().await;
    let mut open = Vec::new();
    for path in ["/notifications", "/posts/1/comments/ws", "/feed"] {
        // The last socket's slot may take a moment to become free.
        open.push(site.socket_in_time(path).await);
    }
    for path in ["/feed", "/notifications", "/posts/1/comments/ws"] {
        let answer = site.refused(path).await;
        answer.error(503);
        let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(wait > 0);
    }
    for mut socket in open {
        socket.send(Message::Text("ping".into())).await;
        assert_eq!(socket.text().await, "pong");
        socket.close().await;
    }
    // A refused socket takes no slot, and a closed one frees its slot.
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(site.socket_in_time("/feed").await);
    }
    assert_eq!(site.refused("/feed").await.status, 503);
    for socket in open {
        socket.close().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_consumer_that_never_reads_delays_nobody_and_sees_no_gap() {
    // Large events fill the kernel's buffers, then small ones the session's mailbox.
    const LARGE: usize = 10;
    const SMALL: usize = 400;
    let site = Site::start().await;
    let mut slow = Raw::upgrade(&site, "/notifications").await;
    let mut fast = site.socket("/notifications").await;
    let body = "x".repeat(1024 * 1024);
    let large = json!({"title": "Large", "body": body, "author": "Ada"});
    for _ in 0..LARGE {
        let note = site.post("/api/notes", &large).await.json(201);
        assert_eq!(fast.next_json().await["data"]["id"], note["id"]);
    }
    for _ in 0..SMALL {
        let note = site.new_note("Small").await;
        assert_eq!(fast.next_json().await["data"], note);
    }
    fast.close().await;

    // Now the consumer reads: the first events without a gap, and then the close.
    let mut next = 1;
    let close = loop {
        match slow.frame().await {
            Some(frame) if frame.opcode == 1 => {
                let frame: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
                assert_eq!(frame["id"], next, "a hole before {next}");
                next += 1;
            }
            Some(frame) if frame.opcode == 9 => {}
            other => break other,
        }
    };
    assert!(next <= LARGE + SMALL, "it never fell behind, so the test shows nothing");
    if let Some(close) = close {
        assert_eq!(close.close_code(), Some(1013), "{close:?}");
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_consumer_that_never_reads_makes_room_for_another() {
    let site = Site::start_with(|config| {
        config.max_sockets = 1;
        config.heartbeat.ping = Duration::from_millis(100);
        config.heartbeat.silence = Duration::from_secs(3);
    })
    .await;
    let deaf = Raw::upgrade(&site, "/notifications").await;
    let large = json!({"title": "Large", "body": "x".repeat(1024 * 1024), "author": "Ada"});
    for _ in 0..10 {
        site.post("/api/notes", &large).await.json(201);
    }
    // Its connection is blocked, so it cannot receive the close, but is cut off.
    let mut next = site.socket_in_time("/feed").await;
    let post = site.new_post("Sentinel").await;
    assert_eq!(next.next_json().await["data"], post);
    next.close().await;
    drop(deaf);
    site.stop().await;
}
