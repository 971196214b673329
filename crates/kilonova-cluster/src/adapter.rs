//! The interface of a transport between nodes.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use kilonova_pubsub::NodeId;

/// Sends messages to the other nodes. Its functions never wait, so a slow or frozen peer delays no
/// other.
///
/// Delivery is at most once: a message that finds the queue to a peer full is lost for that peer
/// only. Messages of one sender arrive in the order in which they were sent.
pub trait Adapter: Send + Sync + 'static {
    /// Sends `message` to every other reachable node.
    fn send_to_all(&self, message: Bytes);

    /// Sends `message` to one node. Does nothing if that node is unreachable.
    fn send_to(&self, node: &NodeId, message: Bytes);
}

/// The other nodes and their messages, as an adapter reports them.
#[derive(Debug)]
pub struct Incoming {
    /// The other reachable nodes. It is a state, not a list of changes, so no change can be lost.
    pub nodes: watch::Receiver<HashSet<NodeId>>,
    /// The messages of the other nodes. The channel is bounded: while it is full, new messages are
    /// lost. It ends with the adapter.
    pub messages: mpsc::Receiver<(NodeId, Bytes)>,
}
