//! Failures between nodes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kilonova_cluster::Adapter;
use kilonova_cluster::zenoh::MAX_WAITING;

use super::support::{LEASE, Node, free};
use kilonova_test::proxy::Proxy;

/// All nodes connect to each other at the same moment, and each refuses the second connection of
/// another.
#[tokio::test]
async fn thundering_herd() {
    let addresses: [_; 5] = std::array::from_fn(|_| free());
    let start = |index: usize| {
        let name = format!("node-{index}");
        async move { Node::start_with(&name, addresses[index], &addresses, |_| {}).await }
    };
    let (a, b, c, d, e) = tokio::join!(start(0), start(1), start(2), start(3), start(4));
    let mut nodes = [a, b, c, d, e];
    let ids = nodes.each_ref().map(|node| node.id.clone());
    for node in &mut nodes {
        let others: Vec<_> = ids.iter().filter(|id| **id != node.id).collect();
        node.sees(&others).await;
    }
}

#[tokio::test]
async fn netsplit() {
    let mut a = Node::start("a", &[]).await;
    let link = Proxy::new(a.address);
    let mut b = Node::start("b", &[link.address()]).await;
    for _ in 0..2 {
        b.sees(&[&a.id]).await;
        a.sees(&[&b.id]).await;
        b.adapter.send_to(&a.id, Bytes::from_static(b"whole"));
        a.is_sent(&b.id, "whole").await;
        link.cut();
        a.sees_within(LEASE, &[]).await;
        b.sees_within(LEASE, &[]).await;
        link.heal();
    }
    a.sees(&[&b.id]).await;
}

#[tokio::test]
async fn frozen_peer() {
    let mut a = Node::start("a", &[]).await;
    let link = Proxy::new(a.address);
    let mut b = Node::start("b", &[link.address()]).await;
    b.sees(&[&a.id]).await;
    a.sees(&[&b.id]).await;
    link.freeze();
    a.sees_within(LEASE, &[]).await;
    b.sees_within(LEASE, &[]).await;
    link.heal();
    a.sees(&[&b.id]).await;
    b.sees(&[&a.id]).await;
}

#[tokio::test]
async fn a_frozen_peer_slows_nobody() {
    let mut a = Node::start("a", &[]).await;
    let mut c = Node::start("c", &[a.address]).await;
    let link = Proxy::new(a.address);
    let mut frozen = Node::start("frozen", &[link.address()]).await;
    frozen.sees(&[&a.id]).await;
    a.sees(&[&c.id, &frozen.id]).await;
    link.freeze();
    is_not_slowed(&a, &mut c).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_slows_nobody() {
    let mut a = Node::start("a", &[]).await;
    let mut c = Node::start("c", &[a.address]).await;
    let mut slow = Node::start("slow", &[a.address]).await;
    slow.sees(&[&a.id]).await;
    a.sees(&[&c.id, &slow.id]).await;
    is_not_slowed(&a, &mut c).await;
    // Only some of the messages wait for the slow node, and it is still connected: messages sent
    // after it has read arrive.
    a.sees(&[&c.id, &slow.id]).await;
    let mut read = 0;
    while slow.incoming.messages.try_recv().is_ok() {
        read += 1;
    }
    assert!(read <= MAX_WAITING, "{read}");
    let heard = async {
        loop {
            a.adapter.send_to(&slow.id, Bytes::from_static(b"awake"));
            if slow.next().await.1 == b"awake"[..] {
                break;
            }
        }
    };
    tokio::time::timeout(LEASE, heard).await.expect("the slow node receives again");
}

/// The connections of the frozen peers are closed while many messages to them are in transit.
#[tokio::test]
async fn frozen_peers_slow_nobody_when_they_are_dropped() {
    let mut a = Node::start("a", &[]).await;
    let mut c = Node::start("c", &[a.address]).await;
    let link = Proxy::new(a.address);
    let mut frozen = Vec::new();
    for name in ["d", "e", "f"] {
        frozen.push(Node::start(name, &[link.address()]).await);
        frozen.last_mut().unwrap().sees(&[&a.id]).await;
    }
    a.sees(&[&c.id, &frozen[0].id, &frozen[1].id, &frozen[2].id]).await;
    link.freeze();
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while start.elapsed() < Duration::from_secs(8) {
        for node in &frozen {
            for _ in 0..20 {
                a.adapter.send_to(&node.id, Bytes::from(vec![7; 100_000]));
            }
        }
        let asked = Instant::now();
        a.adapter.send_to(&c.id, Bytes::from_static(b"are you there"));
        c.is_sent(&a.id, "are you there").await;
        c.adapter.send_to(&a.id, Bytes::from_static(b"yes"));
        a.is_sent(&c.id, "yes").await;
        longest = longest.max(asked.elapsed());
    }
    a.sees_within(LEASE, &[&c.id]).await;
    // A lingering connection would block for ten seconds.
    assert!(longest < Duration::from_secs(3), "{longest:?}");
}

// Sends more than any queue holds. Then a node that reads must still receive.
async fn is_not_slowed(a: &Node, c: &mut Node) {
    let message = Bytes::from(vec![7; 1_000]);
    let start = Instant::now();
    for _ in 0..100_000 {
        a.adapter.send_to_all(message.clone());
    }
    let took = start.elapsed();
    // The limit allows for a debug build on a busy machine. Waiting one millisecond per message
    // would take 100 seconds.
    assert!(took < Duration::from_secs(30), "{took:?}");
    let start = Instant::now();
    while start.elapsed() < LEASE {
        a.adapter.send_to(&c.id, Bytes::from_static(b"last"));
        while let Ok((_, message)) = c.incoming.messages.try_recv() {
            if &*message == b"last" {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{} receives nothing while another is slow", c.id);
}
