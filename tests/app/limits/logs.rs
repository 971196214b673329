//! Limits on the log lines that strangers can cause.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::crash::Server;
use crate::databases::Home;

#[test]
fn strangers_cannot_flood_the_log() {
    const EACH: usize = 50;
    let home = Home::new();
    let server = Server::start(&home);
    let large = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let handshake = "GET /feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // A frame with reserved bits and an excessive length.
    let broken = format!("{handshake}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}");
    for noise in [
        "X\r\n\r\n",
        "\0\0\0\0",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        "GET /api/posts?cursor=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /nowhere HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
        &large,
        &broken,
    ] {
        for n in 0..EACH {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            // The server may hang up before everything is sent.
            let _ = stream.write_all(noise.as_bytes());
            if n % 2 == 0 {
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    }
    assert_eq!(server.call("GET", "/health/ready", None).0, 200);
    let log = server.log();
    assert!(log.len() < EACH / 2, "{} lines, as {:?}", log.len(), &log[..3]);
}
