//! The writer: one thread, one connection, commits shared by all that wait (group commit).
//!
//! With `synchronous = FULL` a commit costs a flush of the disk; transactions that queue up behind
//! one share the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::Connection as _;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::r2d2::R2D2Connection;
use diesel::result::Error as Diesel;
use tokio::sync::{mpsc, oneshot};

use super::{At, Error, OnCommit};
use crate::connection::{Access, DbConnection, open_sqlite, with_variant};
use crate::failpoint;
use crate::models::event::{self, Event, NewEvent};

/// Transactions that may wait. One more is refused: it would wait longer than its client does.
const QUEUE: usize = 1024;

/// Transactions that share a commit at the most, which bounds how long the write lock is held.
const BATCH: usize = 64;

/// A transaction at work.
pub struct Tx<'a> {
    /// For the models' queries.
    pub connection: &'a mut DbConnection,
    events: Vec<NewEvent>,
    /// The position before this transaction's own events.
    base: i64,
}

impl Tx<'_> {
    /// Writes an event into the log with this transaction. It goes out when, and only when, the
    /// transaction has committed, after those announced before it.
    pub fn announce(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// The position that the log will have with what was announced so far.
    pub fn position(&self) -> i64 {
        self.base + self.events.len() as i64
    }
}

pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(
        path: PathBuf,
        connection: DbConnection,
        on_commit: OnCommit,
    ) -> Result<Writer, Error> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || run(&path, connection, jobs, &on_commit))
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Writer { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn enqueue<T, E, F>(&self, work: F) -> Result<Answer<T, E>, Error>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Pending { work: Some(work), outcome: None, reply };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().map(|queue| queue.try_send(Box::new(job))) {
            Some(Ok(())) => Ok(answer),
            Some(Err(mpsc::error::TrySendError::Full(_))) => Err(Error::Overloaded),
            Some(Err(mpsc::error::TrySendError::Closed(_))) | None => Err(Error::Stopped),
        }
    }

    pub(super) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the writer's thread panicked");
        }
    }
}

/// What a transaction's caller waits for.
pub(super) type Answer<T, E> = oneshot::Receiver<Result<At<T>, E>>;

/// A transaction in the queue, its types erased.
trait Job: Send {
    /// Does the work and keeps its outcome. False: roll back what it wrote.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Answers with the outcome, after the commit; `position` is its last event's or, when it has
    /// none, the last one before it.
    fn answer(self: Box<Self>, position: i64);
    /// Answers that the commit failed.
    fn fail(self: Box<Self>, error: Error);
}

struct Pending<T, E, F> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<At<T>, E>>,
}

impl<T, E, F> Job for Pending<T, E, F>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        // What the work touched is rolled back with its savepoint, so nothing half-done is seen.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(tx)))
            .unwrap_or_else(|_| Err(Error::Panicked.into()));
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(self: Box<Self>, position: i64) {
        if let Some(outcome) = self.outcome {
            // A caller that went away does not want it.
            drop(self.reply.send(outcome.map(|value| At { value, position })));
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        // What the work itself found wrong is the better answer.
        let outcome = match self.outcome {
            Some(Err(own)) => Err(own),
            _ => Err(error.into()),
        };
        drop(self.reply.send(outcome));
    }
}

fn run(
    path: &std::path::Path,
    connection: DbConnection,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    on_commit: &OnCommit,
) {
    let mut connection = Some(connection);
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        let opened = match connection.take() {
            Some(open) => Ok(open),
            None => open_sqlite(path, Access::Write),
        };
        let mut open = match opened {
            Ok(open) => open,
            Err(error) => {
                log::error!("the writer cannot open the database: {error}");
                let message = error.to_string();
                batch.into_iter().for_each(|job| job.fail(Error::Unavailable(message.clone())));
                continue;
            }
        };
        match commit(&mut open, &mut batch) {
            Ok(Batch { events, positions }) => {
                if let (Some(first), Some(last)) = (events.first(), events.last()) {
                    // Before anyone is told: `benches/fanout` takes the time from here.
                    log::trace!("committed {}..={}", first.id, last.id);
                    failpoint::reach(failpoint::AFTER_COMMIT);
                    on_commit(events);
                }
                batch.into_iter().zip(positions).for_each(|(job, at)| job.answer(at));
                connection = Some(open);
            }
            Err(error) => {
                log::error!("{} transaction(s) not committed: {error}", batch.len());
                let message = error.to_string();
                batch.into_iter().for_each(|job| job.fail(Error::Unavailable(message.clone())));
                // After an error in the transaction itself nothing is assumed of the connection.
                if !open.is_broken() && open.ping().is_ok() {
                    connection = Some(open);
                }
            }
        }
    }
}

/// Why a savepoint was not kept.
enum Refused {
    ByTheWork,
    ByTheDatabase(Diesel),
}

impl From<Diesel> for Refused {
    fn from(error: Diesel) -> Refused {
        Refused::ByTheDatabase(error)
    }
}

/// A batch that is committed.
struct Batch {
    events: Vec<Event>,
    /// Of each job, where the log stood after it.
    positions: Vec<i64>,
}

/// Runs a batch in one transaction, each job in its savepoint, the positions last.
fn commit(connection: &mut DbConnection, batch: &mut [Box<dyn Job>]) -> Result<Batch, Error> {
    let work = |connection: &mut DbConnection| -> Result<Batch, Diesel> {
        let base = event::log(connection)?.position;
        let mut announced = Vec::new();
        let mut positions = Vec::new();
        for job in batch {
            let before = base + announced.len() as i64;
            let kept = connection.transaction(|connection| {
                let depth = depth(connection)?;
                let mut tx = Tx { connection, events: Vec::new(), base: before };
                let kept = job.run(&mut tx);
                let events = tx.events;
                // A panic inside a transaction of the work's own leaves its savepoint open. The
                // next one to end would be taken for it, and COMMIT for the release of another.
                while self::depth(connection)? > depth {
                    with_variant!(connection, c => AnsiTransactionManager::rollback_transaction(c))?;
                }
                if kept { Ok(events) } else { Err(Refused::ByTheWork) }
            });
            match kept {
                Ok(events) => announced.extend(events),
                Err(Refused::ByTheWork) => {}
                // A savepoint that cannot be ended means that the whole transaction is gone, as
                // SQLite does when the disk is full; what followed would be committed by itself.
                Err(Refused::ByTheDatabase(error)) => return Err(error),
            }
            positions.push(base + announced.len() as i64);
        }
        let events = event::append(connection, announced)?;
        if !events.is_empty() {
            failpoint::reach(failpoint::BEFORE_COMMIT);
        }
        Ok(Batch { events, positions })
    };
    begin_immediate(connection, work).map_err(Error::of)
}

/// How many transactions are open in one another; an error when the connection does not know.
fn depth(connection: &mut DbConnection) -> Result<u32, Diesel> {
    let status =
        with_variant!(connection, c => AnsiTransactionManager::transaction_manager_status_mut(c));
    Ok(status.transaction_depth()?.map_or(0, std::num::NonZero::get))
}

/// A transaction that holds the write lock from its start, so that it never fails half-way for
/// another process's sake.
fn begin_immediate<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, Diesel>,
) -> Result<T, Diesel> {
    with_variant!(connection, c => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"))?;
    match work(connection) {
        Ok(value) => {
            with_variant!(connection, c => AnsiTransactionManager::commit_transaction(c))?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) =
                with_variant!(connection, c => AnsiTransactionManager::rollback_transaction(c))
            {
                log::error!("rolling back failed: {rollback}");
            }
            Err(error)
        }
    }
}
