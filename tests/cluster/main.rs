//! The adapter that reaches other nodes with Zenoh: several of them in one process.

#[path = "../support/proxy.rs"]
mod proxy;

mod hazards;
mod membership;
mod messages;
mod secrets;
mod support;
mod tls;
