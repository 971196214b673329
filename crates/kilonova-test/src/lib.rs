//! What the tests of several packages stand on: members to test with, a PostgreSQL server,
//! certificates, an Erlang node, a link that can be cut, a client that sends bytes, a driver of fuzz
//! targets.
//!
//! Not published. It knows the process groups and nothing above them, so that every package can use
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

/// A port of 127.0.0.1 that nobody listens on, for a server that is started later, or again. The
/// system gives none of these to the connections of others meanwhile, as it does its own.
pub fn free_port() -> u16 {
    /// Below what Linux gives out by itself.
    const PORTS: std::ops::Range<u16> = 10_000..32_000;
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    loop {
        // Of test processes that run at the same time each begins elsewhere.
        let begin = (std::process::id() % 220) as u16 * 100;
        let next = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + next % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Whether `KILONOVA_TEST_REQUIRE` names something: what is required and missing fails a test that
/// would otherwise say so and skip.
pub fn required(what: &str) -> bool {
    std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default().split(',').any(|word| word == what)
}
