//! Links between nodes that are cut, and a database that goes away under all of them.

use super::{Nodes, members};
use crate::guarantees::crowd::Crowd;
use crate::proxy::Proxy;
use crate::support::within;

/// The third node is cut off from both others, while all of them still reach the database: each goes on
/// and every reader sees everything, as what is committed is in the log.
#[actix_web::test]
async fn netsplit() {
    let proxies = std::cell::RefCell::new(Vec::new());
    // Whoever speaks to the third node, or is spoken to by it, goes through a proxy.
    let nodes = Nodes::start_with(|from, to, link| {
        if from == to || (from != 2 && to != 2) {
            return link;
        }
        let proxy = Proxy::new(([127, 0, 0, 1], link).into());
        let port = proxy.address().port();
        proxies.borrow_mut().push(proxy);
        port
    });
    let Some(nodes) = nodes.await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    crowd.writes(30).await;
    for _ in 0..2 {
        for proxy in proxies.borrow().iter() {
            proxy.cut();
        }
        nodes.sees(0, &[0, 1]).await;
        nodes.sees(1, &[0, 1]).await;
        nodes.sees(2, &[2]).await;
        within("all write on", crowd.writes(40)).await;
        for proxy in proxies.borrow().iter() {
            proxy.heal();
        }
        nodes.converge().await;
        crowd.writes(20).await;
    }
    // What a member is on one side it is on the other.
    let here = nodes.client(0).get("/api/channels").await;
    let there = nodes.client(2).get("/api/channels").await;
    assert_eq!(members(&here, "log"), members(&there, "log"));
    crowd.finish().await;
}

#[actix_web::test]
async fn postgres_is_restarted_under_three_nodes() {
    let Some(nodes) = Nodes::start().await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    crowd.writes(40).await;
    nodes.postgres.down("immediate");
    nodes.postgres.up();
    within("all write on", crowd.writes(60)).await;
    nodes.converge().await;
    crowd.finish().await;
}
