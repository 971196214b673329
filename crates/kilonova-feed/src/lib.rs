//! A resumable live feed of an application's own tables, over WebSockets and server-sent events:
//! every subscriber sees every event once, in order, through crashes and reconnects.

mod announcer;
mod checked;
mod close;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod diesel;
mod error;
mod event;
mod feed;
mod frame;
#[doc(hidden)]
pub mod limits;
mod log;
mod options;
mod order;
mod outage;
mod outbox;
mod pace;
mod pieces;
mod progress;
mod recent;
mod relay;
mod replay;
mod server;
mod session;
mod sockets;
mod sse;
mod start_at;
mod stream;
mod subscription;
mod transport;
mod websocket;
mod wire;

/// The process groups that a feed goes out over.
pub use kilonova_pubsub as pubsub;

pub use self::checked::LogError;
pub use self::error::Error;
pub use self::event::{Event, NewEvent, Subject, SubjectId};
pub use self::feed::{Builder, Feed};
pub use self::frame::Shape;
pub use self::log::{Log, LogState, Page, Visibility};
pub use self::options::{Bounds, Heartbeat, Limits, SessionOptions};
pub use self::server::{Door, Running, Server};
pub use self::sockets::Sockets;
pub use self::start_at::StartAt;
pub use self::subscription::{Subscription, Update};
