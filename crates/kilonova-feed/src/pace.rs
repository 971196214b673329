//! The pace of outgoing events: one batch at a time; the next starts when every thread has written
//! the last one.
//!
//! Events that are committed during a batch go out together after it, in one write per socket
//! instead of several: the system call is most of an event's cost. Idle threads cause no wait. The
//! idea is that of group commit.
//!
//! A batch delays the responses to writers on the same threads. A short rest after it lets these
//! writers get their responses and write again, so that the next batch carries all of their events.
//! Without the rest, the first of them would go out alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The timeout of the wait for a thread: a stuck thread must not block the others forever. A batch
/// of four events takes 0.1 s with 10,000 sockets on two cores.
const PATIENCE: Duration = Duration::from_millis(500);

/// The divisor of a batch's duration that gives the rest after it: the rest costs at most this part
/// of the throughput and saves up to half of the system calls.
const REST: u32 = 6;

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(25);

/// Shorter rests are skipped: the timer's resolution is a millisecond.
const SHORTEST_REST: Duration = Duration::from_micros(500);

/// The threads that write events to sockets; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Pace {
    threads: Arc<Mutex<Vec<Attending>>>,
}

/// A thread that writes events, and the channel to its task.
type Attending = (ThreadId, mpsc::Sender<Turn>);

/// Dropped by the thread's task, after every task that was woken before it has run.
type Turn = oneshot::Sender<()>;

impl Pace {
    /// Adds the current thread, which must be an arbiter's, to those that write. Every session
    /// calls it at its start.
    pub(crate) fn attend(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let own = thread::current().id();
        if threads.iter().any(|(thread, _)| *thread == own) {
            return;
        }
        let (turns, mut taken) = mpsc::channel(1);
        // Tasks run in the order of their wake-ups, so this one runs after the sessions.
        actix::spawn(async move { while taken.recv().await.is_some() {} });
        threads.push((own, turns));
    }

    /// Waits until the sessions have written the current batch, the tasks behind it have run, and
    /// the rest is over. `begun` is the start of the batch.
    pub(crate) async fn settle(&self, begun: Instant) {
        self.turned().await;
        // Tasks that were woken during the writes are queued behind them.
        self.turned().await;
        let rest = (begun.elapsed() / REST).min(LONGEST_REST);
        if rest >= SHORTEST_REST {
            tokio::time::sleep(rest).await;
        }
    }

    /// Waits until each thread has run the tasks that were woken before this call.
    async fn turned(&self) {
        let mut turns = Vec::new();
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, thread)| {
            let (turn, turned) = oneshot::channel();
            match thread.try_send(turn) {
                Ok(()) => turns.push(turned),
                // The thread has not taken the last turn: its timeout has passed already.
                Err(mpsc::error::TrySendError::Full(_)) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
            }
            true
        });
        let all = async {
            for turned in turns {
                // The sender is dropped, so this is always an error.
                drop(turned.await);
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            log::debug!("a thread is busy for over {PATIENCE:?}; not waiting for it");
        }
    }
}
