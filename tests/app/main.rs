//! The application from outside: started as in production, on a free port and in its own folder,
//! and tested over real HTTP and WebSockets.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed test is meant to panic")]

mod access;
mod accounts;
mod api;
mod backup;
mod bin;
mod browser;
mod commands;
mod crash;
#[path = "../support/databases.rs"]
mod databases;
mod documentation;
mod feeds;
mod forms;
mod guarantees;
mod hostile;
mod layering;
mod limits;
mod live;
mod operations;
mod pipelining;
mod reading;
mod secrets;
mod support;
mod tail;
