//! Kilonova: process groups for actix actors, and a live blog with notes on top of them.
//!
//! This package is the application. Other applications can use the libraries below it: the process
//! groups ([`pubsub`]), the groups across nodes ([`cluster`]) and the live feed of a log
//! ([`feed`]). ARCHITECTURE.md describes all four. A request passes through `guard`, `router`,
//! `controllers`, `models` and `db`, and its events through `site_log` and the feed.

pub use kilonova_cluster as cluster;
pub use kilonova_feed as feed;
pub use kilonova_pubsub as pubsub;

/// The version of this application.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub mod access;
pub mod accounts;
pub mod admin;
pub mod app;
pub mod backup;
pub mod bodies;
pub mod changeset;
pub mod compression;
pub mod config;
pub mod connection;
pub mod controllers;
pub mod copy;
pub mod db;
pub mod description;
pub mod descriptors;
pub mod door;
pub mod error;
pub mod events;
pub mod export;
mod failpoint;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guard;
pub mod import;
mod kept;
pub mod limits;
pub mod locks;
pub mod logging;
pub mod markdown;
pub mod metrics;
pub mod models;
mod negotiation;
pub mod overview;
pub mod peers;
pub mod pictures;
pub mod policy;
pub mod presence;
pub mod publisher;
pub mod reach;
pub mod renderings;
pub mod request_id;
pub mod responses;
pub mod router;
pub mod schema;
pub mod search;
pub mod shares;
pub mod site;
pub mod site_log;
pub mod state;
pub mod tail;
pub mod threads;
pub mod traffic;
pub mod turns;
pub mod views;
