//! Hostile clients that misbehave throughout a round.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use rand::RngExt;
use rand::seq::IndexedRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The time that each client stays connected.
const STAY: Duration = Duration::from_millis(400);
/// The number of readers on each node that never read.
const IDLERS: usize = 5;

const UPGRADE: &str = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The bytes that a hostile client sends.
fn nuisance() -> Vec<u8> {
    let upgraded = |frames: &[u8]| {
        let mut bytes = format!("GET /feed?last_event_id=0 HTTP/1.1\r\n{UPGRADE}").into_bytes();
        bytes.extend(frames);
        bytes
    };
    let all = [
        // Half a request head.
        b"GET / HTTP/1.1\r\nHost: local".to_vec(),
        // Random bytes.
        (0..4096).map(|_| rand::rng().random()).collect(),
        // A body that does not arrive, or is too large.
        b"POST /api/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{".to_vec(),
        b"POST /api/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
            .to_vec(),
        // Many requests, whose responses are never read.
        b"GET /api/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200),
        // Reserved bits, an excessive length, unmasked frames, a flood of pings.
        upgraded(b"\xf1\x80\0\0\0\0"),
        upgraded(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
        upgraded(b"\x81\x02hi"),
        upgraded(&b"\x89\x80\0\0\0\0".repeat(5000)),
    ];
    all.choose(&mut rand::rng()).unwrap().clone()
}

/// The running hostile clients.
pub(super) struct Strangers {
    stop: Rc<Cell<bool>>,
    tasks: Vec<JoinHandle<usize>>,
}

impl Strangers {
    /// Starts several for each of these ports.
    pub(super) fn start(ports: &[u16]) -> Strangers {
        let stop = Rc::new(Cell::new(false));
        let misbehaving = ports.iter().map(|port| {
            let (port, stop) = (*port, Rc::clone(&stop));
            actix_web::rt::spawn(async move {
                let mut count = 0;
                while !stop.get() {
                    count += usize::from(misbehave(port, &nuisance()).await.is_some());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                count
            })
        });
        let idling = ports.iter().flat_map(|port| [*port; IDLERS]).map(|port| {
            let stop = Rc::clone(&stop);
            actix_web::rt::spawn(async move {
                let mut count = 0;
                while !stop.get() {
                    count += usize::from(idle(port, &stop).await.is_some());
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                count
            })
        });
        let tasks = misbehaving.chain(idling).collect();
        Strangers { stop, tasks }
    }

    /// Stops them and returns the number of connections they made.
    pub(super) async fn stop(self) -> usize {
        self.stop.set(true);
        let mut count = 0;
        for task in self.tasks {
            count += task.await.unwrap();
        }
        count
    }
}

/// Sends bytes and stays a while. `None` if there is no server, or it hangs up at once.
async fn misbehave(port: u16, bytes: &[u8]) -> Option<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(bytes).await.ok()?;
    let mut buffer = [0; 1024];
    let listening = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    drop(tokio::time::timeout(STAY, listening).await);
    Some(())
}

/// Opens a socket, requests the whole log, and reads nothing until the server or the round ends.
async fn idle(port: u16, stop: &Cell<bool>) -> Option<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET /feed?last_event_id=0 HTTP/1.1\r\n{UPGRADE}");
    stream.write_all(request.as_bytes()).await.ok()?;
    while !stop.get() {
        tokio::time::sleep(STAY).await;
        // The write fails once the server has gone or has cut the connection.
        stream.write_all(b"\x81\x80\0\0\0\0").await.ok()?;
    }
    Some(())
}
