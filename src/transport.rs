//! A client's connection below HTTP: its end when the client takes nothing, and its way out of HTTP
//! when it becomes a WebSocket.

mod connection;
mod connections;
mod handover;

pub use self::connection::{Connection, Stall};
pub use self::connections::{Connections, Held};
pub use self::handover::{Upgradable, Upgrade};
