//! Broadcasts between three nodes, each with a registry and a member: from a `broadcast` on one to
//! the member's actor on another. Every member must get each message of each sender once, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Arbiter, Context, Handler};
use kilonova_cluster::{Incoming, NodeId, Zenoh};
use kilonova_pubsub::{Envelope, Payload, PubSub};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::node;

const NODES: usize = 3;
const SECONDS: u64 = 5;
const SAMPLES: usize = 5_000;
/// The maximum number of one sender's messages in transit to the slowest member, so that no full
/// queue loses one.
const WINDOW: u64 = 500;

struct Node {
    pubsub: PubSub,
    adapter: Arc<Zenoh>,
    // The number of messages received from each node, in order.
    taken: Arc<[AtomicU64; NODES]>,
}

/// A member that expects each sender's messages in order.
struct Ear(Arc<[AtomicU64; NODES]>);

impl Actor for Ear {
    type Context = Context<Ear>;

    fn started(&mut self, ctx: &mut Context<Ear>) {
        // The window bounds the mailbox instead.
        ctx.set_mailbox_capacity(0);
    }
}

impl Handler<Envelope> for Ear {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Context<Ear>) {
        assert_eq!(envelope.lagged(), None, "a message is lost");
        let told: Value = envelope.payload().decode().unwrap();
        let (from, number) = (told["from"].as_u64().unwrap(), told["number"].as_u64().unwrap());
        let before = self.0[usize::try_from(from).unwrap()].fetch_add(1, Ordering::Relaxed);
        assert_eq!(before, number, "a message is lost, duplicated or out of order");
    }
}

/// A member that reports when each message arrived.
struct Clock(mpsc::UnboundedSender<Instant>);

impl Actor for Clock {
    type Context = Context<Clock>;
}

impl Handler<Envelope> for Clock {
    type Result = ();

    fn handle(&mut self, _: Envelope, _: &mut Context<Clock>) {
        self.0.send(Instant::now()).unwrap();
    }
}

async fn start(index: usize, connect: &mut Vec<std::net::SocketAddr>) -> Node {
    let core = Arbiter::new().handle();
    let (pubsub, link) = PubSub::builder(format!("node-{index}")).start_linked_in(&core);
    let id: NodeId = link.node().clone();
    let node::Node { address, adapter, incoming, .. } = node::Node::start_as(id, connect).await;
    connect.push(address);
    let adapter = Arc::new(adapter);
    let Incoming { nodes, messages } = incoming;
    let reach = Arc::clone(&adapter) as Arc<dyn kilonova_cluster::Adapter>;
    core.spawn_fn(move || {
        actix::spawn(kilonova_cluster::run(link, reach, Incoming { nodes, messages }));
    });
    let taken: Arc<[AtomicU64; NODES]> = Arc::default();
    let ear = Ear(Arc::clone(&taken));
    let ear = Ear::start_in_arbiter(&core, |_| ear);
    pubsub.join("all", ear).await.unwrap();
    Node { pubsub, adapter, taken }
}

pub(crate) async fn measure() {
    let (mut nodes, mut addresses) = (Vec::new(), Vec::new());
    for index in 0..NODES {
        nodes.push(start(index, &mut addresses).await);
    }
    for node in &nodes {
        while node.pubsub.get_members("all").await.unwrap().len() < NODES {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    latency(&nodes).await;
    broadcasts(&nodes).await;
    for node in nodes {
        node.adapter.close().await;
    }
}

/// Sends one broadcast at a time, from the first node to a member on the second.
async fn latency(nodes: &[Node]) {
    let (told, mut times) = mpsc::unbounded_channel();
    let clock = Clock(told).start();
    nodes[1].pubsub.join("clock", clock).await.unwrap();
    while nodes[0].pubsub.get_members("clock").await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut took = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let sent = Instant::now();
        nodes[0].pubsub.broadcast("clock", "tick", Payload::null()).await.unwrap();
        took.push(times.recv().await.unwrap() - sent);
    }
    took.sort_unstable();
    let percentile = |percent: usize| took[took.len() * percent / 100].as_micros();
    println!(
        "broadcast to a member on another node: p50 {} µs, p99 {} µs",
        percentile(50),
        percentile(99)
    );
}

/// Broadcasts from all three nodes at once, as fast as the members handle them.
async fn broadcasts(nodes: &[Node]) {
    let begun = Instant::now();
    let sent = AtomicUsize::new(0);
    let sending = nodes.iter().enumerate().map(|(from, node)| {
        let sent = &sent;
        async move {
            let slowest =
                || nodes.iter().map(|node| node.taken[from].load(Ordering::Relaxed)).min().unwrap();
            let mut number = 0;
            while begun.elapsed() < Duration::from_secs(SECONDS) {
                while number - slowest() >= WINDOW {
                    tokio::time::sleep(Duration::from_micros(50)).await;
                }
                let told = json!({ "from": from, "number": number, "filling": "x".repeat(200) });
                let payload = Payload::encode(&told).unwrap();
                node.pubsub.broadcast("all", "told", payload).await.unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
                number += 1;
            }
            while slowest() < number {
                assert!(begun.elapsed() < Duration::from_secs(4 * SECONDS), "messages are lost");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    futures_util::future::join_all(sending).await;
    let (seconds, sent) = (begun.elapsed().as_secs_f64(), sent.into_inner() as f64);
    println!(
        "three nodes broadcasting at once: {:.0} broadcasts/s, {:.0} deliveries/s, none lost",
        sent / seconds,
        sent * NODES as f64 / seconds
    );
}
