//! File descriptors: a process without free ones can neither accept connections nor open its files.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::crash::{Server, assert_names, complaint, serve, under};
use crate::databases::Home;
use crate::support::PATIENCE;

/// More connections than a process with 256 file descriptors can have open.
const CLIENTS: usize = 400;

/// The sockets that fit into 256 descriptors: the server itself needs 136 with two workers, and a
/// tenth of the rest is reserved for other connections.
const SOCKETS: usize = 108;

/// The command for a server with two workers, run by a shell after the line `limit`.
fn limited(limit: &str, home: &Home, flags: &[&str]) -> Command {
    under(limit, serve(home, "127.0.0.1:0").args(["--workers", "2"]).args(flags))
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Requests a WebSocket. Returns the connection and the head of the response.
fn ask(server: &Server) -> (TcpStream, String) {
    let mut stream = connect(server);
    write!(
        stream,
        "GET /feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer to the handshake");
        head.extend(byte);
    }
    (stream, String::from_utf8(head).unwrap())
}

/// The log of a server up to the line where it listens. The server is then killed.
fn log_of_start(mut command: Command) -> Vec<String> {
    let mut child = command.spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().is_some_and(|line| line.contains("127.0.0.1:")) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lines
}

#[test]
fn database_and_index_work_with_more_clients_than_descriptors() {
    let home = Home::new();
    let server = Server::of(limited("ulimit -n 256", &home, &[]));
    let mut open = Vec::new();
    for client in 0..CLIENTS {
        let (stream, head) = ask(&server);
        if head.starts_with("HTTP/1.1 101 ") {
            open.push(stream);
        } else {
            assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: "), "{head}");
            assert!(client >= SOCKETS, "refused with {client} open");
        }
    }
    assert_eq!(open.len(), SOCKETS);
    // Everything works while they are open.
    let post = json!({"title": "Beside many sockets", "body": "b"});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    found(&server, "beside");
    for stream in &mut open {
        let mut frames = BufReader::new(stream);
        let mut frame = Vec::new();
        frames.read_until(b'}', &mut frame).unwrap();
        assert!(String::from_utf8_lossy(&frame).contains("Beside many sockets"));
    }
    drop(open);

    // Silent connections are refused at some point, and leave descriptors for files.
    let silent: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(&server)).collect();
    let started = Instant::now();
    while ready(&server) != Some(503) {
        assert!(started.elapsed() < PATIENCE, "no connection is refused");
    }
    drop(silent);
    while ready(&server) != Some(200) {
        assert!(started.elapsed() < PATIENCE, "closed connections keep their slots");
    }
    let post = json!({"title": "Afterwards", "body": "b"});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    found(&server, "afterwards");
    assert!(ask(&server).1.starts_with("HTTP/1.1 101 "));
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}

/// The status of a request on a new connection, unless the response is cut off.
fn ready(server: &Server) -> Option<u16> {
    let mut stream = connect(server);
    let request = "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Waits until a search finds one post.
fn found(server: &Server, word: &str) {
    let started = Instant::now();
    loop {
        let (status, found) = server.call("GET", &format!("/api/search?q={word}"), None);
        assert_eq!(status, 200);
        if found["hits"].as_array().is_some_and(|hits| hits.len() == 1) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{word} is not found: {found}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let home = Home::new();
    let server = Server::of(limited("ulimit -Sn 256 && ulimit -Hn 1000", &home, &[]));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().nth(3), Some("1000"), "{line}");
}

#[test]
fn a_hard_limit_that_is_too_low_is_reported() {
    let home = Home::new();
    let warnings = |limit: &str, flags: &[&str]| -> Vec<String> {
        let log = log_of_start(limited(limit, &home, flags));
        let warns = |line: &String| line.contains("WARN") && line.contains("sockets");
        log.into_iter().filter(warns).collect()
    };
    let low = warnings("ulimit -n 256", &[]);
    assert_eq!(low.len(), 1, "{low:?}");
    assert_names(&low[0], &["256", "--max-sockets 20000", "21136", "beyond 108", "503"]);
    assert_eq!(warnings("ulimit -n 1136", &["--max-sockets", "900"]), [""; 0]);
    let low = warnings("ulimit -n 1135", &["--max-sockets", "900"]);
    assert_names(&low[0], &["1135", "--max-sockets 900", "1136", "beyond 898"]);
    let low = warnings("ulimit -n 1136", &["--max-sockets=900", "--max-connections=100"]);
    assert_names(&low[0], &["--max-connections 100", "--max-sockets 900", "beyond 90"]);
    // Without a limit on sockets there is no number that does not fit.
    assert_eq!(warnings("ulimit -n 256", &["--max-sockets", "0"]), [""; 0]);
}

#[test]
fn a_server_with_too_few_descriptors_does_not_start() {
    let home = Home::new();
    let line = complaint(limited("ulimit -n 151", &home, &[]));
    assert_names(&line, &["151", "152", "ulimit -n"]);
    let server = Server::of(limited("ulimit -n 152", &home, &[]));
    let post = json!({"title": "Few", "body": "b"});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    found(&server, "few");
}
