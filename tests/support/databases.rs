//! Shared by several test binaries: separate data for each test, in SQLite or PostgreSQL.

mod home;

pub(crate) use self::home::Home;
