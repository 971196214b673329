//! A limit of 0 means no limit, for every limiting flag.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::json;

use crate::crash::{Server, kilonova, serve};
use crate::databases::Home;
use crate::support::PATIENCE;

const MANY: usize = 40;

/// Every limiting flag of the server, found in its help.
fn limits() -> BTreeSet<String> {
    let help = kilonova(&["serve", "--help"]).output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let is_flag = |c: char| c.is_ascii_lowercase() || c == '-';
    let words = help.split(|c: char| !is_flag(c));
    words.filter(|word| word.starts_with("--max-")).map(str::to_owned).collect()
}

fn handshake(server: &Server, path: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 101 Switching Protocols\r\n", "{path}");
    reader
}

#[test]
fn zero_means_no_limit_for_every_flag() {
    let limits = limits();
    assert!(limits.len() >= 20, "{limits:?}");
    let home = Home::new();
    let server = Server::of({
        let mut command = serve(&home, "127.0.0.1:0");
        command.args(["--workers", "2", "--request-timeout", "0"]);
        command.args(limits.iter().map(|limit| format!("{limit}=0")));
        command
    });
    let user = json!({"username": "ada", "password": "correct horse"});
    assert_eq!(server.call("POST", "/api/users", Some(&user)).0, 201);
    let wrong = json!({"username": "ada", "password": "wrong"});
    let values: Vec<usize> = (0..2_000).collect();
    for n in 0..MANY {
        let post = json!({"title": format!("Post {n}"), "body": "b", "x": values});
        assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
        assert_eq!(server.call("GET", &format!("/posts/{}-post-{n}", n + 1), None).0, 200);
        assert_eq!(server.call("POST", "/api/session", Some(&wrong)).0, 401);
    }
    assert_eq!(server.call("POST", "/api/session", Some(&user)).0, 201);
    let begun = Instant::now();
    while server.call("GET", "/api/search?q=post&limit=100", None).0 == 503 {
        assert!(begun.elapsed() < PATIENCE, "the index is not ready");
    }
    let channels: Vec<String> = (1..=MANY).map(|id| format!("post_comments_{id}")).collect();
    let path = format!("/feed?channels=posts,{}", channels.join(","));
    // Well over one a second, on both workers.
    let open: Vec<_> = (0..MANY).map(|_| handshake(&server, &path)).collect();
    let mut resumed = handshake(&server, "/feed?last_event_id=0");
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains(&format!("Post {}", MANY - 1)) {
        let mut bytes = [0; 4096];
        let count = resumed.read(&mut bytes).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&bytes[..count]);
    }
    drop(open);
    let large =
        json!({"title": "Large", "body": "b".repeat(1024 * 1024), "x": "y".repeat(9_000_000)});
    assert_eq!(server.call("POST", "/api/posts", Some(&large)).0, 201);
}
