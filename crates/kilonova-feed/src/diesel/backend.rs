//! The differences between the databases. Owns the statements; leaves their combination to
//! `append`, `read` and `prune`.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;

use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::migration::Result as MigrationResult;
use diesel::prelude::*;

use super::read::Row;
use crate::{NewEvent, Subject};

/// The log's id, its last position, and the first position of its events.
type State = (String, i64, Option<i64>);

/// The oldest events: position, time, and size of the payload in bytes.
type Oldest = Vec<(i64, NaiveDateTime, i64)>;

/// A connection to a database with a log: any Diesel connection to SQLite or PostgreSQL, including
/// one from a pool.
pub trait LogConnection: Connection<Backend: Statements<Self>> + 'static {}

impl<C> LogConnection for C
where
    C: Connection + 'static,
    C::Backend: Statements<C>,
{
}

/// The statements for the database behind `C`. Only this crate can name this trait, so only this
/// crate calls it.
pub trait Statements<C>: Backend {
    /// The statement that begins a transaction that reads one snapshot.
    const SNAPSHOT: &'static str;
    fn migrate(connection: &mut C) -> MigrationResult<()>;
    fn is_newer(connection: &mut C) -> MigrationResult<bool>;
    fn is_stale(connection: &mut C) -> MigrationResult<bool>;
    fn state(connection: &mut C) -> QueryResult<State>;
    fn rows(
        connection: &mut C,
        after: i64,
        channels: Option<&[String]>,
        limit: usize,
        bytes: usize,
    ) -> QueryResult<(Vec<Row>, bool)>;
    fn row(connection: &mut C, position: i64) -> QueryResult<Option<Row>>;
    fn insert(
        connection: &mut C,
        new: &[NewEvent],
        at: NaiveDateTime,
        added: i64,
    ) -> QueryResult<i64>;
    fn redact(connection: &mut C, subject: &Subject, before: i64) -> QueryResult<i64>;
    fn free(connection: &mut C, bytes: i64) -> QueryResult<()>;
    fn size(connection: &mut C) -> QueryResult<(i64, i64)>;
    fn oldest(connection: &mut C, limit: i64) -> QueryResult<Oldest>;
    fn delete_through(connection: &mut C, position: i64) -> QueryResult<usize>;
}
