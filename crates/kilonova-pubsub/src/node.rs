//! A node's identity, which differs between its runs.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// One run of one node: a node that restarts gets another `NodeId`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    name: Arc<str>,
    incarnation: u64,
}

impl NodeId {
    /// The node named `name` in this incarnation, a number that no other run of the node has.
    pub fn new(name: impl Into<Arc<str>>, incarnation: u64) -> NodeId {
        NodeId { name: name.into(), incarnation }
    }

    /// A new run of the node named `name`. Its incarnation is the current time in nanoseconds.
    pub fn now(name: impl Into<Arc<str>>) -> NodeId {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        NodeId::new(name, u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The node's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The number of this run.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

/// Writes the name without the incarnation.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}
