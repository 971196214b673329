//! Nodes that are killed, frozen and replaced.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{NODES, Nodes, members};
use crate::crash::Server;
use crate::guarantees::client::Client;
use crate::guarantees::crowd::Crowd;
use crate::guarantees::follower::{Follower, Transport};
use crate::support::{Raw, within};

/// The time within which the members of a dead node are removed. Only the fastest of several deaths
/// is compared, because even a response may be late on a machine that is busy with other tests.
const GONE: Duration = Duration::from_secs(2);

#[actix_web::test]
async fn killed_node() {
    let Some(mut nodes) = Nodes::start().await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    crowd.writes(60).await;
    let mut fastest = Duration::MAX;
    for node in [1, 2, 0] {
        nodes.kill(node);
        let others: Vec<_> = (0..NODES).filter(|other| *other != node).collect();
        for other in &others {
            fastest = fastest.min(nodes.sees(*other, &others).await);
        }
        crowd.writes(30).await;
        nodes.run(node).await;
        nodes.converge().await;
    }
    assert!(fastest < GONE, "the members of a killed node stayed for {fastest:?}");
    let ledger = crowd.finish().await;
    assert!(ledger.retried > 0, "no kill hit a request");
}

/// Readers on one node learn within seconds that those on a killed node are gone.
#[actix_web::test]
async fn readers_of_a_killed_node() {
    let Some(mut nodes) = Nodes::start().await else { return };
    let post = json!({"title": "Read together", "body": "b"});
    let (reply, _) = nodes
        .client(0)
        .insist(actix_web::http::Method::POST, "/api/posts", Some("once"), Some(&post))
        .await;
    assert_eq!(reply.status, 201);
    let join = async |node: usize| {
        let address = ([127, 0, 0, 1], nodes.ports[node]).into();
        Raw::upgrade_to(address, "/feed?channels=presence_1").await
    };
    let mut readers = Vec::new();
    for node in 0..NODES {
        readers.push(join(node).await);
    }
    let mut first = readers.remove(0);
    let mut until = async |guests: usize| {
        let told = async {
            loop {
                let frame = first.frame().await.expect("a frame");
                let told: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
                if told["data"]["guests"] == guests {
                    return;
                }
            }
        };
        within(&format!("there are {guests} readers"), told).await;
    };
    until(NODES).await;
    let begun = Instant::now();
    nodes.kill(1);
    until(NODES - 1).await;
    assert!(begun.elapsed() < 3 * GONE, "{:?}", begun.elapsed());
    drop(readers);
    until(1).await;
}

/// Nodes are replaced sequentially, as on an update, and nobody misses an event.
#[actix_web::test]
async fn rolling_restart() {
    let Some(mut nodes) = Nodes::start().await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    let mut fastest = Duration::MAX;
    for node in 0..NODES {
        crowd.writes(30).await;
        nodes.end(node).await;
        let others: Vec<_> = (0..NODES).filter(|other| *other != node).collect();
        fastest = fastest.min(nodes.sees(others[0], &others).await);
        nodes.run(node).await;
    }
    assert!(fastest < GONE, "a stopped node was removed only after {fastest:?}");
    nodes.converge().await;
    crowd.finish().await;
}

/// Readers on one node learn that another node was started, and its version.
#[actix_web::test]
async fn deploy_of_another_node() {
    let Some(mut nodes) = Nodes::start().await else { return };
    let follower = Follower::new(&nodes.client(0), Transport::WebSocket, "/feed?channels=system");
    let from = |node: &'static str| move |frame: &Value| frame["data"]["node"] == node;
    let told = actix_web::rt::spawn(async move { follower.find(from("node-1")).await });
    let listening = async {
        while members(&nodes.client(0).get("/api/channels").await, "system") != (1, 1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the reader has joined", listening).await;
    nodes.kill(1);
    nodes.run(1).await;
    let frame = within("the deploy event", told).await.unwrap().unwrap();
    let data = json!({"version": env!("CARGO_PKG_VERSION"), "node": "node-1"});
    assert_eq!(frame, json!({"channel": "system", "event": "deploy", "data": data}));
}

/// A node that is frozen for longer than the lease is removed, delays no other, and rejoins.
#[actix_web::test]
async fn frozen_peer() {
    let Some(nodes) = Nodes::start().await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    crowd.writes(30).await;
    let frozen: &Server = nodes.server(1);
    frozen.signal("STOP");
    let mut fastest = Duration::MAX;
    for other in [0, 2] {
        fastest = fastest.min(nodes.sees(other, &[0, 2]).await);
    }
    assert!(fastest < Duration::from_secs(5), "a frozen node stayed for {fastest:?}");
    // Two thirds of the writers continue.
    within("the others take writes", crowd.writes(40)).await;
    frozen.signal("CONT");
    nodes.converge().await;
    crowd.writes(30).await;
    crowd.finish().await;
}

/// All sockets of a node reconnect at once when it restarts.
#[actix_web::test]
async fn thundering_herd() {
    const SOCKETS: usize = 150;
    let Some(mut nodes) = Nodes::start().await else { return };
    let herd: Vec<_> = (0..SOCKETS)
        .map(|_| {
            // Has its own client, because a client opens at most a hundred connections.
            let mut follower =
                Follower::new(&nodes.client(1), Transport::WebSocket, "/notifications");
            actix_web::rt::spawn(async move {
                follower.take_up_to(20).await;
                let seen = follower.seen.borrow();
                seen.iter().map(|frame| frame["id"].as_i64().unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    let note = |node: Client, title: String| async move {
        let note = json!({"title": title, "body": "b", "author": "A"});
        let (reply, _) = node
            .insist(actix_web::http::Method::POST, "/api/notes", Some(&title), Some(&note))
            .await;
        assert_eq!(reply.status, 201);
    };
    let all_there = async |nodes: &Nodes| {
        while members(&nodes.client(0).get("/api/channels").await, "notes").0 < SOCKETS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    for number in 0..10 {
        note(nodes.client(number % NODES), format!("note {number}")).await;
    }
    within("everyone is there", all_there(&nodes)).await;
    nodes.kill(1);
    for number in 10..15 {
        note(nodes.client(0), format!("note {number}")).await;
    }
    nodes.run(1).await;
    within("everyone is back", all_there(&nodes)).await;
    for number in 15..20 {
        note(nodes.client(number % NODES), format!("note {number}")).await;
    }
    for one in herd {
        let seen = within("a reader has seen all", one).await.unwrap();
        assert_eq!(seen, (1..=20).collect::<Vec<i64>>());
    }
    nodes.converge().await;
}
