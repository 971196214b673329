//! Other nodes: what reaches them. Owns the trait that a transport between nodes fulfils, and those
//! there are; what the nodes say to each other, and what it does to the process groups, is `protocol`'s.

mod adapter;
mod isolated;

pub use self::adapter::{Adapter, Incoming};
pub use self::isolated::Isolated;
pub use crate::pubsub::NodeId;
