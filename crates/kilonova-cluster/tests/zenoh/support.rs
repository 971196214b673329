//! A node in a test: an adapter and its `Incoming`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;
use kilonova_cluster::zenoh::{Endpoint, Options, Secret};
use kilonova_cluster::{Incoming, NodeId, Zenoh};
use tempfile::TempDir;
use tokio::time::timeout;

/// The timeout for everything that should happen, on a slow and busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The time within which a node that died or was cut off is gone.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// A node with an open adapter.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) adapter: Zenoh,
    pub(crate) incoming: Incoming,
    _folder: TempDir,
}

impl Node {
    /// Listens on a free port and connects to these addresses.
    pub(crate) async fn start(name: &str, connect: &[SocketAddr]) -> Node {
        Node::start_with(name, free(), connect, |_| {}).await
    }

    pub(crate) async fn start_with(
        name: &str,
        address: SocketAddr,
        connect: &[SocketAddr],
        change: impl FnOnce(&mut Options),
    ) -> Node {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options {
            site: "a site".to_owned(),
            node: NodeId::new(name, 1),
            listen: vec![endpoint(address)],
            connect: connect.iter().copied().map(endpoint).collect(),
            secret: Secret::new("a secret: with\nodd \u{1f511} characters "),
            tls: None,
            folder: folder.path().to_owned(),
        };
        change(&mut options);
        let id = options.node.clone();
        let (adapter, incoming) = Zenoh::open(options).await.unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the password stays on the disk");
        Node { id, address, adapter, incoming, _folder: folder }
    }

    /// Waits until exactly these are the other nodes.
    pub(crate) async fn sees(&mut self, others: &[&NodeId]) {
        self.sees_within(LONG, others).await;
    }

    pub(crate) async fn sees_within(&mut self, limit: Duration, others: &[&NodeId]) {
        let wanted = others.iter().copied().cloned().collect();
        let seen =
            timeout(limit, self.incoming.nodes.wait_for(|nodes| *nodes == wanted)).await.is_ok();
        let nodes = self.incoming.nodes.borrow();
        assert!(seen, "{} sees {nodes:?} and not {wanted:?}", self.id);
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> (NodeId, Bytes) {
        let next = timeout(LONG, self.incoming.messages.recv()).await;
        next.unwrap_or_else(|_| panic!("{} gets nothing", self.id)).expect("the adapter is open")
    }

    pub(crate) async fn is_sent(&mut self, from: &NodeId, message: &str) {
        let (sender, received) = self.next().await;
        assert_eq!((&sender, &*received), (from, message.as_bytes()));
    }
}

/// Parses the address, because endpoints are created only from text.
pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    format!("tcp/{address}").parse().unwrap()
}

pub(crate) fn tls_endpoint(address: SocketAddr) -> Endpoint {
    format!("tls/{address}").parse().unwrap()
}

/// An address that nothing listens on yet.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Polls until a condition holds, where nothing signals it.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, waiting).await.expect("the condition never holds");
}
