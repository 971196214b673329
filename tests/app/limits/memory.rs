//! Limits on the memory that strangers can make the server use.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::PATIENCE;

const MEBIBYTE: u64 = 1024 * 1024;

/// A memory counter from the process's status, in bytes.
fn status(server: &Server, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// The private memory of the process, without mapped files, which the system can evict.
fn memory(server: &Server) -> u64 {
    status(server, "RssAnon")
}

/// The peak memory of the process since `reset_peak`, including mapped files.
fn peak(server: &Server) -> u64 {
    status(server, "VmHWM")
}

fn reset_peak(server: &Server) {
    std::fs::write(format!("/proc/{}/clear_refs", server.id()), "5").unwrap();
}

fn start(flags: &[&str]) -> (Home, Server) {
    let home = Home::new();
    let server = Server::of({
        let mut command = serve(&home, "127.0.0.1:0");
        command.args(["--workers", "2"]).args(flags);
        // Returns freed memory at once, so that only memory in use is measured.
        command.env("MIMALLOC_PURGE_DELAY", "0");
        command
    });
    (home, server)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn post(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn unfinished_bodies_share_one_budget() {
    const LENGTH: usize = 4 * MEBIBYTE as usize;
    let (_home, server) = start(&["--max-bodies", "16000000"]);
    let before = memory(&server);
    let body = vec![b'x'; LENGTH - 1];
    let mut held = Vec::new();
    for _ in 0..40 {
        let mut stream = connect(&server);
        stream.write_all(post("/api/posts", LENGTH).as_bytes()).unwrap();
        // A refused body's rest may not be accepted.
        let _ = stream.write_all(&body);
        held.push(stream);
    }
    assert_eq!(server.call("GET", "/health/ready", None).0, 200);
    let grown = memory(&server).saturating_sub(before);
    // The clients sent 160 MiB.
    assert!(grown < 64 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
}

#[test]
fn a_body_of_many_values_takes_little_more_than_its_bytes() {
    let (_home, server) = start(&[]);
    let values = format!("{{\"x\":[{}0]}}", "{\"\":0},".repeat(1_100_000));
    reset_peak(&server);
    let before = peak(&server);
    let ask = || {
        let mut stream = connect(&server);
        stream.write_all(post("/api/session", values.len()).as_bytes()).unwrap();
        let _ = stream.write_all(values.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&answer));
        let mut stream = connect(&server);
        stream.write_all(post("/api/posts", values.len()).as_bytes()).unwrap();
        stream.write_all(values.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 422 "), "{}", String::from_utf8_lossy(&answer));
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(ask))));
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 128 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
}

#[test]
fn rendering_costly_pages_takes_bounded_memory() {
    let (_home, server) = start(&["--max-renderings", "2"]);
    let bodies = ["[a](".repeat(260_000), "*a* `b` ".repeat(9_900), "![a][b] ".repeat(19_000)];
    for (number, body) in bodies.iter().enumerate() {
        let post = json!({"title": format!("Post {number}"), "body": body});
        assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    }
    reset_peak(&server);
    let before = peak(&server);
    let ask = |n: usize| {
        let mut stream = connect(&server);
        let (id, title) = (n % 3 + 1, n % 3);
        let head = format!("HEAD /posts/{id}-post-{title} HTTP/1.1\r\nHost: localhost\r\n");
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let status = String::from_utf8_lossy(&answer[9..12]).into_owned();
        assert!(["200", "503"].contains(&&*status), "{status}");
    };
    std::thread::scope(|scope| {
        (0..21).for_each(|n| drop(scope.spawn(move || ask(n))));
    });
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 256 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
}

#[test]
fn resuming_readers_that_do_not_read_share_one_budget() {
    let (_home, server) = start(&["--max-replay-bytes", "8000000"]);
    for number in 0..40 {
        let post = json!({"title": format!("Post {number}"), "body": "b".repeat(500_000)});
        assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    }
    let before = memory(&server);
    let resume = || {
        let mut stream = connect(&server);
        write!(
            stream,
            "GET /feed?last_event_id=0 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 101");
        stream
    };
    let mut held: Vec<TcpStream> = (0..150).map(|_| resume()).collect();
    for _ in 0..50 {
        let mut stream = connect(&server);
        stream.write_all(b"GET /feed?last_event_id=0 HTTP/1.1\r\nHost: localhost\r\n").unwrap();
        stream.write_all(b"Accept: text/event-stream\r\n\r\n").unwrap();
        held.push(stream);
    }
    // Beside them, a reader that reads gets everything, which takes a share of the budget.
    let mut reader = resume();
    let (mut taken, mut bytes, begun) = (0, vec![0; 64 * 1024], Instant::now());
    while taken < 40 * 500_000 {
        taken += reader.read(&mut bytes).unwrap();
        assert!(begun.elapsed() < 4 * PATIENCE, "{taken} bytes came");
    }
    let grown = memory(&server).saturating_sub(before);
    // A mebibyte for each reader would be 200 MiB.
    assert!(grown < 64 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
    drop(held);
}

#[test]
fn stalled_connections_take_little_memory() {
    let (_home, server) = start(&["--request-timeout", "2"]);
    let before = memory(&server);
    let hold = |rest: &[u8]| {
        let mut stream = connect(&server);
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        stream.write_all(rest).unwrap();
        stream
    };
    let mut held: Vec<TcpStream> =
        (0..400).map(|n| hold([&b"GET / HTTP/1.1\r\nHost: x"[..], b"\r\n"][n % 2])).collect();
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 32 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
    // The connections are closed after the timeout.
    let begun = Instant::now();
    for stream in &mut held {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(begun.elapsed() < PATIENCE.min(Duration::from_secs(30)), "{:?}", begun.elapsed());
}

#[test]
fn unread_responses_share_one_budget() {
    let (_home, server) = start(&["--max-responses", "16000000"]);
    for number in 0..6 {
        let note = json!({
            "title": format!("Note {number}"), "body": "b".repeat(1_000_000), "author": "a",
        });
        assert_eq!(server.call("POST", "/api/notes", Some(&note)).0, 201);
    }
    let before = memory(&server);
    let ask = |request: &str| {
        let mut stream = connect(&server);
        stream.write_all(request.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (stream, String::from_utf8(status[9..].to_vec()).unwrap())
    };
    let list = "GET /api/notes?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let held: Vec<_> = (0..60).map(|_| ask(list)).collect();
    let refused = held.iter().filter(|(_, status)| status == "503").count();
    assert!((40..60).contains(&refused), "{refused}");
    assert!(held.iter().all(|(_, status)| ["200", "503"].contains(&&**status)));
    // Small responses are sent, however many are requested at once.
    let many = list.replace("/api/notes?limit=100", "/static/icon.svg").repeat(500);
    let pipelined: Vec<_> = (0..40).map(|_| ask(&many)).collect();
    assert!(pipelined.iter().all(|(_, status)| status == "200"));
    assert_eq!(server.call("GET", "/health/ready", None).0, 200);
    let grown = memory(&server).saturating_sub(before);
    // Without the budget, the responses would be 300 MB, and their buffers as much again.
    assert!(grown < 192 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
    // Connections that do not read for a while are closed, which makes room for others.
    let begun = Instant::now();
    while server.call("GET", "/api/notes?limit=100", None).0 != 200 {
        assert!(begun.elapsed() < PATIENCE, "the room stays full");
    }
    drop(held);
}

#[test]
fn unread_request_bytes_share_one_budget() {
    let (_home, server) = start(&["--max-unread", "2000000"]);
    let before = memory(&server);
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(120_000));
    let stream_head = format!(
        "GET /feed HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nX: {}\r\n\r\n",
        "x".repeat(120_000)
    );
    let held: Vec<TcpStream> = (0..400)
        .map(|number| {
            let stream = connect(&server);
            // The kernel accepts bytes that the server does not read.
            stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            let head = if number % 2 == 0 { &head } else { &stream_head };
            let _ = (&stream).write_all(head.as_bytes());
            stream
        })
        .collect();
    // Requests with an ordinary head and any body are still served.
    let post = json!({"title": "A title", "body": "b".repeat(900_000)});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    let grown = memory(&server).saturating_sub(before);
    // Without the budget, it would be 67 MiB.
    assert!(grown < 48 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
    drop(held);
    let begun = Instant::now();
    loop {
        let mut stream = connect(&server);
        write!(stream, "{head}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.set_read_timeout(Some(PATIENCE / 3)).unwrap();
        if stream.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200" {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the room stays full");
    }
}

#[test]
fn bodies_in_tiny_pieces_take_little_more_than_their_bytes() {
    let (_home, server) = start(&["--max-unread", "65536"]);
    reset_peak(&server);
    let before = peak(&server);
    let chunks = "1\r\nx\r\n".repeat(60_000);
    let requests = [
        "GET /search?q=word HTTP/1.1\r\nHost: localhost\r\n",
        "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n",
        "GET /api/posts HTTP/1.1\r\nHost: localhost\r\n",
    ];
    let held: Vec<TcpStream> = (0..300)
        .map(|number| {
            let stream = connect(&server);
            stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            let head = format!("{}Transfer-Encoding: chunked\r\n\r\n", requests[number % 3]);
            let _ = (&stream).write_all(head.as_bytes());
            let _ = (&stream).write_all(chunks.as_bytes());
            stream
        })
        .collect();
    let post = json!({"title": "A title", "body": "b".repeat(900_000)});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    let grown = peak(&server).saturating_sub(before);
    // A separate buffer for each chunk would be 0.7 MB for a connection, 210 MB in all.
    assert!(grown < 128 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
    drop(held);
}

#[test]
fn unfinished_websocket_messages_take_no_memory() {
    let (_home, server) = start(&[]);
    let handshake = "GET /feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let hold = |frames: &[u8]| {
        let mut stream = connect(&server);
        stream.write_all(handshake.as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 101");
        stream.write_all(frames).unwrap();
        stream
    };
    // A text frame of 65,000 bytes without its end, and a message without its last fragment.
    let frame = [&[0x81, 0xfe, 0xfd, 0xe8, 0, 0, 0, 0][..], &[b'x'; 64_000]].concat();
    let fragment = [&[0x01, 0xfe, 0x75, 0x30, 0, 0, 0, 0][..], &[b'x'; 30_000]].concat();
    let next = [&[0x00, 0xfe, 0x75, 0x30, 0, 0, 0, 0][..], &[b'x'; 30_000]].concat();
    let fragments = [fragment, next].concat();
    let before = memory(&server);
    let held: Vec<TcpStream> =
        (0..400).map(|number| hold(if number % 2 == 0 { &frame } else { &fragments })).collect();
    assert_eq!(server.call("GET", "/health/ready", None).0, 200);
    let grown = memory(&server).saturating_sub(before);
    // The clients sent 25 MB.
    assert!(grown < 18 * MEBIBYTE, "{} MiB", grown / MEBIBYTE);
    drop(held);
}

#[test]
fn clients_that_disconnect_while_waiting_for_room_are_dropped_at_once() {
    let (_home, server) = start(&["--max-unread", "65536", "--request-timeout", "60"]);
    // After this request, the process has opened its own files.
    assert_eq!(server.call("GET", "/api/posts", None).0, 200);
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(100_000));
    let open = || std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    let until = |is_so: &dyn Fn(usize) -> bool| {
        let begun = Instant::now();
        while !is_so(open()) {
            assert!(begun.elapsed() < PATIENCE, "{} are open", open());
            std::thread::yield_now();
        }
    };
    let before = open();
    let held: Vec<TcpStream> = (0..100)
        .map(|_| {
            let stream = connect(&server);
            stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            let _ = (&stream).write_all(head.as_bytes());
            stream
        })
        .collect();
    until(&|count| count >= before + 90);
    drop(held);
    // The database may have opened some files in the meantime.
    until(&|count| count < before + 20);
}
