//! The cost of `?frame=html` compared with the plain frame of the same events: the server's CPU
//! time per frame, measured alternately on one server. Writes come one by one, or twenty at once;
//! the next ones wait until all sockets have the frames of the last. After twenty, a socket gets
//! several frames in one write. (Writes as fast as one writer can make them would measure luck: how
//! many fit between two batches is from 1 to 32, with either shape.)

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, Socket};
use super::server::Server;

const SHAPES: [(&str, &str); 2] = [("JSON", "/feed"), ("html", "/feed?frame=html")];
const POSTS: usize = 20;
const ROUNDS: usize = 3;

pub(super) async fn measure() {
    let variables = [("KILONOVA_MAX_SOCKETS", "0".to_owned())];
    let server = Server::start_with(|_| {}, &variables).await;
    let mut clients = Vec::new();
    for _ in 0..POSTS {
        clients.push(Client::connect(server.port).await);
    }
    let body = "Some *words* of a post, and [a link](https://example.org/). ".repeat(20);
    for n in 0..POSTS {
        let post = json!({"title": format!("Post {n}"), "body": body, "tags": ["one", "two"]});
        assert_eq!(clients[0].post("/api/posts", &post).await.0, 201);
    }
    for (sockets, writes) in [(1000, 300), (5000, 100)] {
        for together in [1, POSTS] {
            let mut sums = [0.0, 0.0];
            let mut bytes = [0, 0];
            for _ in 0..ROUNDS {
                for (shape, (_, path)) in SHAPES.into_iter().enumerate() {
                    let delivery = Delivery { path, sockets, writes };
                    let writers = &mut clients[..together];
                    let (seconds, length) = delivery.measure(&server, writers).await;
                    sums[shape] += seconds;
                    bytes[shape] = length;
                }
            }
            let costs = sums.map(|sum| sum * 1e6 / (ROUNDS * sockets * writes) as f64);
            let what = format!("{sockets} sockets, {together} at once");
            for ((name, _), (cost, bytes)) in SHAPES.iter().zip(costs.iter().zip(bytes)) {
                println!("{what}, {name}: {cost:.2} µs of CPU a delivery, {bytes} bytes");
            }
            println!("{what}: html / JSON {:.2}", costs[1] / costs[0]);
        }
    }
}

struct Delivery {
    path: &'static str,
    sockets: usize,
    writes: usize,
}

impl Delivery {
    /// Changes posts, as many at once as there are writers, until every socket has received all
    /// frames. Returns the server's CPU time in seconds, and the length of the longest frame.
    async fn measure(&self, server: &Server, writers: &mut [Client]) -> (f64, usize) {
        let Delivery { path, sockets, writes } = *self;
        let received = Arc::<AtomicUsize>::default();
        let mut readers = JoinSet::new();
        for _ in 0..sockets {
            let mut socket = Socket::connect(server.port, path).await;
            let received = Arc::clone(&received);
            readers.spawn(async move {
                let mut length = 0;
                for _ in 0..writes {
                    let frame = socket.next().await;
                    received.fetch_add(1, Ordering::Relaxed);
                    length = frame.len();
                    let frame: Value = serde_json::from_str(&frame).unwrap();
                    assert_eq!(frame["html"].is_string(), path.ends_with("html"), "{frame}");
                }
                length
            });
        }
        let before = server.cpu_seconds();
        let together = writers.len();
        assert_eq!(writes % together, 0);
        for n in (0..writes).step_by(together) {
            let changes = writers.iter_mut().enumerate().map(async |(post, writer)| {
                let title = json!({"title": format!("Another title {n} for {path}")});
                assert_eq!(writer.patch(&format!("/api/posts/{}", post + 1), &title).await.0, 200);
            });
            join_all(changes).await;
            while received.load(Ordering::Relaxed) < sockets * (n + together) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let lengths = readers.join_all().await;
        (server.cpu_seconds() - before, lengths.into_iter().max().unwrap_or_default())
    }
}
