//! Support for the tests of several packages: test members, a PostgreSQL server, certificates, an
//! Erlang node, a link that can be cut, a client that sends raw bytes, and a driver for fuzz
//! targets.
//!
//! Not published. It depends on the process groups and nothing above them, so every package can use
//! it in its tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

pub mod certificates;
pub mod erlang;
pub mod fuzz;
pub mod member;
pub mod postgres;
pub mod proxy;
pub mod raw;

/// Returns an unused port of 127.0.0.1, for a server that starts later or restarts. The system does
/// not assign these ports to other connections in the meantime, as it does with ephemeral ports.
pub fn free_port() -> u16 {
    /// Below the ephemeral ports of Linux.
    const PORTS: std::ops::Range<u16> = 10_000..32_000;
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    loop {
        // Test processes that run at the same time start at different ports.
        let begin = (std::process::id() % 220) as u16 * 100;
        let next = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + next % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Returns true if `KILONOVA_TEST_REQUIRE` contains `what`. A test that lacks a required program
/// fails; otherwise it prints a message and skips.
pub fn required(what: &str) -> bool {
    std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default().split(',').any(|word| word == what)
}
