//! A node on its own.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::{Adapter, Incoming, NodeId};

/// Reaches nobody, as there is nobody: the adapter of a single node.
#[derive(Debug)]
pub struct Isolated {
    // What it tells does not end before it does.
    _nodes: watch::Sender<HashSet<NodeId>>,
    _messages: mpsc::Sender<(NodeId, Bytes)>,
}

impl Isolated {
    /// The adapter, and what it tells: that there is no other node.
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
