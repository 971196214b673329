//! Kilonova: process groups for actix actors, and a live blog with notes on top of them.
//!
//! The library that other applications take is [`pubsub`], which needs nothing of the rest. With the
//! feature `app`, on by default, this is also the whole application; ARCHITECTURE.md is its map. Top
//! to bottom, a request goes through `server`, `guard`, `router`, `controllers`, `models` and `db`, and its
//! events through `events`, `pubsub`, and then `live` and `search`.

pub use kilonova_cluster as cluster;
pub use kilonova_feed as feed;
pub use kilonova_pubsub as pubsub;

/// The version of this application.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub mod accounts;
pub mod app;
pub mod changeset;
pub mod config;
pub mod connection;
pub mod controllers;
pub mod copy;
pub mod db;
pub mod descriptors;
pub mod error;
pub mod events;
mod failpoint;
pub mod guard;
pub mod import;
pub mod locks;
pub mod markdown;
pub mod models;
mod negotiation;
pub mod router;
pub mod schema;
pub mod search;
pub mod site_log;
pub mod state;
pub mod views;
