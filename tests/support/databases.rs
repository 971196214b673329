//! What several test binaries stand on: data of a test's own, in SQLite or in PostgreSQL.

pub(crate) mod cluster;
mod home;

pub(crate) use self::home::Home;

/// Whether `KILONOVA_TEST_REQUIRE` names something: what is required and missing fails a test that
/// would otherwise say so and skip.
pub(crate) fn required(what: &str) -> bool {
    std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default().split(',').any(|word| word == what)
}
