//! The search through its handle: a real registry, a real database and a real index on disk.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../support/databases.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod databases;
mod indexing;
mod queries;
mod recovery;
mod reindexing;
mod support;
