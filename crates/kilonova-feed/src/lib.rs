//! A resumable live feed of an application's own tables, over WebSockets and server-sent events:
//! every subscriber sees every event once, in order, through crashes and reconnects.
//!
//! An application appends an event to a log in the transaction that changes a row. The feed sends
//! what was committed to the subscribers of the event's channel. A subscriber that reconnects says
//! which position it saw last, is sent what it missed, and goes on live.
//!
//! The README has a whole application; this is the map:
//!
//! | for | look at |
//! |---|---|
//! | a ready log on SQLite and PostgreSQL | [`mod@diesel`], with the feature `sqlite` or `postgres` |
//! | a log over anything else | [`Log`], and `examples/sqlx_log.rs` |
//! | starting, announcing, opening sockets, subscribing | [`Feed`] |
//! | what an event is, and who may see it | [`NewEvent`], [`Event`], [`Visibility`] |
//! | where a subscriber starts | [`StartAt`] |
//! | what a socket follows, and what its frames look like | [`SessionOptions`], [`Shape`] |
//! | subscribers that are no browsers | [`Subscription`], [`Update`] |
//! | limits and timeouts | [`Limits`], [`Heartbeat`] |
//! | a server that hands sockets to their sessions | [`Server`] |
//! | the process groups, for broadcasts that are in no log | [`pubsub`] |
//!
//! # Guarantees
//!
//! - **Once, in order.** A subscriber sees the events of its channels that its viewer may see, each
//!   once, in the order of their positions, which is the order of their commits.
//! - **Complete.** After a position it misses none, however often it reconnects. Where that cannot
//!   be kept (the log was pruned beyond the position, or is another log) it gets a resync: load
//!   everything again.
//! - **Hints may be lost.** An event whose [`Feed::committed`] never came, or that another process
//!   committed, goes out when the log is next read, within some 0.1 s, before any later event.
//! - **Bounded.** What waits for a reader is bounded in frames, bytes and time. A slow one is
//!   closed and resumes; it delays nobody.
//! - **A log is not trusted.** One that fails, hangs, goes backwards, has gaps or returns events
//!   that were not asked for causes an error or a resync ([`LogError`], [`Feed::ended`]), never a
//!   wrong event.
//!
//! Without a position, a subscriber gets only events committed after it was opened. Nothing takes
//! back what was delivered.
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    doc = "",
    doc = "[`mod@diesel`]: https://docs.rs/kilonova-feed"
)]

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

/// The README's code, compiled as tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
