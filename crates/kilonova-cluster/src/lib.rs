//! Process groups across nodes: [`kilonova_pubsub`] on several machines.
//!
//! [`start()`] runs a whole node. With the feature `zenoh`, the node can join a cluster. The parts
//! of a node: its registry keeps its own members and a copy of the other nodes' members. An
//! [`Adapter`] reaches the other nodes; [`Isolated`] is the adapter of a single node. [`run`]
//! connects a registry with an adapter.
//!
//! The semantics are those of `pg` in Erlang/OTP between connected nodes:
//!
//! - A broadcast reaches all members on all reachable nodes, at most once, and in the order of its
//!   sender. Members on the sender's node get it first.
//! - Membership is eventually consistent: other nodes see a join, with its metadata, a few
//!   milliseconds later.
//! - When a node dies or becomes unreachable, its members are removed, and monitors see them leave.
//!   When the node returns, so do its members.
//! - Messages from an unknown node are ignored.
//!
//! Versions with and without metadata are compatible.
//!
//! With the feature `erlang`, a node can also join a cluster of Erlang nodes: see the module
//! `erlang`.
//!
//! Owns the protocol between nodes; depends on no application.

mod adapter;
mod driver;
#[cfg(feature = "erlang")]
pub mod erlang;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod isolated;
#[cfg(any(feature = "erlang", feature = "zenoh"))]
mod loss;
mod message;
mod outside;
mod peers;
mod start;
#[cfg(feature = "zenoh")]
pub mod zenoh;

pub use self::adapter::{Adapter, Incoming};
pub use self::driver::run;
#[cfg(feature = "erlang")]
pub use self::driver::run_beside;
#[cfg(feature = "erlang")]
pub use self::erlang::Erlang;
pub use self::isolated::Isolated;
pub use self::message::LARGEST;
pub use self::start::{Cluster, Error, Options, start};
#[cfg(feature = "zenoh")]
pub use self::zenoh::Zenoh;
#[doc(inline)]
pub use kilonova_pubsub::NodeId;

#[cfg(all(doctest, feature = "zenoh"))]
#[doc = include_str!("../README.md")]
struct Readme;
