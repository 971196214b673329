//! The cost of `?frame=html` compared with the plain frame of the same events: the server's CPU
//! time per frame, measured alternately on one server. In the first mode each write waits until all
//! sockets have the previous frame. In the second, writes go out as fast as they are answered. Then
//! a socket gets several frames in one write, and how many depends on the time to make the frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
    let mut client = Client::connect(server.port).await;
    let body = "Some *words* of a post, and [a link](https://example.org/). ".repeat(20);
    for n in 0..POSTS {
        let post = json!({"title": format!("Post {n}"), "body": body, "tags": ["one", "two"]});
        assert_eq!(client.post("/api/posts", &post).await.0, 201);
    }
    for (sockets, writes) in [(1000, 300), (5000, 100)] {
        for pace in [Pace::OneByOne, Pace::Burst] {
            let mut sums = [0.0, 0.0];
            let mut bytes = [0, 0];
            for _ in 0..ROUNDS {
                for (shape, (_, path)) in SHAPES.into_iter().enumerate() {
                    let delivery = Delivery { path, sockets, writes, pace };
                    let (seconds, length) = delivery.measure(&server, &mut client).await;
                    sums[shape] += seconds;
                    bytes[shape] = length;
                }
            }
            let costs = sums.map(|sum| sum * 1e6 / (ROUNDS * sockets * writes) as f64);
            let what = format!("{sockets} sockets, {pace:?}");
            for ((name, _), (cost, bytes)) in SHAPES.iter().zip(costs.iter().zip(bytes)) {
                println!("{what}, {name}: {cost:.2} µs of CPU a delivery, {bytes} bytes");
            }
            println!("{what}: html / JSON {:.2}", costs[1] / costs[0]);
        }
    }
}

/// When the next write goes out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pace {
    /// When every socket has received the previous one.
    OneByOne,
    /// When the previous one is answered.
    Burst,
}

struct Delivery {
    path: &'static str,
    sockets: usize,
    writes: usize,
    pace: Pace,
}

impl Delivery {
    /// Changes posts until every socket has received all frames. Returns the server's CPU time in
    /// seconds, and the length of the longest frame.
    async fn measure(&self, server: &Server, client: &mut Client) -> (f64, usize) {
        let Delivery { path, sockets, writes, pace } = *self;
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
        for n in 0..writes {
            let title = json!({"title": format!("Another title {n} for {path}")});
            let post = format!("/api/posts/{}", n % POSTS + 1);
            assert_eq!(client.patch(&post, &title).await.0, 200);
            while pace == Pace::OneByOne && received.load(Ordering::Relaxed) < sockets * (n + 1) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let lengths = readers.join_all().await;
        (server.cpu_seconds() - before, lengths.into_iter().max().unwrap_or_default())
    }
}
