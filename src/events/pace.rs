//! How fast events go out: a batch at a time, the next when all who write it have had their turn.
//!
//! What is committed while a batch is being written leaves together afterwards, and reaches each
//! socket in one write instead of several; the system call is most of what an event costs. When
//! nobody is busy there is nothing to wait for. The same idea as group commit, on the way out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

/// How long a thread is waited for at the most: one that is stuck must not hold up the others.
const PATIENCE: Duration = Duration::from_millis(100);

/// The threads that write events to sockets; cheap to clone.
#[derive(Clone, Default)]
pub struct Pace {
    threads: Arc<Mutex<Vec<mpsc::Sender<Turn>>>>,
}

/// Dropped when everything that its thread was woken for before has run.
type Turn = oneshot::Sender<()>;

impl Pace {
    /// Counts the current thread, which must be an arbiter's, among those that write.
    pub fn attend(&self) {
        let (turns, mut taken) = mpsc::channel(1);
        // Tasks run in the order in which they are woken, so this one runs after the sessions.
        actix::spawn(async move { while taken.recv().await.is_some() {} });
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(turns);
    }

    /// Waits until each thread has run what was woken on it before this call.
    pub(super) async fn turned(&self) {
        let mut turns = Vec::new();
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).retain(|thread| {
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
