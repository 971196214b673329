//! How fast events go out: a batch at a time, the next when all who write it have had their turn.
//!
//! What is committed while a batch is being written leaves together afterwards, and reaches each
//! socket in one write instead of several; the system call is most of what an event costs. When
//! nobody is busy there is nothing to wait for. The same idea as group commit, on the way out.
//!
//! Writers that wait for their answers are held up by a batch like everyone else on its threads. A
//! short rest behind it lets them all be answered and write again, and the next batch carries what
//! they wrote; without it the first of them would go out alone, and the others behind it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How long a thread is waited for at the most: one that is stuck must not hold up the others for
/// ever. A batch of four events takes 0.1 s with 10,000 sockets on two cores.
const PATIENCE: Duration = Duration::from_millis(500);

/// The rest behind a batch, as a part of the time that it took: it costs at most this part of the
/// deliveries that would fit, and saves up to half of the system calls.
const REST: u32 = 6;

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(25);

/// Rests shorter than this would be no rest: the timer's own steps are a millisecond.
const SHORTEST_REST: Duration = Duration::from_micros(500);

/// The threads that write events to sockets; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Pace {
    threads: Arc<Mutex<Vec<Attending>>>,
}

/// A thread that gives turns.
type Attending = (ThreadId, mpsc::Sender<Turn>);

/// Dropped when everything that its thread was woken for before has run.
type Turn = oneshot::Sender<()>;

impl Pace {
    /// Counts the current thread, which must be an arbiter's, among those that write. Every session
    /// does so when it starts.
    pub(crate) fn attend(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let own = thread::current().id();
        if threads.iter().any(|(thread, _)| *thread == own) {
            return;
        }
        let (turns, mut taken) = mpsc::channel(1);
        // Tasks run in the order in which they are woken, so this one runs after the sessions.
        actix::spawn(async move { while taken.recv().await.is_some() {} });
        threads.push((own, turns));
    }

    /// Waits until a batch that has just been handed to the sessions is written, what it held up
    /// has run, and a rest is over. `begun` is when handing it over began.
    pub(crate) async fn settle(&self, begun: Instant) {
        self.turned().await;
        // What came while the sessions wrote was queued behind them.
        self.turned().await;
        let rest = (begun.elapsed() / REST).min(LONGEST_REST);
        if rest >= SHORTEST_REST {
            tokio::time::sleep(rest).await;
        }
    }

    /// Waits until each thread has run what was woken on it before this call.
    async fn turned(&self) {
        let mut turns = Vec::new();
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, thread)| {
            let (turn, turned) = oneshot::channel();
            match thread.try_send(turn) {
                Ok(()) => turns.push(turned),
                // Still at the one before: it has been waited for long enough.
                Err(mpsc::error::TrySendError::Full(_)) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
            }
            true
        });
        let all = async {
            for turned in turns {
                // It is dropped, not sent.
                drop(turned.await);
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            log::debug!("a thread is busy for longer than {PATIENCE:?}: not waited for");
        }
    }
}
