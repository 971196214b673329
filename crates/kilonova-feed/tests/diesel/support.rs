//! A separate database for each test, on SQLite or PostgreSQL.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool, R2D2Connection};
use kilonova_feed::diesel::{LogConnection, WalMode, append, migrate, page};
use kilonova_feed::{Event, NewEvent};
use kilonova_test::postgres::Cluster;

/// A connection of the kind that the suite runs on.
pub(crate) trait Db:
    LogConnection + R2D2Connection + Connection<TransactionManager = AnsiTransactionManager>
{
    /// Begins a transaction that writes.
    fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> QueryResult<T>) -> QueryResult<T>;
}

impl Db for SqliteConnection {
    fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> QueryResult<T>) -> QueryResult<T> {
        self.immediate_transaction(work)
    }
}

impl Db for PgConnection {
    fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> QueryResult<T>) -> QueryResult<T> {
        self.transaction(work)
    }
}

/// A database with a log and a table of notes, deleted after the test.
pub(crate) struct Home<C: Db> {
    pub(crate) pool: Pool<ConnectionManager<C>>,
    _folder: tempfile::TempDir,
}

pub(crate) fn sqlite() -> Option<Home<SqliteConnection>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.sqlite3");
    let manager = ConnectionManager::new(file.to_str().unwrap());
    let pool = Pool::builder().max_size(16).min_idle(Some(1));
    let pool = pool.connection_customizer(Box::new(WalMode)).build(manager).unwrap();
    Some(Home { pool, _folder: folder }.prepared())
}

pub(crate) fn postgres() -> Option<Home<PgConnection>> {
    static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| Cluster::start(&[]));
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let url = CLUSTER.as_ref()?.url();
    let name = format!("log_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    PgConnection::establish(&url)
        .unwrap()
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .unwrap();
    let url = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
    let manager = ConnectionManager::new(url);
    let pool = Pool::builder().max_size(16).min_idle(Some(1)).build(manager).unwrap();
    Some(Home { pool, _folder: tempfile::tempdir().unwrap() }.prepared())
}

impl<C: Db> Home<C> {
    fn prepared(self) -> Home<C> {
        let mut connection = self.pool.get().unwrap();
        connection.batch_execute("CREATE TABLE notes (title TEXT PRIMARY KEY)").unwrap();
        migrate::<C>(&mut connection).unwrap();
        drop(connection);
        self
    }

    /// Runs a transaction that writes.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut C) -> QueryResult<T>) -> QueryResult<T> {
        let connection: &mut C = &mut self.pool.get().unwrap();
        connection.write(work)
    }

    /// Appends events in a separate transaction.
    pub(crate) fn append(&self, events: impl IntoIterator<Item = NewEvent>) -> Vec<Event> {
        self.write(|connection| append(connection, events)).unwrap()
    }

    /// The whole log.
    pub(crate) fn log(&self) -> Vec<Event> {
        let connection: &mut C = &mut self.pool.get().unwrap();
        page(connection, 0, None, 10_000).unwrap().events
    }

    /// The number that a query returns.
    pub(crate) fn number(&self, query: &str) -> i64
    where
        diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, Number>,
    {
        let connection: &mut C = &mut self.pool.get().unwrap();
        let found = diesel::sql_query(query).get_result::<Number>(connection);
        found.unwrap().number
    }

    /// Checks that the size that the log keeps is the size of its payloads.
    pub(crate) fn assert_size(&self)
    where
        diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, Number>,
    {
        let kept = self.number("SELECT bytes AS number FROM kilonova_log");
        let payloads = "SELECT CAST(COALESCE(SUM(OCTET_LENGTH(payload)), 0) AS BIGINT) AS number \
                        FROM kilonova_events";
        assert_eq!(kept, self.number(payloads));
    }
}

#[derive(QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub(crate) number: i64,
}

/// An event on a channel, without a subject.
pub(crate) fn event(channel: &str, text: &str) -> NewEvent {
    NewEvent::new(channel, "told", text).unwrap()
}
