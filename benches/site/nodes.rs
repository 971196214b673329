//! Three nodes in a cluster on one PostgreSQL: writes, the latency of an event between nodes, the
//! cost of an idle node, and the time until a killed node is detected.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use super::client::{Client, Socket};
use super::server::Server;
use super::{rate, report, seen, write_in_rhythm};

pub(super) const NODES: usize = 3;
const KILLS: usize = 10;

/// Runs the benchmark. `DATABASE_URL` must name an empty database.
pub(super) async fn measure() {
    let links: Vec<_> = (0..NODES).map(|_| free()).collect();
    let mut nodes = Vec::new();
    for index in 0..NODES {
        nodes.push(start(index, &links, &[]).await);
    }
    see(&nodes[0], NODES).await;
    idle(&nodes).await;
    latency(&nodes).await;
    for (from, clients) in [(1, 1), (1, 64), (NODES, 1), (NODES, 64)] {
        writes(&nodes[..from], clients).await;
    }
    gone(nodes, &links).await;
}

/// Starts a node that finds the others at these ports, with additional environment variables.
pub(super) async fn start(index: usize, links: &[u16], more: &[(&str, String)]) -> Server {
    let connect: Vec<_> = links.iter().map(|port| format!("tcp/127.0.0.1:{port}")).collect();
    let flags = [
        ("KILONOVA_NODE", format!("node-{index}")),
        ("KILONOVA_CLUSTER_LISTEN", connect[index].clone()),
        ("KILONOVA_CLUSTER_CONNECT", connect.join(",")),
        ("KILONOVA_CLUSTER_SECRET", "a secret of a benchmark".to_owned()),
    ];
    Server::start_with(|_| {}, &[&flags, more].concat()).await
}

/// Waits until a node sees `count` nodes, with a relay on each. Returns how long that took.
async fn see(node: &Server, count: usize) -> Duration {
    let begun = Instant::now();
    let mut client = Client::connect(node.port).await;
    loop {
        let (_, body) = client.get("/api/channels").await;
        let groups: Value = serde_json::from_slice(&body).unwrap();
        let channels = groups["channels"].as_array().unwrap();
        let log = channels.iter().find(|channel| {
            channel["channel"].as_str().is_some_and(|name| name.ends_with(":committed"))
        });
        if groups["nodes"].as_array().unwrap().len() == count && log.unwrap()["members"] == count {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{groups}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn idle(nodes: &[Server]) {
    const SECONDS: u64 = 30;
    // By then, the work of starting is done.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let before: Vec<_> = nodes.iter().map(Server::cpu_seconds).collect();
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    for (node, before) in nodes.iter().zip(before) {
        println!(
            "idle node: {:.1} MiB private memory, {:.2} % of a core",
            node.private_memory() as f64 / 1024.0 / 1024.0,
            (node.cpu_seconds() - before) * 100.0 / SECONDS as f64
        );
    }
}

/// Writes on the first node every 20 ms, and waits for each frame on a socket of every node.
async fn latency(nodes: &[Server]) {
    let mut readers = JoinSet::new();
    for (index, node) in nodes.iter().enumerate() {
        let seen = seen(Socket::connect(node.port, "/notifications").await);
        readers.spawn(async move { (index, seen.await) });
    }
    let (sent, mut answered) = write_in_rhythm(nodes[0].port).await;
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for (index, seen) in readers.join_all().await {
        let times = if index == 0 { &mut here } else { &mut there };
        times.extend(seen.iter().zip(&sent).map(|(seen, sent)| *seen - *sent));
    }
    report("write to its answer", &mut answered);
    report("to a frame on the same node", &mut here);
    report("to a frame on another node", &mut there);
}

async fn writes(nodes: &[Server], clients: usize) {
    println!(
        "{} node(s), {clients:2} client(s) of each: {:.0} durable writes a second",
        nodes.len(),
        rate(nodes, clients).await
    );
}

async fn gone(mut nodes: Vec<Server>, links: &[u16]) {
    let mut times = Vec::new();
    for _ in 0..KILLS {
        see(&nodes[0], NODES).await;
        drop(nodes.pop());
        times.push(see(&nodes[0], NODES - 1).await);
        nodes.push(start(NODES - 1, links, &[]).await);
    }
    report("killed to gone", &mut times);
}

pub(super) fn free() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
