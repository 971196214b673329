//! Connections: their deadlines, the refusals of HTTP's parser, and HTTP/1.0.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::body::BodyStream;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse};
use futures_util::stream;
use kilonova_feed::{Heartbeat, Server};
use kilonova_test::raw::{Answer, Raw, masked, opcode};

use crate::support::{HEARTBEAT, Serving, Site, Toy, Transport, Wish, builder, new_event, soon};

/// A server with short timeouts. `/streams` answers in pieces; `/echo` answers with its body.
fn hurried() -> SocketAddr {
    let app = || {
        let pieces = || async {
            let pieces = ["one", "two"].map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
            HttpResponse::Ok().body(BodyStream::new(stream::iter(pieces)))
        };
        let echo = |body: Bytes| async { HttpResponse::Ok().body(body) };
        App::new().route("/streams", web::get().to(pieces)).route("/echo", web::post().to(echo))
    };
    let server = Server::bind("127.0.0.1:0", app).unwrap().workers(1);
    let server = server.request_timeout(Some(Duration::from_secs(1)));
    let server = server.keep_alive(Duration::from_secs(1)).run().unwrap();
    let address = server.address();
    actix::spawn(server);
    address
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[actix::test]
async fn a_connection_that_completes_no_request_is_closed_in_time() {
    let address = hurried();
    for unfinished in ["", "GET / HTTP/1.1\r\nHost: x", "\r\n", "\r\n\r\n\r\n"] {
        let mut raw = Raw::connect(address).await;
        raw.send(REQUEST).await;
        assert_eq!(raw.answer().await.unwrap().status, 404);
        raw.send(unfinished.as_bytes()).await;
        raw.hung_up().await;
        let mut raw = Raw::connect(address).await;
        raw.send(unfinished.as_bytes()).await;
        raw.hung_up().await;
    }
}

#[actix::test]
async fn a_client_that_sends_byte_by_byte_gets_no_more_time() {
    let address = hurried();
    let heads = [
        "GET / HTTP/1.1\r\nHost: x\r\nX: ",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\r\n",
    ];
    for head in heads {
        let drip = if head.ends_with("\r\n\r\n") { "1\r\na\r\n" } else { &head[head.len() - 2..] };
        let mut raw = Raw::connect(address).await;
        raw.send(REQUEST).await;
        assert_eq!(raw.answer().await.unwrap().status, 404);
        raw.send(head.as_bytes()).await;
        let dripping = async {
            while !raw.is_closed().await {
                raw.send(drip.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon(dripping).await;
    }
}

#[actix::test]
async fn a_refusal_of_the_parser_says_why_as_json() {
    let address = hurried();
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(200_000));
    let target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(66_000));
    let cases = [
        ("X\r\n\r\n", 400, "the request is malformed"),
        (&target, 414, "the target is too long"),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "the request is malformed"),
        (&long, 431, "the request's head is too large"),
        ("GET / HTTP/1.1\r\n", 408, "the request took too long"),
    ];
    for (request, status, words) in cases {
        let mut raw = Raw::connect(address).await;
        raw.send(request.as_bytes()).await;
        let answer = raw.answer().await.expect("a refusal");
        assert_eq!(answer.status, status, "{words}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.body, format!("{{\"error\":\"{words}\"}}").as_bytes());
        raw.hung_up().await;
        if status == 408 {
            continue;
        }
        // After a request that was answered.
        let mut raw = Raw::connect(address).await;
        raw.send(REQUEST).await;
        assert_eq!(raw.answer().await.unwrap().status, 404);
        raw.send(request.as_bytes()).await;
        let answer = raw.answer().await.expect("a refusal");
        assert_eq!(answer.status, status, "{words}");
        assert_eq!(answer.body, format!("{{\"error\":\"{words}\"}}").as_bytes());
        // If both requests arrive together, both responses leave in one write, which is not split:
        // the refusal has no body.
        let mut raw = Raw::connect(address).await;
        raw.send(&[REQUEST, request.as_bytes()].concat()).await;
        assert_eq!(raw.answer().await.unwrap().status, 404);
        assert_eq!(raw.answer().await.expect("a refusal").status, status, "{words}");
    }
}

#[actix::test]
async fn an_ignored_upgrade_delays_nothing_however_its_lines_end() {
    let address = hurried();
    for line_end in ["\r\n", "\n"] {
        let mut raw = Raw::connect(address).await;
        let head = ["GET / HTTP/1.1", "Host: x", "Upgrade: h2c", "", ""].join(line_end);
        raw.send(head.as_bytes()).await;
        assert_eq!(raw.answer().await.unwrap().status, 404, "{line_end:?}");
        for _ in 0..2 {
            raw.send(REQUEST).await;
            let answer = raw.answer().await.expect("an answer");
            assert_eq!(answer.status, 404, "{line_end:?}");
        }
    }
}

#[actix::test]
async fn http_1_0_gets_no_chunks() {
    let address = hurried();
    let mut raw = Raw::connect(address).await;
    raw.send(b"GET /streams HTTP/1.0\r\n\r\n").await;
    let Answer { status, .. } = raw.head().await;
    assert_eq!(status, 200);
    assert_eq!(raw.rest().await, b"onetwo");
    let site = Site::start(&Toy::new()).await;
    let mut raw = Raw::connect(site.address).await;
    let path = Wish::new(&["a"]).path();
    let request = format!("GET {path} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n");
    raw.send(request.as_bytes()).await;
    let head = raw.head().await;
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    assert_eq!(raw.read_until("\n\n").await, ": welcome\n\n");
    drop(raw);
    site.stop().await;
}

#[actix::test]
async fn the_session_of_a_reader_that_leaves_ends_at_once() {
    // Without pings, no write detects that the client has left.
    let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
    let site = Site::serve(builder(&Toy::new()).heartbeat(heartbeat), Serving::Own).await;
    for transport in [Transport::WebSocket, Transport::Stream] {
        let reader = site.open(transport, &Wish::new(&["a"])).await;
        assert_eq!(site.feed().sockets().open(), 1);
        drop(reader);
        let left = tokio::time::Instant::now();
        soon(site.feed().sockets().all_closed()).await;
        assert!(left.elapsed() < Duration::from_secs(2), "{transport:?}: {:?}", left.elapsed());
    }
    site.stop().await;
}

#[actix::test]
async fn the_session_of_a_reader_that_sends_and_leaves_ends_at_once() {
    let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
    let site = Site::serve(builder(&Toy::new()).heartbeat(heartbeat), Serving::Own).await;
    let path = Wish::new(&["a"]).path();
    for input in ["x\r\n".repeat(100_000), String::from_utf8_lossy(REQUEST).repeat(5_000)] {
        let mut raw = Raw::connect(site.address).await;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
        raw.send(&[request.as_bytes(), input.as_bytes()].concat()).await;
        assert_eq!(raw.head().await.status, 200);
        raw.send(input.as_bytes()).await;
        assert_eq!(site.feed().sockets().open(), 1);
        drop(raw);
        let left = tokio::time::Instant::now();
        soon(site.feed().sockets().all_closed()).await;
        assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
    }
    site.stop().await;
}

#[actix::test]
async fn a_half_closed_reader_that_leaves_later_is_gone_at_once() {
    let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
    let site = Site::serve(builder(&Toy::new()).heartbeat(heartbeat), Serving::Own).await;
    let mut raw = Raw::try_stream(site.address, &Wish::new(&["a"]).path()).await.unwrap();
    raw.finish().await;
    // Waits longer than the first probes take.
    let mut probes = 0;
    while probes < 5 {
        probes += usize::from(raw.block().await.expect("the stream goes on") == ":\n\n");
    }
    assert_eq!(site.feed().sockets().open(), 1);
    drop(raw);
    let left = tokio::time::Instant::now();
    soon(site.feed().sockets().all_closed()).await;
    assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
    site.stop().await;
}

#[actix::test]
async fn few_pipelined_requests_are_answered_before_their_client_reads() {
    const REQUESTS: usize = 1_000;
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let app = move || {
        let count = Arc::clone(&count);
        // HTTP limits unwritten bodies, but not unwritten heads.
        let empty = move || {
            count.fetch_add(1, Ordering::Relaxed);
            async { HttpResponse::NoContent().insert_header(("x", "x".repeat(2_000))).finish() }
        };
        App::new().route("/", web::get().to(empty))
    };
    let server = Server::bind("127.0.0.1:0", app).unwrap().workers(1).run().unwrap();
    let mut raw = Raw::connect(server.address()).await;
    actix::spawn(server);
    raw.send(&REQUEST.repeat(REQUESTS)).await;
    // The buffers of both ends hold a few hundred.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let unread = begun.load(Ordering::Relaxed);
    assert!((1..REQUESTS * 3 / 4).contains(&unread), "{unread}");
    for _ in 0..REQUESTS {
        assert_eq!(raw.answer().await.unwrap().status, 204);
    }
    assert_eq!(begun.load(Ordering::Relaxed), REQUESTS);
}

#[actix::test]
async fn bodies_with_blank_lines_delay_no_later_request() {
    let app = || {
        let echo = |body: Bytes| async { HttpResponse::Ok().body(body) };
        let ignore = || async { HttpResponse::Ok().body("ignored") };
        let app = App::new().route("/echo", web::post().to(echo));
        app.route("/ignore", web::post().to(ignore)).route("/", web::get().to(ignore))
    };
    let server = Server::bind("127.0.0.1:0", app).unwrap().workers(1).run().unwrap();
    let address = server.address();
    actix::spawn(server);
    let body = "{\n\n\"a\":1,\r\n\r\n\n\n}".repeat(3);
    let post =
        format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let offer = post.replace("Host: x", "Host: x\r\nUpgrade: h2c");
    for together in [false, true] {
        let mut raw = Raw::connect(address).await;
        let requests =
            [post.as_bytes(), REQUEST, post.as_bytes(), offer.as_bytes(), REQUEST, REQUEST];
        let all: Vec<&[u8]> = requests.into_iter().cycle().take(60).collect();
        if together {
            raw.send(&all.concat()).await;
        }
        for request in all {
            if !together {
                raw.send(request).await;
            }
            let answer = raw.answer().await.expect("an answer");
            let expected = if request == REQUEST { b"ignored" } else { body.as_bytes() };
            assert_eq!((answer.status, &*answer.body), (200, expected));
        }
    }
    // An unread body costs only its connection.
    let mut raw = Raw::connect(address).await;
    raw.send(post.replace("/echo", "/ignore").as_bytes()).await;
    assert_eq!(raw.answer().await.expect("an answer").body, b"ignored");
}

#[actix::test]
async fn a_half_closed_reader_of_a_stream_is_still_served() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let mut raw = Raw::try_stream(site.address, &Wish::new(&["a"]).path()).await.unwrap();
    raw.finish().await;
    // Longer than the probes need to detect a client that has left.
    tokio::time::sleep(Duration::from_millis(500)).await;
    site.feed().committed([toy.commit("a")]);
    let told = async {
        loop {
            if raw.block().await.expect("the stream goes on").contains("event: ") {
                return;
            }
        }
    };
    soon(told).await;
    // When the client leaves, its session ends.
    drop(raw);
    soon(site.feed().sockets().all_closed()).await;
    site.stop().await;
}

#[actix::test]
async fn a_reader_of_a_stream_that_sends_endlessly_is_cut() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let mut raw = Raw::try_stream(site.address, &Wish::new(&["a"]).path()).await.unwrap();
    let (mut sent, piece) = (0, [b'x'; 16 * 1024]);
    while !raw.is_closed().await {
        assert!(sent < 64 * 1024 * 1024, "{sent} bytes are accepted");
        raw.send(&piece).await;
        sent += piece.len();
    }
    soon(site.feed().sockets().all_closed()).await;
    site.stop().await;
}

#[actix::test]
async fn a_reader_of_a_large_event_over_a_slow_link_gets_it_and_the_next() {
    let toy = Toy::new();
    for _ in 0..2 {
        toy.commit_event(new_event("a", &"x".repeat(1024 * 1024)));
    }
    // A reader that reads nothing for this long is too slow. This one reads all the time, but needs
    // longer than that for each event.
    let (stall, grace) = (Duration::from_millis(1200), Duration::from_millis(100));
    let heartbeat = Heartbeat { stall, grace, ..HEARTBEAT };
    let site = Site::serve(builder(&toy).heartbeat(heartbeat), Serving::Own).await;
    let path = Wish::new(&["a"]).after(0).path();
    let mut raw = Raw::try_stream(site.address, &path).await.unwrap();
    let mut events = 0;
    while events < 2 {
        assert!(!raw.is_closed().await, "it is cut after {events} events");
        // About half a mebibyte a second.
        tokio::time::sleep(Duration::from_millis(8)).await;
        events += raw.blocks_so_far().iter().filter(|block| block.contains("event: ")).count();
    }
    site.stop().await;
}

#[actix::test]
async fn a_slow_request_after_another_gets_no_more_time_than_the_first() {
    let app = || App::new();
    let server = Server::bind("127.0.0.1:0", app).unwrap().workers(1);
    let server = server.request_timeout(Some(Duration::from_secs(1))).run().unwrap();
    let address = server.address();
    actix::spawn(server);
    // In the same segment as the first, which is answered at once.
    let mut raw = Raw::connect(address).await;
    raw.send(&[REQUEST, b"GET / HTTP/1.1\r\nHost: x"].concat()).await;
    assert_eq!(raw.answer().await.unwrap().status, 404);
    let begun = tokio::time::Instant::now();
    raw.hung_up().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let mut raw = Raw::connect(address).await;
    raw.send(REQUEST).await;
    assert_eq!(raw.answer().await.unwrap().status, 404);
    raw.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").await;
    let begun = tokio::time::Instant::now();
    let dripping = async {
        while !raw.is_closed().await {
            raw.send(b"x").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(dripping).await;
    // Between two requests it would have 75 s.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[actix::test]
async fn a_400_from_a_handler_keeps_its_body() {
    let late = || async {
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        HttpResponse::BadRequest().body("late words")
    };
    let app = move || App::new().route("/", web::get().to(late));
    let server = Server::bind("127.0.0.1:0", app).unwrap().workers(1).run().unwrap();
    let mut raw = Raw::connect(server.address()).await;
    actix::spawn(server);
    for _ in 0..3 {
        raw.send(REQUEST).await;
        assert_eq!(raw.answer().await.unwrap().body, b"late words");
    }
}

#[actix::test]
async fn head_answers_as_get_does_and_opens_nothing() {
    let site = Site::start(&Toy::new()).await;
    let path = Wish::new(&["a"]).path();
    for accept in ["text/event-stream", "TEXT/EVENT-STREAM"] {
        let mut raw = Raw::connect(site.address).await;
        let answer = raw.ask("HEAD", &path, &[("Accept", accept)], &[]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert_eq!(answer.header("content-length"), None);
        assert_eq!(site.feed().sockets().open(), 0);
    }
    site.stop().await;
}

#[actix::test]
async fn a_handshake_follows_rfc_6455_or_is_refused() {
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    let site = Site::start(&Toy::new()).await;
    let path = Wish::new(&["a"]).path();
    let mut cases = vec![("1.0", "13", KEY, 426)];
    cases.extend(["7", "8", "12", "013", "x", ""].map(|version| ("1.1", version, KEY, 426)));
    cases.extend(
        ["abc", "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZQ=="]
            .map(|key| ("1.1", "13", key, 400)),
    );
    // HTTP would take the first bytes of such a socket for a body.
    cases.push(("1.1", "13\r\nContent-Length: 5", KEY, 400));
    for (http, version, key, status) in cases {
        let request = format!(
            "GET {path} HTTP/{http}\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        );
        let mut raw = Raw::connect(site.address).await;
        raw.send(request.as_bytes()).await;
        let answer = raw.answer().await.unwrap();
        assert_eq!(answer.status, status, "{request}");
        let said = String::from_utf8(answer.body.clone()).unwrap();
        assert!(said.starts_with("{\"error\":\""), "{said}");
        assert!(!said.contains("malformed"), "its own words: {said}");
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
    }
    site.stop().await;
}

#[actix::test]
async fn frames_after_a_handshake_that_must_wait_arrive() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let path = Wish::new(&["a"]).path();
    let handshake = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let ping = masked(opcode::PING, b"early");
    // After a slow request whose body arrived with its head.
    let mut raw = Raw::connect(site.address).await;
    let post = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
    raw.send(&[&post[..], handshake.as_bytes(), &ping].concat()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    site.answer_slow();
    assert_eq!(raw.answer().await.unwrap().status, 200);
    assert_eq!(raw.answer().await.expect("101").status, 101);
    while raw.frame().await.expect("an answer to the ping").opcode != opcode::PONG {}
    for before in [0, 1, 3] {
        let mut raw = Raw::connect(site.address).await;
        raw.send(&[&REQUEST.repeat(before), handshake.as_bytes(), &ping].concat()).await;
        for _ in 0..before {
            assert_eq!(raw.answer().await.unwrap().status, 404);
        }
        assert_eq!(raw.answer().await.expect("101").status, 101, "{before}");
        loop {
            let frame = raw.frame().await.expect("an answer to the ping");
            if frame.opcode == opcode::PONG {
                assert_eq!(frame.payload, b"early");
                break;
            }
        }
    }
    site.stop().await;
}

#[actix::test]
async fn a_handshake_that_must_wait_may_arrive_in_pieces() {
    let site = Site::start(&Toy::new()).await;
    let path = Wish::new(&["a"]).path();
    let handshake = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let ping = masked(opcode::PING, b"early");
    for cut in [80, 150, handshake.len() - 2, handshake.len(), handshake.len() + 3] {
        let mut raw = Raw::connect(site.address).await;
        raw.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let rest = [handshake.as_bytes(), &ping].concat();
        for piece in [&rest[..cut], &rest[cut..]] {
            raw.send(piece).await;
            // Long enough for the pieces to be read separately.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        site.answer_slow();
        assert_eq!(raw.answer().await.unwrap().status, 200);
        assert_eq!(raw.answer().await.expect("101").status, 101, "{cut}");
        while raw.frame().await.expect("an answer to the ping").opcode != opcode::PONG {}
    }
    site.stop().await;
}

#[actix::test]
async fn a_body_that_looks_like_a_handshake_arrives_whole() {
    let address = hurried();
    let body = "GET /feed HTTP/1.1\r\nUpgrade: websocket\r\n\r\nand the rest".repeat(3);
    let head = format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    for before in [0, 1] {
        let mut raw = Raw::connect(address).await;
        raw.send(&[&REQUEST.repeat(before), head.as_bytes(), body.as_bytes(), REQUEST].concat())
            .await;
        for _ in 0..before {
            assert_eq!(raw.answer().await.unwrap().status, 404);
        }
        assert_eq!(raw.answer().await.unwrap().body, body.as_bytes());
        assert_eq!(raw.answer().await.unwrap().status, 404);
    }
}

#[actix::test]
async fn a_request_whose_upgrade_is_declined_gets_its_body() {
    let address = hurried();
    for before in [0, 2] {
        let mut raw = Raw::connect(address).await;
        let echo =
            b"POST /echo HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody";
        raw.send(&[&REQUEST.repeat(before), &echo[..], REQUEST].concat()).await;
        for _ in 0..before {
            assert_eq!(raw.answer().await.unwrap().status, 404);
        }
        assert_eq!(raw.answer().await.unwrap().body, b"body");
        assert_eq!(raw.answer().await.unwrap().status, 404);
    }
}
