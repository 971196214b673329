//! Process groups across nodes.
//!
//! Each node's registry keeps its own members, and what the other nodes tell of theirs. What reaches the others is an
//! [`Adapter`]: [`Isolated`] for a node on its own. [`run`] connects the two.
//!
//! The semantics are those of `pg` in Erlang/OTP between connected nodes:
//!
//! - A broadcast reaches all members on the nodes that can be reached, at most once, and in the order of its
//!   sender. Members on its own node have it before the others.
//! - Membership elsewhere follows: a join is known on the other nodes some milliseconds later.
//! - Members of a node that died or is out of reach are gone, and monitors see them leave; when it comes back, all of its
//!   members are told anew.
//! - What a node says that is not known to be there is ignored.
//!
//! Owns what nodes say to each other; knows nothing of the log, databases or the blog.

mod adapter;
mod driver;
mod isolated;
mod message;
mod peers;
#[cfg(feature = "zenoh")]
mod start;
#[cfg(feature = "zenoh")]
pub mod zenoh;

pub use self::adapter::{Adapter, Incoming};
pub use self::driver::run;
pub use self::isolated::Isolated;
pub use self::message::LARGEST;
#[cfg(feature = "zenoh")]
pub use self::start::{Cluster, Error, Options, start};
#[cfg(feature = "zenoh")]
pub use self::zenoh::Zenoh;
#[doc(inline)]
pub use kilonova_pubsub::NodeId;

#[cfg(all(doctest, feature = "zenoh"))]
#[doc = include_str!("../README.md")]
struct Readme;
