//! The cluster configuration of nodes in one process.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use kilonova::cluster::zenoh::{Endpoint, Secret};
use kilonova::config::Cluster;

use super::{Site, within};

/// The configurations of `count` nodes, each of which connects to all others.
pub(crate) fn links(count: usize) -> Vec<Cluster> {
    let links: Vec<_> = (0..count).map(|_| free()).collect();
    let of = |own: &Endpoint| Cluster {
        listen: vec![own.clone()],
        connect: links.iter().filter(|link| *link != own).cloned().collect(),
        secret: Secret::new("the nodes of a test"),
        tls: None,
    };
    links.iter().map(of).collect()
}

/// Waits until each node knows all others.
pub(crate) async fn converge(sites: &[Site]) {
    let all_known = async {
        for site in sites {
            while site.pubsub().nodes().await.unwrap().len() < sites.len() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    within("the nodes know each other", all_known).await;
}

/// An endpoint on a free port.
fn free() -> Endpoint {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    format!("tcp/{}", listener.local_addr().unwrap()).parse().unwrap()
}
