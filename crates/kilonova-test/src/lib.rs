//! What the tests of several packages stand on: members to test with, a PostgreSQL server,
//! certificates, a link that can be cut, a client that sends bytes, a driver of fuzz targets.
//!
//! Not published. It knows the process groups and nothing above them, so that every package can use
//! it in its tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

pub mod certificates;
pub mod fuzz;
pub mod member;
pub mod postgres;
pub mod proxy;
pub mod raw;

/// Whether `KILONOVA_TEST_REQUIRE` names something: what is required and missing fails a test that
/// would otherwise say so and skip.
pub fn required(what: &str) -> bool {
    std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default().split(',').any(|word| word == what)
}
