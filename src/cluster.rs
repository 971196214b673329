//! Other nodes: what reaches them. Owns the trait that a transport between nodes fulfils, and those
//! there are; what the nodes say to each other, and what it does to the process groups, is `protocol`'s.

mod adapter;
mod isolated;
#[cfg(feature = "zenoh")]
pub mod zenoh;

pub use self::adapter::{Adapter, Incoming, NodeId};
pub use self::isolated::Isolated;
#[cfg(feature = "zenoh")]
pub use self::zenoh::Zenoh;
