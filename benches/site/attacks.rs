//! How each attack affects a health check: how long `/health/ready` takes over a new connection,
//! compared with an idle server, and how much memory the server uses.
//!
//! The attackers run on a separate thread of this process, and share the cores with the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::client::Client;
use super::server::Server;

/// How long each attack is measured, after a second to build up.
const MEASURED: Duration = Duration::from_secs(5);

/// The time between two health checks.
const EVERY: Duration = Duration::from_millis(5);

/// The number of posts of a mebibyte that are costly to render.
const INTRICATE: usize = 40;

/// The action that one connection repeats.
#[derive(Clone)]
enum Act {
    /// Sends a request, and reads the whole response.
    Ask(Vec<u8>),
    /// Sends bytes, and waits until the server closes the connection.
    Hold(Vec<u8>),
    /// Sends bytes, reads one byte, and disconnects.
    Leave(Vec<u8>),
}

struct Attack {
    name: &'static str,
    connections: usize,
    act: Box<dyn Fn(usize) -> Act>,
}

/// Runs all attacks sequentially.
pub(super) async fn measure() {
    let server = Server::start(|_| {}).await;
    let mut client = Client::connect(server.port).await;
    for number in 0..INTRICATE {
        // Half of them are over the limit of elements, half just under it.
        let body = match number % 2 {
            0 => "[a](".repeat(260_000),
            _ => "*a* `b` ".repeat(9_900) + &"x ".repeat(480_000),
        };
        let post = json!({"title": format!("Post {number}"), "body": body});
        assert_eq!(client.post("/api/posts", &post).await.0, 201);
    }
    let idle = probe(&server).await;
    println!("idle: {}", idle.told());
    println!(
        "{:36} {:>8} {:>8} {:>8} {:>7} {:>9}",
        "attack", "p50 ms", "p99 ms", "max ms", "× idle", "memory MB"
    );
    for Attack { name, connections, act } in attacks() {
        let stop = Arc::new(AtomicBool::new(false));
        let acts: Vec<Act> = (0..connections).map(&act).collect();
        let (port, stopped) = (server.port, Arc::clone(&stop));
        let attackers = thread::spawn(move || attack(port, acts, &stopped));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let seen = probe(&server).await;
        stop.store(true, Ordering::Relaxed);
        attackers.join().unwrap();
        println!(
            "{name:36} {:8.2} {:8.2} {:8.2} {:7.1} {:9.0}",
            seen.at(0.50),
            seen.at(0.99),
            seen.at(1.0),
            seen.at(0.99) / idle.at(0.99),
            seen.memory as f64 / 1e6,
        );
        // Waits until the server has finished the attack's requests.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// The result of the health checks: their sorted times in milliseconds, and the peak memory.
struct Probe {
    times: Vec<f64>,
    memory: u64,
}

impl Probe {
    fn at(&self, share: f64) -> f64 {
        let index = (self.times.len() as f64 * share) as usize;
        self.times[index.min(self.times.len() - 1)]
    }

    fn told(&self) -> String {
        let (half, most) = (self.at(0.50), self.at(0.99));
        format!("p50 {half:.2} ms, p99 {most:.2} ms, {:.0} MB", self.memory as f64 / 1e6)
    }
}

async fn probe(server: &Server) -> Probe {
    let begun = Instant::now();
    let (mut times, mut memory) = (Vec::new(), 0);
    while begun.elapsed() < MEASURED {
        let asked = Instant::now();
        let mut client = Client::connect(server.port).await;
        assert_eq!(client.get("/health/ready").await.0, 200);
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
        if times.len() % 20 == 0 {
            memory = memory.max(server.anonymous_memory());
        }
        tokio::time::sleep(EVERY).await;
    }
    times.sort_by(f64::total_cmp);
    Probe { times, memory: memory.max(server.anonymous_memory()) }
}

/// Runs all attackers until `stop` is set.
fn attack(port: u16, acts: Vec<Act>, stop: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let attackers = LocalSet::new();
    for act in acts {
        attackers.spawn_local(async move {
            loop {
                // An error is the server's defence, so the attack continues.
                if act.clone().run(port).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    let stopped = async {
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    runtime.block_on(attackers.run_until(stopped));
}

impl Act {
    async fn run(self, port: u16) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut bytes = vec![0; 64 * 1024];
        match self {
            Act::Ask(request) => {
                stream.write_all(&request).await?;
                while stream.read(&mut bytes).await? > 0 {}
            }
            Act::Leave(request) => {
                stream.write_all(&request).await?;
                stream.read_exact(&mut bytes[..1]).await?;
            }
            Act::Hold(request) => {
                stream.write_all(&request).await?;
                // Takes the handshake's answer, and nothing after it.
                stream.read_exact(&mut bytes[..16]).await?;
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let length = if length > 0 { format!("Content-Length: {length}\r\n") } else { String::new() };
    format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\r\n{body}"
    )
    .into_bytes()
}

fn handshake(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

const JSON: &str = "Content-Type: application/json\r\n";

fn attacks() -> Vec<Attack> {
    let attack =
        |name, connections, act: fn(usize) -> Act| Attack { name, connections, act: Box::new(act) };
    vec![
        attack("later heads that never end", 500, |_| {
            let first = "GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
            Act::Hold(format!("{first}GET / HTTP/1.1\r\nHost: x").into())
        }),
        attack("heads of 120 KiB that never end", 500, |_| {
            let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(120_000));
            Act::Hold(head.into())
        }),
        attack("bodies in chunks of one byte", 500, |_| {
            let head = "GET /search?q=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
            let chunks = "1\r\nx\r\n".repeat(140_000);
            Act::Ask(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").into())
        }),
        attack("lists of mebibytes that nobody reads", 200, |_| {
            Act::Hold(request("GET /api/posts?limit=100", "", ""))
        }),
        attack("messages of WebSockets that never end", 2000, |_| {
            let frame = [&[0x81, 0xfe, 0xfd, 0xe8, 0, 0, 0, 0][..], &[b'x'; 64_000]].concat();
            Act::Hold([handshake("/feed"), frame].concat())
        }),
        attack("bodies of 8 MiB that never end", 184, |_| {
            let mut unfinished = request("POST /api/posts", JSON, &"x".repeat(8 << 20));
            unfinished.pop();
            Act::Hold(unfinished)
        }),
        attack("bodies of a million values", 8, |_| {
            let values = format!("{{\"x\":[{}0]}}", "{\"\":0},".repeat(1_000_000));
            Act::Ask(request("POST /api/posts", JSON, &values))
        }),
        attack("pages that are costly to lay out", 20, |n| {
            let number = n % INTRICATE;
            Act::Ask(request(&format!("HEAD /posts/{}-post-{number}", number + 1), "", ""))
        }),
        attack("searches", 64, |n| {
            let words = format!("/api/search?q=a+OR+b+OR+x+OR+%22post+{n}%22&limit=100");
            Act::Ask(request(&format!("GET {words}"), "", ""))
        }),
        attack("clients that resume and do not read", 400, |_| {
            Act::Hold(handshake("/feed?last_event_id=0"))
        }),
        attack("wrong passwords", 90, |n| {
            let guess = json!({"username": format!("user{n}"), "password": "a wrong password"});
            Act::Ask(request("POST /api/session", JSON, &guess.to_string()))
        }),
        attack("streams that come and go", 32, |_| {
            Act::Leave(request("GET /feed", "Accept: text/event-stream\r\n", ""))
        }),
        attack("WebSockets that come and go", 32, |_| Act::Leave(handshake("/feed"))),
        attack("22 bytes that change a mebibyte", 4, |n| {
            let status = if n % 2 == 0 { "archived" } else { "published" };
            let body = json!({ "status": status }).to_string();
            Act::Ask(request("PATCH /api/posts/1", JSON, &body))
        }),
        attack("noise", 32, |_| Act::Leave(b"X\r\n\r\n".to_vec())),
    ]
}
