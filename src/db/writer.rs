//! The writer: one thread, one connection, and group commit.
//!
//! A commit costs a disk flush, and PostgreSQL gives positions to one node at a time. Transactions
//! that queue up during one commit share the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use diesel::Connection as _;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::r2d2::R2D2Connection;
use diesel::result::Error as Diesel;
use kilonova_feed::Event;
use tokio::sync::mpsc;

use super::job::Job;
use super::tally::Tally;
use super::tx::Written;
use super::{Error, OnCommit, Touches, Tx, lock};
use crate::connection::{Access, Database, DbConnection, transaction, with_variant};
use crate::failpoint;
use crate::logging;
use crate::models::{log as events, stored_response};

/// The most transactions in the queue. A further one is refused: its client would time out first.
const QUEUE: usize = 1024;

/// The most transactions that share a commit. This bounds how long the write lock is held.
const BATCH: usize = 64;

/// How long the writer tries to determine the outcome of a commit whose answer was lost.
const FINDING_OUT: Duration = Duration::from_secs(3);

/// READ COMMITTED, whatever the database's default is: after each lock, the commits of other nodes
/// must be visible.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    tally: Arc<Tally>,
}

impl Writer {
    pub(super) fn start(
        database: Database,
        connection: DbConnection,
        on_commit: OnCommit,
    ) -> Result<Writer, Error> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let tally = Arc::<Tally>::default();
        let counted = Arc::clone(&tally);
        let thread = std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || run(&database, connection, jobs, &on_commit, &counted))
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let (queue, thread) = (Mutex::new(Some(queue)), Mutex::new(Some(thread)));
        Ok(Writer { queue, thread, tally })
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The number of transactions in the queue.
    pub(super) fn waiting(&self) -> usize {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    pub(super) fn enqueue(&self, job: Box<dyn Job>) -> Result<(), Error> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => Ok(()),
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

fn run(
    database: &Database,
    connection: DbConnection,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    on_commit: &OnCommit,
    tally: &Tally,
) {
    let mut connection = Some(connection);
    let mut away = false;
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        // The server may have closed an idle connection.
        let opened = match connection.take().and_then(usable) {
            Some(open) => Ok(open),
            None => database.open(Access::Write),
        };
        let mut open = match opened {
            Ok(open) => open,
            Err(error) => {
                if !std::mem::replace(&mut away, true) {
                    log::error!("the writer cannot open the database: {error}");
                }
                // Jobs queued in the meantime fail too; they must not wait for the next attempt.
                while batch.len() < QUEUE
                    && let Ok(next) = jobs.try_recv()
                {
                    batch.push(next);
                }
                tally.failed(batch.len());
                fail(batch, &error.to_string());
                continue;
            }
        };
        if std::mem::take(&mut away) {
            log::info!("the writer can open the database again");
        }
        let begun = Instant::now();
        match commit(&mut open, &mut batch) {
            Ok(done) => {
                tally.committed(batch.len(), done.events.len(), begun.elapsed());
                finish(done, batch, on_commit);
                connection = Some(open);
            }
            Err(Failed { error, attempted }) => {
                // After an error in the transaction, the connection is kept only if it answers.
                connection = usable(open).and_then(|mut open| open.ping().is_ok().then_some(open));
                match attempted {
                    // The answer to COMMIT was lost. The log shows whether the commit happened.
                    Some(done) if connection.is_none() && was_committed(database, &done) => {
                        log::warn!("committed, although the answer to COMMIT was lost: {error}");
                        tally.committed(batch.len(), done.events.len(), begun.elapsed());
                        finish(done, batch, on_commit);
                    }
                    _ => {
                        tally.failed(batch.len());
                        logging::failure(format_args!(
                            "{} transaction(s) not committed: {error}",
                            batch.len()
                        ));
                        fail(batch, &error.to_string());
                    }
                }
            }
        }
    }
}

/// The connection, unless it is broken.
fn usable(mut open: DbConnection) -> Option<DbConnection> {
    (!open.is_broken()).then_some(open)
}

/// Announces a commit, first to the relay, then to the waiting callers.
fn finish(done: Batch, batch: Vec<Box<dyn Job>>, on_commit: &OnCommit) {
    if let (Some(first), Some(last)) = (done.events.first(), done.events.last()) {
        // Before anyone is notified: `benches/fanout` measures from this line.
        log::trace!("committed {}..={}", first.position(), last.position());
        failpoint::reach(failpoint::AFTER_COMMIT);
        name_causes(first.position(), &done.positions, &batch);
        on_commit(done.events);
    }
    batch.into_iter().zip(done.positions).for_each(|(job, at)| job.answer(at));
}

/// Logs which request caused which events, beginning with event `first`.
fn name_causes(first: i64, positions: &[i64], batch: &[Box<dyn Job>]) {
    let mut next = first;
    for (job, &last) in batch.iter().zip(positions) {
        if last < next {
            continue;
        }
        let first = std::mem::replace(&mut next, last + 1);
        if let Some(request) = job.request().cloned() {
            request.with(|| {
                log::info!(
                    target: "kilonova::events",
                    first_event = first, last_event = last;
                    "committed event {}",
                    if first == last { last.to_string() } else { format!("{first} to {last}") }
                );
            });
        }
    }
}

fn fail(batch: Vec<Box<dyn Job>>, reason: &str) {
    batch.into_iter().for_each(|job| job.fail(Error::Unavailable(reason.to_owned())));
}

/// Whether a transaction whose COMMIT was not answered has been committed. False if this cannot be
/// determined within [`FINDING_OUT`].
fn was_committed(database: &Database, done: &Batch) -> bool {
    let Some(last) = done.events.last() else { return false };
    let begun = Instant::now();
    while begun.elapsed() < FINDING_OUT {
        let found = database.open(Access::Write).map_err(Error::from).and_then(|mut open| {
            transaction(&mut open, "BEGIN", BEGIN, |connection| {
                // The commit may still be in progress.
                lock::log(connection)?;
                Ok(events::holds(connection, last)?)
            })
        });
        match found {
            Ok(found) => return found,
            Err(error) => log::debug!("the outcome of a commit is not known yet: {error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// The reason why a savepoint was rolled back.
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
    /// For each job, the last position after it.
    positions: Vec<i64>,
}

/// A batch that was not committed, or whose outcome is unknown.
struct Failed {
    error: Error,
    /// The batch to be committed, if COMMIT failed and not a statement before it.
    attempted: Option<Batch>,
}

/// Runs a batch in one transaction. Each job has its own savepoint; the positions come last.
fn commit(connection: &mut DbConnection, batch: &mut [Box<dyn Job>]) -> Result<Batch, Failed> {
    let mut attempted = None;
    let committed = transaction(connection, "BEGIN IMMEDIATE", BEGIN, |connection| {
        attempted = Some(write(connection, batch)?);
        Ok::<_, Diesel>(())
    });
    match (committed, attempted) {
        (Ok(()), Some(done)) => Ok(done),
        (Ok(()), None) => Err(Failed { error: Error::Stopped, attempted: None }),
        (Err(error), attempted) => Err(Failed { error: Error::of(error), attempted }),
    }
}

/// Runs all statements of a batch between BEGIN and COMMIT.
fn write(connection: &mut DbConnection, batch: &mut [Box<dyn Job>]) -> Result<Batch, Diesel> {
    if batch.iter().any(|job| job.touches() == Touches::ExistingRows) {
        lock::changes(connection)?;
    }
    lock::keys(connection, batch.iter().filter_map(|job| job.key()))?;
    let base = events::state(connection)?.position;
    let mut all = Written::default();
    let mut positions = Vec::new();
    for job in batch {
        let before = base + all.events.len() as i64;
        let kept = connection.transaction(|connection| {
            let depth = depth(connection)?;
            let key = job.key().cloned();
            let mut tx = Tx { connection, key, written: Written::default(), base: before };
            let kept = job.run(&mut tx);
            let written = tx.written;
            // If the work panics inside a nested transaction, that savepoint stays open. Diesel
            // would then release the wrong savepoint next, and release one instead of committing.
            while self::depth(connection)? > depth {
                with_variant!(connection, c => AnsiTransactionManager::rollback_transaction(c))?;
            }
            if kept { Ok(written) } else { Err(Refused::ByTheWork) }
        });
        match kept {
            Ok(written) => {
                all.events.extend(written.events);
                all.responses.extend(written.responses);
                all.pruned += written.pruned;
            }
            Err(Refused::ByTheWork) => {}
            // A savepoint that cannot be ended means that the whole transaction was rolled back, as
            // SQLite does when the disk is full. Later statements would be committed on their own.
            Err(Refused::ByTheDatabase(error)) => return Err(error),
        }
        positions.push(base + all.events.len() as i64);
    }
    for event in all.events.iter().filter(|event| event.redacts) {
        if let Some(subject) = &event.subject {
            stored_response::redact(connection, subject)?;
        }
    }
    let appended = events::append(connection, all.events, all.pruned)?;
    if let Some(first) = appended.first() {
        // The number of events that other nodes have committed since this transaction began.
        let others = first.position() - base - 1;
        if others > 0 {
            positions.iter_mut().for_each(|position| *position += others);
            stored_response::shift(connection, &all.responses, others)?;
        }
        failpoint::reach(failpoint::BEFORE_COMMIT);
    }
    Ok(Batch { events: appended, positions })
}

/// The nesting depth of open transactions; an error if the connection does not know it.
fn depth(connection: &mut DbConnection) -> Result<u32, Diesel> {
    let status =
        with_variant!(connection, c => AnsiTransactionManager::transaction_manager_status_mut(c));
    Ok(status.transaction_depth()?.map_or(0, std::num::NonZero::get))
}
