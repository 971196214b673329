//! The cost of `?frame=html` beside the plain frame of the same events: processor time of the server
//! for each frame, on one server, in turns.

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
        let mut sums = [0.0, 0.0];
        let mut bytes = [0, 0];
        for _ in 0..ROUNDS {
            for (shape, (_, path)) in SHAPES.into_iter().enumerate() {
                let (seconds, length) = deliver(&server, &mut client, path, sockets, writes).await;
                sums[shape] += seconds;
                bytes[shape] = length;
            }
        }
        let costs = sums.map(|sum| sum * 1e6 / (ROUNDS * sockets * writes) as f64);
        for ((name, _), (cost, bytes)) in SHAPES.iter().zip(costs.iter().zip(bytes)) {
            println!("{sockets} sockets, {name}: {cost:.2} µs of CPU a delivery, {bytes} bytes");
        }
        println!("{sockets} sockets: html / JSON {:.2}", costs[1] / costs[0]);
    }
}

/// Changes posts until every socket has received `writes` frames. Returns the server's processor time
/// in seconds, and the length of the longest frame.
async fn deliver(
    server: &Server,
    client: &mut Client,
    path: &'static str,
    sockets: usize,
    writes: usize,
) -> (f64, usize) {
    let mut readers = JoinSet::new();
    for _ in 0..sockets {
        let mut socket = Socket::connect(server.port, path).await;
        readers.spawn(async move {
            let mut length = 0;
            for _ in 0..writes {
                let frame = socket.next().await;
                length = frame.len();
                let is_html = serde_json::from_str::<Value>(&frame).unwrap()["html"].is_string();
                assert_eq!(is_html, path.ends_with("html"), "{frame}");
            }
            length
        });
    }
    let before = server.cpu_seconds();
    for n in 0..writes {
        let title = json!({"title": format!("Another title {n} for {path}")});
        let path = format!("/api/posts/{}", n % POSTS + 1);
        assert_eq!(client.patch(&path, &title).await.0, 200);
    }
    let lengths = readers.join_all().await;
    (server.cpu_seconds() - before, lengths.into_iter().max().unwrap_or_default())
}
