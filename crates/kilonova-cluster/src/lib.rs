//! Process groups across nodes: [`kilonova_pubsub`] on several machines.
//!
//! [`start()`] runs a whole node; with the feature `zenoh`, one among others. Its parts: each node's
//! registry keeps its own members and a copy of the other nodes' members. An [`Adapter`] reaches the
//! other nodes; [`Isolated`] is the one of a node on its own. [`run`] connects a registry with an
//! adapter.
//!
//! The semantics are those of `pg` in Erlang/OTP between connected nodes:
//!
//! - A broadcast reaches all members on the nodes that can be reached, at most once, and in the
//!   order of its sender. Members on its own node have it before the others.
//! - Membership on other nodes follows: they know of a join, with its metadata, some milliseconds
//!   later.
//! - Members of a node that died or cannot be reached are gone, and monitors see them leave. When
//!   the node is back, so are its members.
//! - Messages of an unknown node are ignored.
//!
//! Versions with and without metadata understand each other.
//!
//! With the feature `erlang`, a node also joins a cluster of Erlang nodes: `erlang`.
//!
//! Owns what nodes say to each other; knows nothing of an application.

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
