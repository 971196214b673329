//! A node for the measurements.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use kilonova_cluster::zenoh::{Endpoint, Options, Secret};
use kilonova_cluster::{Incoming, NodeId, Zenoh};

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) adapter: Zenoh,
    pub(crate) incoming: Incoming,
}

impl Node {
    pub(crate) async fn start(name: &str, connect: &[SocketAddr]) -> Node {
        Node::start_as(NodeId::new(name, std::process::id().into()), connect).await
    }

    pub(crate) async fn start_as(id: NodeId, connect: &[SocketAddr]) -> Node {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let endpoint = |address: &SocketAddr| format!("tcp/{address}").parse::<Endpoint>().unwrap();
        let options = Options {
            site: "bench".to_owned(),
            node: id.clone(),
            listen: vec![endpoint(&address)],
            connect: connect.iter().map(endpoint).collect(),
            secret: Secret::new("a secret"),
            tls: None,
            folder: std::env::temp_dir(),
        };
        let (adapter, incoming) = Zenoh::open(options).await.unwrap();
        Node { id, address, adapter, incoming }
    }

    /// Waits until there are `count` other nodes.
    pub(crate) async fn sees(&mut self, count: usize) {
        self.incoming.nodes.wait_for(|nodes| nodes.len() == count).await.unwrap();
    }
}
