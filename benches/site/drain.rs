//! How long readers get no events when their node stops: all sockets of one node reconnect to
//! another, which shares its database and its cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kilonova::descriptors;
use tokio::task::JoinSet;

use super::client::{Client, Socket};
use super::nodes::{free, start};
use super::server::Server;
use super::{note, report};

/// The time between two writes.
const EVERY: Duration = Duration::from_millis(200);

/// The node's `--drain`, in seconds.
const DRAIN: u64 = 2;

/// How long a refused client waits. A client whose socket is closed reconnects at once.
const RETRY: Duration = Duration::from_millis(100);

/// The result for one socket.
struct Moved {
    /// From its last event on the old node to its first on the new one.
    gap: Duration,
    /// From the close frame to the 101.
    reconnected: Duration,
    /// When the close frame came.
    closed: Instant,
}

/// Runs the benchmark with `count` sockets. `DATABASE_URL` must name an empty database.
pub(super) async fn measure(count: usize) {
    descriptors::raise();
    let links = [free(), free()];
    let flags = [
        ("KILONOVA_DRAIN", DRAIN.to_string()),
        ("KILONOVA_MAX_SOCKETS", (count + 1_000).to_string()),
    ];
    let mut old = start(0, &links, &flags).await;
    let new = start(1, &links, &flags).await;
    let (ports, refused) = ((old.port, new.port), Arc::<AtomicUsize>::default());
    let mut readers = JoinSet::new();
    for _ in 0..count {
        let socket = Socket::connect(old.port, "/notifications").await;
        readers.spawn(read(socket, ports.1, Arc::clone(&refused)));
    }
    let ended = Arc::<AtomicBool>::default();
    let writing = tokio::spawn(write(new.port, Arc::clone(&ended)));
    // By then, each reader has received events from the old node.
    tokio::time::sleep(EVERY * 10).await;
    let begun = Instant::now();
    old.terminate();
    let draining = tokio::spawn(not_ready(old.port));
    let moved = readers.join_all().await;
    let stopped = stop(&mut old).await;
    let lasted = begun.elapsed();
    ended.store(true, Ordering::Relaxed);
    let written = writing.await.unwrap();
    println!("{count} sockets, a write every {EVERY:?} ({written}); --drain {DRAIN}, --grace 10");
    println!("not ready {:.2} s after SIGTERM", (draining.await.unwrap() - begun).as_secs_f64());
    let closed: Vec<_> = moved.iter().map(|moved| moved.closed - begun).collect();
    let at = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
    let (first, last) = (at(closed.iter().min()), at(closed.iter().max()));
    println!("close frames {first:.2} to {last:.2} s after SIGTERM");
    println!("{stopped} {:.2} s after SIGTERM", lasted.as_secs_f64());
    println!("refused handshakes: {}", refused.load(Ordering::Relaxed));
    println!("events lost, duplicate or out of order: 0 (each socket is checked)");
    report("close frame to 101", &mut moved.iter().map(|one| one.reconnected).collect::<Vec<_>>());
    report("last event to next event", &mut moved.iter().map(|one| one.gap).collect::<Vec<_>>());
}

/// Reads a socket until its node closes it, and continues on the other node. Checks that no event
/// is missing or duplicate.
async fn read(mut socket: Socket, other: u16, refused: Arc<AtomicUsize>) -> Moved {
    let (mut last, mut seen) = (None, Instant::now());
    loop {
        match socket.next_or_close().await {
            Ok(frame) => {
                let id = id(&frame);
                assert!(last.is_none_or(|last| id == last + 1), "{id} follows {last:?}");
                (last, seen) = (Some(id), Instant::now());
            }
            Err(code) => {
                assert_eq!(code, 1001);
                break;
            }
        }
    }
    let closed = Instant::now();
    let last = last.unwrap();
    drop(socket);
    let path = format!("/notifications?last_event_id={last}");
    let mut socket = loop {
        match Socket::try_connect(other, &path).await {
            Ok(Some(socket)) => break socket,
            _ => {
                refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let reconnected = closed.elapsed();
    let next = loop {
        let frame = socket.next().await;
        if !frame.contains("\"event\":\"position\"") {
            break id(&frame);
        }
    };
    assert_eq!(next, last + 1);
    Moved { gap: seen.elapsed(), reconnected, closed }
}

/// The position at the end of a frame.
fn id(frame: &str) -> i64 {
    let (_, id) = frame.rsplit_once(":").unwrap();
    id.trim_end_matches('}').parse().unwrap()
}

/// Writes until `ended` is set. Returns the number of writes.
async fn write(port: u16, ended: Arc<AtomicBool>) -> usize {
    let mut client = Client::connect(port).await;
    let (note, mut rhythm) = (note(), tokio::time::interval(EVERY));
    let mut count = 0;
    while !ended.load(Ordering::Relaxed) {
        rhythm.tick().await;
        assert_eq!(client.post("/api/notes", &note).await.0, 201);
        count += 1;
    }
    count
}

/// Waits until a node is not ready, and returns that time.
async fn not_ready(port: u16) -> Instant {
    loop {
        let Ok(mut client) = Client::try_connect(port).await else { return Instant::now() };
        if client.get("/health/ready").await.0 != 200 {
            return Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn stop(server: &mut Server) -> String {
    loop {
        if let Some(status) = server.ended() {
            return format!("the old node ended with {status}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
