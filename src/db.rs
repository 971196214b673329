//! Access to the database off the event loop: a pool of readers and one writer thread.
//!
//! This module owns pools, threads, migrations and the classification of outages. The models own
//! the queries.

mod error;
mod job;
mod lock;
mod meter;
mod migrate;
mod readers;
mod tally;
mod tx;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kilonova_feed::Event;

pub use self::error::Error;
pub use self::meter::Meter;
pub use self::migrate::BACKUP;
use self::readers::Readers;
pub use self::tally::Stats;
pub use self::tx::{Touches, Tx};
use crate::connection::{Access, Database, DbConnection, snapshot};
use crate::models::log as events;
use crate::models::site_key;
use crate::models::stored_response::Key;
use crate::threads::Threads;
use crate::turns::{Turns, WorksFor};

/// The maximum number of concurrent reads for clients. Each holds a connection and, while it runs,
/// a thread.
const READERS: usize = 8;

/// The maximum number of concurrent reads for the node itself. They do not wait for reads of
/// clients.
const OWN_READERS: usize = 4;

/// One address may use at most 1/SHARE of the reads for clients.
const SHARE: usize = 2;

/// How long a read waits for a free connection before it is refused.
const WAIT: Duration = Duration::from_secs(5);

/// How long [`Db::close`] waits for reads in progress.
const LAST_READS: Duration = Duration::from_secs(2);

/// The timeout for a migration of much data, including the wait for another node's migration.
const MIGRATION: Duration = Duration::from_secs(15 * 60);

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    readers: Readers,
    /// The limit on reads for clients; `own_turns` limits those for the node itself.
    turns: Arc<Turns>,
    own_turns: Arc<Turns>,
    threads: Arc<Threads>,
    writer: Arc<writer::Writer>,
    log_id: Arc<str>,
}

/// Opens a connection that may write, and migrates the database to the newest schema. For commands
/// that need no writer thread.
pub fn open_migrated(database: &Database) -> Result<DbConnection, Error> {
    // Check first: opening a connection that may write changes the journal mode, and so the file.
    if matches!(database, Database::Sqlite(_)) && !database.is_missing() {
        migrate::refuse_backups(&mut database.open(Access::Read)?)?;
    }
    // Migrate on a separate connection with a longer timeout.
    let mut connection = database.open(Access::Write)?;
    connection.set_patience(MIGRATION);
    migrate::run(&mut connection)?;
    drop(connection);
    Ok(database.open(Access::Write)?)
}

/// Fails if a database does not have the schema of this version, which the caller could not read.
/// Changes nothing.
pub fn refuse_other_schemas(database: &Database) -> Result<(), Error> {
    migrate::refuse_others(&mut database.open(Access::Read)?)
}

/// Returns whether a database has no tables yet.
pub fn is_bare(connection: &mut DbConnection) -> diesel::QueryResult<bool> {
    use diesel::dsl::sql;
    use diesel::prelude::*;
    use diesel::sql_types::Bool;
    let bare = match connection {
        DbConnection::Sqlite(_) => "NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'posts')",
        DbConnection::Postgres(_) => "to_regclass('posts') IS NULL",
    };
    diesel::select(sql::<Bool>(bare)).get_result(connection)
}

/// A value and the position in the log at which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Every event up to this position is reflected in the value, and none after it.
    pub position: i64,
}

/// Called on the writer's thread with the events that a transaction committed, in commit order and
/// before the transaction's caller gets its result. It must not block for long, because the next
/// writes wait.
pub type OnCommit = Box<dyn Fn(Vec<Event>) + Send>;

impl Db {
    /// Opens the database and starts the writer. It creates a missing SQLite file and migrates to
    /// the newest schema. Blocks; use it at startup and in commands.
    pub fn open(database: &Database, on_commit: OnCommit) -> Result<Db, Error> {
        let mut connection = open_migrated(database)?;
        let log_id = events::state(&mut connection)?.id;
        let threads = Threads::new("read", READERS + OWN_READERS)
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Db {
            readers: Readers::new(database.clone(), (READERS + OWN_READERS) as u32),
            turns: Turns::new(READERS, SHARE),
            own_turns: Turns::new(OWN_READERS, 1),
            threads: Arc::new(threads),
            writer: Arc::new(writer::Writer::start(database.clone(), connection, on_commit)?),
            log_id,
        })
    }

    /// The id of the log, which distinguishes this database from a restored or different one.
    pub fn log_id(&self) -> &str {
        &self.log_id
    }

    /// Runs queries as [`Db::read`] does, and returns the log position of their snapshot.
    pub async fn snapshot<T, E, F>(&self, query: F) -> Result<At<T>, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + From<diesel::result::Error> + Send + 'static,
    {
        self.read(|connection| {
            let position = events::state(connection)?.position;
            Ok(At { value: query(connection)?, position })
        })
        .await
    }

    /// Runs queries in one snapshot, off the event loop.
    ///
    /// A read that gets no free connection within five seconds fails with [`Error::Overloaded`].
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + From<diesel::result::Error> + Send + 'static,
    {
        let turns = match WorksFor::current() {
            WorksFor::Node => &self.own_turns,
            WorksFor::Client(_) => &self.turns,
        };
        let turn = turns.take(WAIT).await.ok_or(Error::Overloaded)?;
        let readers = self.readers.clone();
        let done = self.threads.run(move || {
            let _turn = turn;
            let mut connection = readers.get()?;
            snapshot(&mut connection, query)
        });
        done.await.ok_or(Error::Panicked)?
    }

    /// Runs a transaction. Its writes and the events that it announced are committed together or
    /// not at all.
    ///
    /// Transactions that wait at the same time are committed in one batch, each in a separate
    /// savepoint, so that a failing one does not affect the others. A transaction completes even if
    /// its caller goes away. It returns `Ok` only after the commit is on disk.
    ///
    /// Rows that it has read are not changed by other nodes until it ends.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<At<T>, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + From<diesel::result::Error> + Send + 'static,
    {
        self.transaction_on(Touches::ExistingRows, None, work).await
    }

    /// Runs a transaction as [`Db::transaction`] does, and declares what it touches: one that only
    /// adds rows does not wait for other nodes. Transactions with the same key run one at a time,
    /// across all nodes.
    pub async fn transaction_on<T, E, F>(
        &self,
        touches: Touches,
        key: Option<Key>,
        work: F,
    ) -> Result<At<T>, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + From<diesel::result::Error> + Send + 'static,
    {
        let (job, answer) = job::pending(touches, key, Meter::current(), work);
        self.writer.enqueue(job)?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// The same for a command, which has a thread to block.
    pub fn transaction_blocking<T, E, F>(&self, work: F) -> Result<At<T>, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + From<diesel::result::Error> + Send + 'static,
    {
        let (job, answer) = job::pending(Touches::ExistingRows, None, None, work);
        self.writer.enqueue(job)?;
        answer.blocking_recv().map_err(|_| Error::Stopped)?
    }

    /// Returns counts for metrics, without blocking the event loop.
    pub fn stats(&self) -> Stats {
        let tally = self.writer.tally();
        Stats {
            reads: self.turns.usage(),
            own_reads: self.own_turns.usage(),
            waiting: self.writer.waiting(),
            batches: tally.batches.distribution(),
            times: tally.times.distribution(),
            events: tally.events(),
            failed: tally.failures(),
            is_failing: tally.is_failing(),
        }
    }

    /// Fails while writes fail. After a failed write, it attempts a write at most once a second, so
    /// that a node without other writes notices when writes work again.
    pub async fn check_writes(&self) -> Result<(), Error> {
        let tally = self.writer.tally();
        if !tally.is_failing() {
            return Ok(());
        }
        if tally.may_try(Instant::now()) {
            let tried = self.transaction(|tx| Ok::<_, Error>(site_key::touch(tx.connection)?));
            return tried.await.map(drop);
        }
        Err(Error::Unavailable("the last write failed".to_owned()))
    }

    /// Refuses new transactions, finishes the queued ones, stops the writer's thread, and closes
    /// all connections. All data of a SQLite database is then in its main file, unless another
    /// process has it open.
    pub async fn close(&self) {
        // SQLite checkpoints the journal into the file only when there are no readers.
        self.readers.close();
        let reads = [&self.turns, &self.own_turns].map(|turns| turns.take_all(LAST_READS));
        let reads = futures_util::future::join_all(reads).await;
        if reads.iter().any(Option::is_none) {
            log::warn!("reads were still in progress after {LAST_READS:?}");
        }
        let db = self.clone();
        if tokio::task::spawn_blocking(move || db.close_blocking()).await.is_err() {
            log::error!("cannot wait for the writer thread");
        }
    }

    /// The same for a command, which has a thread to block.
    pub fn close_blocking(&self) {
        // Close the writer's connection last: SQLite checkpoints the journal when it closes.
        self.readers.close();
        self.writer.close();
    }
}
