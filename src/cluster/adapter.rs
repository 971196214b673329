//! What a transport between nodes has to do. Owns the trait and the identity of a node.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

/// One run of one node: a node that was started anew is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    name: Arc<str>,
    incarnation: u64,
}

impl NodeId {
    /// The node of this name, in this incarnation: a number that no earlier run of it had.
    pub fn new(name: impl Into<Arc<str>>, incarnation: u64) -> NodeId {
        NodeId { name: name.into(), incarnation }
    }

    /// The node's name, as people know it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Which of its runs.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

/// For people: the name.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// Reaches the other nodes. None of its functions waits for anything, so that a peer that is slow or
/// frozen slows nobody.
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
    /// What they sent. It has a bound; while it is full, what comes is lost. It ends with the adapter.
    pub messages: mpsc::Receiver<(NodeId, Bytes)>,
}
