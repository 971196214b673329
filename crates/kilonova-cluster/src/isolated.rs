//! The adapter of a single node.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::{Adapter, Incoming, NodeId};

/// An adapter without other nodes, for a single node.
#[derive(Debug)]
pub struct Isolated {
    // The channels of `Incoming` stay open until the adapter is dropped.
    _nodes: watch::Sender<HashSet<NodeId>>,
    _messages: mpsc::Sender<(NodeId, Bytes)>,
}

impl Isolated {
    /// Opens the adapter. The returned [`Incoming`] never has a node or a message.
    pub fn open() -> (Isolated, Incoming) {
        let (node_sender, nodes) = watch::channel(HashSet::new());
        let (message_sender, messages) = mpsc::channel(1);
        let isolated = Isolated { _nodes: node_sender, _messages: message_sender };
        (isolated, Incoming { nodes, messages })
    }
}

impl Adapter for Isolated {
    fn send_to_all(&self, _message: Bytes) {}

    fn send_to(&self, _node: &NodeId, _message: Bytes) {}
}
