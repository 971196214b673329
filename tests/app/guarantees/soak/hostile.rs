//! Strangers that misbehave for as long as a round takes.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use rand::RngExt;
use rand::seq::IndexedRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long each of them stays.
const STAY: Duration = Duration::from_millis(400);
/// Readers that take nothing, on each node.
const IDLERS: usize = 5;

const UPGRADE: &str = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// What one of them sends.
fn nuisance() -> Vec<u8> {
    let upgraded = |frames: &[u8]| {
        let mut bytes = format!("GET /feed?last_event_id=0 HTTP/1.1\r\n{UPGRADE}").into_bytes();
        bytes.extend(frames);
        bytes
    };
    let all = [
        // Half a head, and nothing after it.
        b"GET / HTTP/1.1\r\nHost: local".to_vec(),
        // Bytes of no protocol.
        (0..4096).map(|_| rand::rng().random()).collect(),
        // A body that is promised and does not come, or is too large.
        b"POST /api/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{".to_vec(),
        b"POST /api/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
            .to_vec(),
        // Requests without end, whose responses nobody reads.
        b"GET /api/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200),
        // Reserved bits, a length that no message has, unmasked frames, pings without end.
        upgraded(b"\xf1\x80\0\0\0\0"),
        upgraded(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
        upgraded(b"\x81\x02hi"),
        upgraded(&b"\x89\x80\0\0\0\0".repeat(5000)),
    ];
    all.choose(&mut rand::rng()).unwrap().clone()
}

/// See the module.
pub(super) struct Strangers {
    stop: Rc<Cell<bool>>,
    tasks: Vec<JoinHandle<usize>>,
}

impl Strangers {
    /// Some for each of these ports.
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

    /// Sends them home; says how many there were.
    pub(super) async fn stop(self) -> usize {
        self.stop.set(true);
        let mut count = 0;
        for task in self.tasks {
            count += task.await.unwrap();
        }
        count
    }
}

/// Sends something and stays a while. `None` where no server is, or it hangs up at once.
async fn misbehave(port: u16, bytes: &[u8]) -> Option<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(bytes).await.ok()?;
    let mut buffer = [0; 1024];
    let listening = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    drop(tokio::time::timeout(STAY, listening).await);
    Some(())
}

/// Opens a socket, asks for all that there is, and takes nothing of it until the server goes or the
/// round ends.
async fn idle(port: u16, stop: &Cell<bool>) -> Option<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET /feed?last_event_id=0 HTTP/1.1\r\n{UPGRADE}");
    stream.write_all(request.as_bytes()).await.ok()?;
    while !stop.get() {
        tokio::time::sleep(STAY).await;
        // A server that is gone refuses, and one that has cut the connection says so.
        stream.write_all(b"\x81\x80\0\0\0\0").await.ok()?;
    }
    Some(())
}
