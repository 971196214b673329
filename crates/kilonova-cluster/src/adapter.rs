//! What a transport between nodes has to do.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use kilonova_pubsub::NodeId;

/// Reaches the other nodes. None of its functions waits for anything, so that a peer that is slow
/// or frozen slows nobody.
///
/// Messages go at most once: what finds no room in the queue towards a peer is lost for that peer
/// alone. What arrives of one sender arrives in the order in which it was sent.
pub trait Adapter: Send + Sync + 'static {
    /// Sends to every other node that can be reached.
    fn send_to_all(&self, message: Bytes);

    /// Sends to one node; to one that is not there, to nobody.
    fn send_to(&self, node: &NodeId, message: Bytes);
}

/// What an adapter tells.
#[derive(Debug)]
pub struct Incoming {
    /// The other nodes that are there. A state, not a list of changes: none can be lost.
    pub nodes: watch::Receiver<HashSet<NodeId>>,
    /// What they sent. It has a bound; while it is full, what comes is lost. It ends with the
    /// adapter.
    pub messages: mpsc::Receiver<(NodeId, Bytes)>,
}
