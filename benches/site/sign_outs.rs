//! How long a socket outlives its sign-in when another node ended it: on three connected nodes, and
//! on three that only share a database.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Client, Socket};
use super::nodes::{NODES, free, start};
use super::server::{Server, add_user};

const TIMES: usize = 100;
const PASSWORD: &str = "a password of a benchmark";

/// The close code of a socket whose sign-in has ended.
const ENDED: u16 = 1008;

/// Runs the benchmark. `DATABASE_URL` must name an empty database.
pub(super) async fn measure() {
    let accounts = [("KILONOVA_ACCESS", "accounts".to_owned())];
    let links: Vec<_> = (0..NODES).map(|_| free()).collect();
    let mut nodes = Vec::new();
    for index in 0..NODES {
        nodes.push(start(index, &links, &accounts).await);
    }
    add_user(&nodes[0].data, "reader", "member", PASSWORD);
    add_user(&nodes[0].data, "boss", "admin", PASSWORD);
    see(&nodes[0]).await;
    sign_outs("nodes that tell each other", &nodes).await;
    drop(nodes);
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(Server::start_with(|_| {}, &accounts).await);
    }
    sign_outs("nodes that share a database", &nodes).await;
}

/// Waits until a node sees that all nodes listen for ended sign-ins.
async fn see(node: &Server) {
    let begun = Instant::now();
    let mut client = Client::connect(node.port).await;
    let cookie = client.sign_in("boss", PASSWORD).await;
    loop {
        let (_, body) = client.signed_in("GET", "/api/channels", &cookie).await;
        let groups: Value = serde_json::from_slice(&body).unwrap();
        let channels = groups["channels"].as_array().unwrap();
        if channels.iter().any(|one| one["channel"] == "sign_ins" && one["members"] == NODES) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{groups}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn sign_outs(name: &str, nodes: &[Server]) {
    let (mut after_answer, mut after_request) = (Vec::new(), Vec::new());
    for time in 0..TIMES {
        let mut client = Client::connect(nodes[time % NODES].port).await;
        let cookie = client.sign_in("reader", PASSWORD).await;
        let other = nodes[(time + 1) % NODES].port;
        let mut socket = Socket::connect_as(other, "/notifications", &cookie).await;
        let closed = tokio::spawn(async move { (socket.close_code().await, Instant::now()) });
        // Spreads the sign-outs over the second between two reads of the database.
        tokio::time::sleep(Duration::from_millis((time * 617 % 1000) as u64)).await;
        let asked = Instant::now();
        assert_eq!(client.signed_in("DELETE", "/api/session", &cookie).await.0, 204);
        let answered = Instant::now();
        let (code, closed) = closed.await.unwrap();
        assert_eq!(code, ENDED);
        // Zero if the socket was closed before the response arrived.
        after_answer.push(closed.saturating_duration_since(answered));
        after_request.push(closed - asked);
    }
    report(&format!("{name}: answer to close frame"), &mut after_answer);
    report(&format!("{name}: request to close frame"), &mut after_request);
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let (half, worst) = (ms(times[times.len() / 2]), ms(times[times.len() - 1]));
    println!("{name:52} p50 {half:7.2} ms  worst {worst:7.2} ms");
}
