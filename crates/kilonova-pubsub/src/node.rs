//! Which node. Owns the identity that tells a node's runs apart.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// One run of one node: a node that was started anew is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    name: Arc<str>,
    incarnation: u64,
}

impl NodeId {
    /// The node of this name, in this incarnation: a number that no other run of it has.
    pub fn new(name: impl Into<Arc<str>>, incarnation: u64) -> NodeId {
        NodeId { name: name.into(), incarnation }
    }

    /// A new run of the node of this name: its incarnation is the time, in nanoseconds.
    pub fn now(name: impl Into<Arc<str>>) -> NodeId {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        NodeId::new(name, u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
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
