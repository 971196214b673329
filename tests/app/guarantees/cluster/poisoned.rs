//! A peer that has the secret but sends only nonsense, under its own name or that of another node.

use kilonova::cluster::zenoh::{Options, Secret};
use kilonova::cluster::{Adapter, NodeId, Zenoh};
use serde_json::json;

use kilonova_test::free_port;

use super::{Nodes, SECRET, log_channel};
use crate::guarantees::crowd::Crowd;

#[actix_web::test]
async fn poisoned_peer() {
    let Some(nodes) = Nodes::start().await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    for name in ["poisoned", "node-0"] {
        poison(&nodes, name, &crowd).await;
    }
    // The members that it claimed are gone.
    nodes.converge().await;
    crowd.finish().await;
}

async fn poison(nodes: &Nodes, name: &str, crowd: &Crowd) {
    let folder = tempfile::tempdir().unwrap();
    let (poisoned, mut incoming) = Zenoh::open(Options {
        site: "kilonova".to_owned(),
        node: NodeId::now(name),
        listen: vec![format!("tcp/127.0.0.1:{}", free_port()).parse().unwrap()],
        connect: nodes
            .links
            .iter()
            .map(|l| format!("tcp/127.0.0.1:{l}").parse().unwrap())
            .collect(),
        secret: Secret::new(SECRET),
        tls: None,
        folder: folder.path().to_owned(),
    })
    .await
    .unwrap();
    incoming.nodes.wait_for(|nodes| nodes.len() == 3).await.unwrap();
    let many: Vec<_> = (0..2_000).map(|n| json!([format!("channel {n}"), n, 3])).collect();
    let part = |part: u32, last| json!([{"members": {"version": u64::MAX, "part": part, "last": last, "joins": many}}]);
    let groups = nodes.client(0).get("/api/channels").await;
    let announce = |position: i64| {
        json!([{"broadcast": {"channel": log_channel(&groups).unwrap()["channel"],
            "topic": "committed", "payload": {"log": "another", "position": position}}}])
    };
    let nonsense = [
        part(0, false),
        part(1, true),
        part(7, true),
        json!([{"steps": {"after": u64::MAX, "steps": [["a", 1, true]]}}]),
        json!([{"steps": {"after": 0, "steps": [["a", 1, false], ["log", 2, false]]}}]),
        json!([{"version": u64::MAX}, {"version": -1}, {"version": {}}]),
        json!(["ask", "ask", "ask", "who"]),
        json!([{"broadcast": {"channel": "posts", "topic": "\u{0}", "payload": []}}]),
        json!([{"broadcast": {"channel": "x".repeat(500_000), "topic": "", "payload": null}}]),
        announce(i64::MAX),
        announce(-1),
        // Events that each node may send only to its own readers.
        json!([{"broadcast": {"channel": "posts", "topic": "post_deleted", "payload": {"id": 1}}}]),
        json!([{"broadcast": {"channel": "notes", "topic": "note_deleted", "payload": {"id": 1}}}]),
        json!({"not": "a list"}),
        json!(null),
    ];
    for round in 0..10_usize {
        for message in &nonsense {
            poisoned.send_to_all(message.to_string().into());
        }
        poisoned.send_to_all(vec![0xff; 1 + round * 120_000].into());
        crowd.writes(1).await;
    }
    crowd.writes(30).await;
    poisoned.close().await;
}
