//! Nodes that are killed or stopped behind a proxy: readers and writers continue on the others.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use serde_json::json;

use super::proxy::HOST;
use super::site::{Behind, ORIGIN};
use crate::guarantees::client::{Client, positions};
use crate::guarantees::follower::{Follower, Transport};
use crate::guarantees::kills::until;

/// The time within which every proxy notices that a node is gone or back.
const NOTICED: Duration = Duration::from_secs(2);

/// Kills the nodes sequentially under reads and writes, the WebSocket's node first, and stops one
/// as for an update. No `GET` fails.
pub(super) async fn nobody_misses_a_node(site: &mut Behind) {
    // Only this reader follows the comments of the first post.
    const PATHS: [&str; 2] = ["/feed?channels=posts,post_comments_1", "/feed?channels=posts"];
    const COMMENTS: &str = "post_comments_1";
    let outside = [("Host", HOST), ("Origin", ORIGIN), ("Cookie", site.cookie.as_str())];
    let client = Client::with(site.tunnel.port, &outside);
    let begun = client.get("/api/events?after=0&limit=100").await["last_event_id"].clone();
    let begun = begun.as_i64().unwrap();
    let mut followers = Vec::new();
    for (transport, path) in [Transport::WebSocket, Transport::ServerSentEvents].iter().zip(PATHS) {
        let mut follower = Follower::new(&client, *transport, path);
        follower.last = begun;
        let (seen, connections) = (follower.seen.clone(), Rc::<Cell<u32>>::default());
        let counted = Rc::clone(&connections);
        let following = actix_web::rt::spawn(async move {
            loop {
                follower.take(usize::MAX - follower.count()).await;
                counted.set(follower.connections);
            }
        });
        followers.push((seen, connections, following));
    }
    let mut written = 0;
    write(&client, &mut written).await;
    for (seen, ..) in &followers {
        until("the reader is there", || !seen.borrow().is_empty()).await;
    }
    let mut nodes = site.nodes.there();
    if site.members(nodes[0], COMMENTS).await == 0 {
        nodes.reverse();
    }
    assert_eq!(site.members(nodes[0], COMMENTS).await, 1);
    for (node, kind) in [(nodes[0], "killed"), (nodes[1], "killed"), (nodes[0], "stopped")] {
        let ended = match kind {
            "killed" => {
                site.nodes.kill(node);
                None
            }
            _ => Some(site.nodes.stop(node)),
        };
        let begun = Instant::now();
        while begun.elapsed() < NOTICED || ended.as_ref().is_some_and(|ended| !ended.is_finished())
        {
            let page = client.once(&Method::GET, "/api/posts?limit=1", None, None).await.unwrap();
            let after = begun.elapsed();
            assert_eq!(page.status, 200, "{after:?} after it was {kind}\n{}", site.proxy.log());
            write(&client, &mut written).await;
        }
        if let Some(ended) = ended {
            assert_eq!(ended.await.unwrap().code(), Some(0));
        }
        site.nodes.run(node).await;
        site.is_used(node).await;
    }
    let log = client.log(begun, Some("posts")).await;
    assert_eq!(log.len(), written);
    for (seen, connections, following) in followers {
        until("the reader has seen everything", || seen.borrow().len() >= log.len()).await;
        following.abort();
        assert_eq!(positions(&seen.borrow()), positions(&log));
        assert!(connections.get() > 0, "no kill hit this reader");
    }
}

/// Writes a post, with retries.
async fn write(client: &Client, written: &mut usize) {
    let key = format!("write-{written}");
    let post = json!({"title": key, "body": "b"});
    let told = client.insist(Method::POST, "/api/posts", Some(&key), Some(&post)).await;
    assert_eq!(told.0.status, 201, "{}", told.0.json);
    *written += 1;
}
