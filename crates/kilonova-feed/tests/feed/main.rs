//! Tests of the feed's promises, against an in-memory log that can misbehave in every way that a
//! log can.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod broadcasts;
mod faults;
mod life;
mod limits;
mod order;
mod presence;
mod pruning;
mod readers;
mod redaction;
mod rfc6455;
mod shapes;
mod slow;
mod sockets;
mod stats;
mod support;
mod transport;
mod visibility;
