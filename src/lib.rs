//! Kilonova: process groups for actix actors, and a live blog with notes on top of them.
//!
//! The library that other applications take is [`pubsub`], which needs nothing of the rest. With the
//! feature `app`, on by default, this is also the whole application; ARCHITECTURE.md is its map. Top
//! to bottom, a request goes through `server`, `guard`, `router`, `controllers`, `models` and `db`, and its
//! events through `events`, `pubsub`, and then `live` and `search`.

pub mod cluster;
pub mod pubsub;

/// The version of this application.
#[cfg(feature = "app")]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(feature = "app")]
pub mod accounts;
#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod changeset;
#[cfg(feature = "app")]
pub mod config;
#[cfg(feature = "app")]
pub mod connection;
#[cfg(feature = "app")]
pub mod controllers;
#[cfg(feature = "app")]
pub mod copy;
#[cfg(feature = "app")]
pub mod db;
#[cfg(feature = "app")]
pub mod descriptors;
#[cfg(feature = "app")]
pub mod error;
#[cfg(feature = "app")]
pub mod events;
#[cfg(feature = "app")]
mod failpoint;
#[cfg(feature = "app")]
pub mod guard;
#[cfg(feature = "app")]
pub mod import;
#[cfg(feature = "app")]
mod limits;
#[cfg(feature = "app")]
pub mod live;
#[cfg(feature = "app")]
pub mod models;
#[cfg(feature = "app")]
pub mod router;
#[cfg(feature = "app")]
pub mod schema;
#[cfg(feature = "app")]
pub mod search;
#[cfg(feature = "app")]
mod server;
#[cfg(feature = "app")]
pub mod state;
#[cfg(feature = "app")]
pub mod supervise;
#[cfg(feature = "app")]
pub mod transport;
#[cfg(feature = "app")]
pub mod views;
