//! The Zenoh adapter, with several nodes in one process.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod hazards;
mod membership;
mod messages;
mod secrets;
mod support;
mod tls;
