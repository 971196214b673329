//! A resumable live feed of an application's own tables, over WebSockets and server-sent events:
//! every subscriber sees every event once, in order, through crashes and reconnects.
//!
//! An application appends an event to a log in the transaction that changes a row. After the
//! commit, the feed sends the event to the subscribers of its channel. A subscriber that reconnects
//! names the last position it saw, gets a replay of the events it missed, and continues live.
//!
//! The README shows a complete application. This is the map:
//!
//! | for | look at |
//! |---|---|
//! | a log on SQLite or PostgreSQL | [`mod@diesel`]; feature `sqlite` or `postgres` |
//! | a log over another database | [`Log`], and `examples/sqlx_log.rs` |
//! | starting, announcing, opening sockets, subscribing | [`Feed`] |
//! | events and their viewers | [`NewEvent`], [`Event`], [`Visibility`] |
//! | the start position of a subscriber | [`StartAt`] |
//! | a socket's channels and the format of its frames | [`SessionOptions`], [`Shape`] |
//! | presence on a channel, and the texts that clients send | [`Presence`], [`Feed::tell`] |
//! | subscribers other than browsers | [`Subscription`], [`Update`] |
//! | limits and timeouts | [`Limits`], [`Heartbeat`]; rate limits for your own routes: [`limits`] |
//! | a server whose sessions own their sockets | [`Server`] |
//! | process groups, for broadcasts outside the log | [`pubsub`] |
//!
//! # Guarantees
//!
//! - **Once, in order.** A subscriber gets every event of its channels that its viewer may see,
//!   once, in the order of their positions, which is the order of their commits.
//! - **Complete.** A subscriber that resumes from a position misses no event after it, no matter
//!   how often it reconnects. If the log was pruned beyond the position, or is another log, the
//!   subscriber gets a resync instead: it must load everything again.
//! - **Hints may be lost.** If [`Feed::committed`] is not called for an event, or another process
//!   committed it, the event goes out at the next poll of the log, within about 0.1 s, and before
//!   any later event.
//! - **Bounded.** A reader's backlog is bounded in frames, bytes and time. The feed closes a slow
//!   reader, which can resume; it delays no other reader.
//! - **A log is not trusted.** A log that fails, hangs, goes backwards, has gaps or returns events
//!   outside the request causes an error or a resync ([`LogError`], [`Feed::ended`]). It never
//!   causes a wrong event.
//!
//! A subscriber without a position gets only events that are committed after it was opened. The
//! feed cannot recall a delivered event.
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
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod grants;
pub mod limits;
mod log;
mod negotiation;
mod options;
mod order;
mod origin;
mod outage;
mod outbox;
mod pace;
mod pieces;
mod presence;
mod progress;
mod recent;
mod relay;
mod replay;
mod server;
mod session;
mod sockets;
mod sse;
mod start_at;
mod stats;
mod stream;
mod subject;
mod subscription;
mod threads;
mod transport;
mod websocket;
mod wire;

/// The process groups that carry a feed's events.
pub use kilonova_pubsub as pubsub;

pub use self::checked::LogError;
#[doc(hidden)]
pub use self::close::closes;
pub use self::error::Error;
pub use self::event::{Event, NewEvent};
pub use self::feed::{Builder, Feed};
pub use self::frame::Shape;
pub use self::log::{Log, LogState, Page, Visibility};
pub use self::negotiation::accepts;
pub use self::options::{Bounds, Heartbeat, Limits, SessionOptions};
pub use self::origin::Origins;
pub use self::presence::{Presence, TEXT_MAX};
pub use self::server::{ConnectionCount, ConnectionStats, Door, Running, Server, bind};
pub use self::sockets::Sockets;
pub use self::start_at::StartAt;
#[doc(hidden)]
pub use self::stats::Histogram;
pub use self::stats::{Closed, Distribution, Opened, Replays, SlowReader, Stats};
pub use self::subject::{Subject, SubjectId};
pub use self::subscription::{Subscription, Update};
#[doc(hidden)]
pub use self::transport::Hangup;

/// The README's code, compiled as tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
