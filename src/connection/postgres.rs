//! A connection to PostgreSQL for Diesel's synchronous queries. It uses tokio-postgres, which needs
//! no C library, and is driven by the calling thread.
//!
//! Owns the pipelining. Statements that only begin a transaction or savepoint, take a lock or
//! release a savepoint are held and sent with the next statement, in one round trip.

mod backend;
mod driver;
mod hosts;
mod multi;
pub(super) mod url;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation,
    LoadConnection, SimpleConnection,
};
use diesel::dsl::sql;
use diesel::expression::QueryMetadata;
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::result::Error;
use diesel::sql_types::Bool;
use diesel_async::{
    AsyncConnection, AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection,
};
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::BoxStream;

pub(crate) use self::backend::ALONE;
use self::backend::{BEGINNING, SETTINGS};
use self::driver::Driver;
use self::url::Postgres;
use super::Access;

/// Prefixes of the statements that are held until the next one.
const HELD: [&str; 4] =
    ["BEGIN", "SAVEPOINT ", "RELEASE SAVEPOINT ", "SELECT pg_advisory_xact_lock"];

/// A connection to PostgreSQL. It blocks the calling thread, which must not run an event loop.
pub struct PostgresConnection {
    client: Box<AsyncPgConnection>,
    driver: Driver,
    transactions: AnsiTransactionManager,
    instrumentation: Option<Box<dyn Instrumentation>>,
    /// Statements that go out with the next one.
    held: String,
}

impl PostgresConnection {
    /// Connects and sets the backend up.
    pub(super) fn open(server: &Postgres, access: Access) -> ConnectionResult<PostgresConnection> {
        let (client, driver) = Driver::connect(server)?;
        let mut connection = PostgresConnection {
            client: Box::new(client),
            driver,
            transactions: AnsiTransactionManager::default(),
            instrumentation: None,
            held: String::new(),
        };
        connection
            .batch_execute(&format!("{SETTINGS};{}", backend::settings(access)))
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        connection.set_patience(backend::patience(access));
        Ok(connection)
    }

    /// Sets the timeout for answers.
    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.driver.patience = patience;
    }

    /// Whether the connection is open, judging by the data received so far.
    pub(super) fn is_open(&mut self) -> bool {
        self.driver.is_open()
    }

    /// Sends the held statements and, right behind them, a query.
    fn send<'a, T>(
        &'a mut self,
        query: impl FnOnce(&'a AsyncPgConnection) -> Answer<'a, T>,
    ) -> (QueryResult<T>, &'a mut Driver) {
        let held = std::mem::take(&mut self.held);
        let mut client = &*self.client;
        let query = query(client);
        let patience = match held.starts_with("BEGIN") {
            true => self.driver.patience.min(BEGINNING),
            false => self.driver.patience,
        };
        let answer = if held.is_empty() {
            self.driver.wait(query)
        } else {
            self.driver.wait_at_most(patience, async move {
                let (begun, answer) = join(client.batch_execute(&held), query).await;
                begun.and(answer)
            })
        };
        (answer, &mut self.driver)
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = QueryResult<T>> + Send + 'a>>;

impl SimpleConnection for PostgresConnection {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        if self.driver.failed && sql.starts_with("COMMIT") {
            // The server would roll back and report success.
            return Err(Error::RollbackTransaction);
        }
        if !self.held.is_empty() {
            self.held.push(';');
        }
        self.held.push_str(sql);
        if sql.starts_with("BEGIN") {
            self.driver.failed = false;
        }
        // After a failure every statement fails; the caller that ends a savepoint must see it.
        if !self.driver.failed && HELD.iter().any(|words| sql.starts_with(words)) {
            return Ok(());
        }
        let all = std::mem::take(&mut self.held);
        let mut client = &*self.client;
        let answer = self.driver.wait(client.batch_execute(&all));
        if answer.is_ok() && sql.starts_with("ROLLBACK") {
            self.driver.failed = false;
        }
        answer
    }
}

impl ConnectionSealed for PostgresConnection {}

impl Connection for PostgresConnection {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    fn establish(url: &str) -> ConnectionResult<PostgresConnection> {
        let server = Postgres::parse(url).map_err(ConnectionError::InvalidConnectionUrl)?;
        PostgresConnection::open(&server, Access::Write)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        self.send(|mut client| client.execute_returning_count(source)).0
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = Some(Box::new(instrumentation));
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.client.set_prepared_statement_cache_size(size);
    }
}

/// A row as the server sent it.
type Row = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;

/// Rows, received one by one as they are requested.
pub struct Rows<'a> {
    rows: BoxStream<'static, QueryResult<Row>>,
    driver: &'a mut Driver,
}

impl Iterator for Rows<'_> {
    type Item = QueryResult<Row>;

    fn next(&mut self) -> Option<QueryResult<Row>> {
        let next = self.rows.next();
        self.driver.wait(async { next.await.transpose() }).transpose()
    }
}

impl LoadConnection for PostgresConnection {
    type Cursor<'conn, 'query> = Rows<'conn>;
    type Row<'conn, 'query> = Row;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Rows<'conn>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        let (rows, driver) = self.send(|mut client| client.load(source));
        Ok(Rows { rows: rows?, driver })
    }
}

impl MigrationConnection for PostgresConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        // CREATE TABLE IF NOT EXISTS needs the privilege to create tables even when the table
        // exists, and a running server needs no such privilege.
        let there = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
        if !diesel::select(there).get_result::<bool>(self)? {
            self.batch_execute(CREATE_MIGRATIONS_TABLE)?;
        }
        Ok(0)
    }
}

impl R2D2Connection for PostgresConnection {
    fn ping(&mut self) -> QueryResult<()> {
        self.batch_execute("SELECT 1")
    }

    fn is_broken(&mut self) -> bool {
        use diesel::connection::TransactionManager as _;
        !self.driver.is_open() || AnsiTransactionManager::is_broken_transaction_manager(self)
    }
}
