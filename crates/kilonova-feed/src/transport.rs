//! A client's connection below HTTP: its timeout when the client takes nothing, and its handover to
//! a session when it becomes a WebSocket.

mod connection;
mod connections;
mod handover;

pub(crate) use self::connection::{Connection, Stall};
pub(crate) use self::connections::{Connections, Held};
pub(crate) use self::handover::{Upgradable, Upgrade};
