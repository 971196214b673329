//! What several test binaries stand on: data of a test's own, in SQLite or in PostgreSQL.

mod home;

pub(crate) use self::home::Home;
