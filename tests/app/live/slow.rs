//! Readers that are slower than the events: how they are closed, what they cost, and that others
//! are unaffected.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kilonova::feed::Bounds;
use serde_json::{Value, json};

use crate::crash::Server;
use crate::databases::Home;
use crate::support::{PATIENCE, Raw, Site, within};

/// A note whose event soon fills a socket's buffers.
fn large(size: usize) -> Value {
    json!({"title": "Large", "body": "x".repeat(size), "author": "Ada"})
}

#[actix_web::test]
async fn a_reader_that_falls_behind_is_closed_with_1013_and_resumes() {
    // Only a few more than the kernel's buffers and the queue hold, so that it soon reads again.
    const NOTES: usize = 18;
    let site = Site::start_with(|config| {
        config.queue = Bounds { messages: 8, bytes: 1024 * 1024 };
        // Long enough that the reader receives the close in any case.
        config.heartbeat.grace = PATIENCE;
    })
    .await;
    let mut slow = Raw::upgrade(&site, "/notifications").await;
    let mut fast = site.socket("/notifications").await;
    for _ in 0..NOTES {
        let note = site.post("/api/notes", &large(64 * 1024)).await.json(201);
        assert_eq!(fast.next_json().await["data"]["id"], note["id"]);
    }

    // The reader resumes reading before it is cut off: frames without a gap, and then the close.
    let mut next = 1;
    let close = loop {
        match slow.frame().await {
            Some(frame) if frame.opcode == 1 => {
                let frame: Value = serde_json::from_slice(&frame.payload).unwrap();
                assert_eq!(frame["id"], next, "a hole before {next}");
                next += 1;
            }
            other => break other,
        }
    };
    assert_eq!(close.expect("a close frame").close_code(), Some(1013));
    assert!(next <= NOTES, "it never fell behind, so the test shows nothing");

    let path = format!("/notifications?last_event_id={}", next - 1);
    let mut again = site.socket(&path).await;
    for id in next..=NOTES {
        assert_eq!(again.next_json().await["id"], id);
    }
    fast.close().await;
    again.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_reader_that_never_reads_is_cut_within_seconds() {
    let site = Site::start_with(|config| {
        config.queue = Bounds { messages: 8, bytes: 1024 * 1024 };
    })
    .await;
    let socket = Raw::upgrade(&site, "/notifications").await;
    let mut stream = Raw::connect(&site).await;
    stream
        .send(
            b"GET /notifications HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
        )
        .await;
    stream.read_until(": welcome").await;
    assert_eq!(site.sockets().open(), 2);
    for _ in 0..60 {
        site.post("/api/notes", &large(64 * 1024)).await.json(201);
    }
    // Neither can receive a close, because their connections are blocked.
    let started = Instant::now();
    within("both are cut off", site.sockets().all_closed()).await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    // Their connections are gone too, with the kernel's buffers.
    let gone = async {
        while unsent(site.port).iter().any(|bytes| *bytes > 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("the connections are gone", gone).await;
    drop((socket, stream));
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_crowd_that_never_reads_delays_nobody_in_bounded_memory() {
    const CROWD: usize = 500;
    const NOTES: usize = 120;
    let home = Home::new();
    let server = Server::start(&home);
    let address = ([127, 0, 0, 1], server.port).into();
    let mut fast = Raw::upgrade_to(address, "/notifications").await;
    // Fills caches and the index first, so that the measured growth is the crowd's.
    for id in 1..=NOTES {
        write(address, &mut fast, id).await;
    }
    let before = resident(server.id());
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(Raw::upgrade_to(address, "/notifications").await);
    }
    let (mut slowest, mut most) = (Duration::ZERO, 0);
    for id in NOTES + 1..=2 * NOTES {
        let sent = Instant::now();
        write(address, &mut fast, id).await;
        slowest = slowest.max(sent.elapsed());
        most = most.max(unsent(server.port).into_iter().max().unwrap_or(0));
    }
    let grown = resident(server.id()).saturating_sub(before);
    assert!(slowest < PATIENCE / 3, "a reader that reads waited {slowest:?}");
    assert!(most > 16 * 1024, "nobody was blocked, so the test shows nothing");
    assert!(most <= 256 * 1024, "the kernel holds {most} bytes for one reader");
    // All of them share the same bytes, a few megabytes. The limit allows for the indexer's noise;
    // a copy for each reader would be a gigabyte.
    assert!(grown < 192 * 1024, "{grown} KB more for {CROWD} readers that do not read");
    let started = Instant::now();
    while unsent(server.port).iter().filter(|bytes| **bytes > 0).count() > 0 {
        assert!(started.elapsed() < PATIENCE, "readers that never read are not cut off");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(crowd);
}

/// Writes a note and waits until the reader has received it.
async fn write(address: SocketAddr, reader: &mut Raw, id: usize) {
    let body = large(16 * 1024).to_string();
    let json = [("content-type", "application/json")];
    let writing = async {
        let client = Raw::connect_to(address).await;
        client.request("POST", "/api/notes", &json, body.as_bytes()).await.status
    };
    let (status, frame) = tokio::join!(writing, text(reader));
    assert_eq!(status, 201);
    let frame: Value = serde_json::from_slice(&frame).unwrap();
    assert_eq!(frame["id"], id);
}

/// The next text frame. Answers pings.
async fn text(socket: &mut Raw) -> Vec<u8> {
    loop {
        let frame = within("a frame", socket.frame()).await.expect("an open socket");
        match frame.opcode {
            1 => return frame.payload,
            9 => socket.send(&[0x8a, 0x80, 0, 0, 0, 0]).await,
            other => panic!("a frame of kind {other}"),
        }
    }
}

/// The bytes that the kernel holds for each of a server's connections, written but not yet
/// acknowledged by the other end.
fn unsent(port: u16) -> Vec<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, queues) = (fields.get(1)?, fields.get(4)?);
            let sending = queues.split(':').next()?;
            address.ends_with(&local).then(|| usize::from_str_radix(sending, 16).ok())?
        })
        .collect()
}

/// The memory of a process in KB, without mapped files.
fn resident(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
