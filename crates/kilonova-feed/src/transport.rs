//! A client's connection below HTTP: its deadlines, the refusals of HTTP's own parser, and its
//! handover to a session when it becomes a WebSocket.

mod activity;
mod answered;
mod awaited;
mod connection;
mod connections;
mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handover;
mod hangup;
pub(crate) mod refusal;
mod unread;

pub(crate) use self::activity::{Activity, Deadlines};
pub(crate) use self::answered::Answered;
pub(crate) use self::awaited::Awaited;
pub(crate) use self::connection::Connection;
pub use self::connections::ConnectionStats;
pub(crate) use self::connections::{Connections, Count, Held, TooMany};
pub(crate) use self::handover::{Upgradable, Upgrade};
pub use self::hangup::Hangup;
pub(crate) use self::unread::Budget;
