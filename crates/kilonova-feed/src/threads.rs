//! The threads that write to sockets. Owns which they are; each calls its own sessions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kilonova_pubsub::{Dispatcher, Post};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::Instant;

/// The threads of a feed's sessions; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Threads(Arc<Mutex<Vec<Thread>>>);

struct Thread {
    post: Post,
    /// The last turn that it was given, while it has not taken it.
    turn: Option<oneshot::Receiver<()>>,
}

impl Threads {
    /// Adds the current thread, which must be an arbiter's. Every session calls it at its start.
    pub(crate) fn attend(&self) {
        let dispatcher = Dispatcher::current();
        let mut threads = self.locked();
        if !threads.iter().any(|thread| thread.post == *dispatcher.post()) {
            threads.push(Thread { post: dispatcher.post().clone(), turn: None });
        }
    }

    /// Makes every session look at what has changed.
    pub(crate) fn rouse(&self) {
        self.locked().iter().for_each(|thread| thread.post.rouse());
    }

    /// Waits until each thread has written what was sent before this call, and has run the tasks
    /// that this woke; at most for `patience`. True if all have. A thread that has not taken its
    /// last turn yet is not waited for again.
    pub(crate) async fn turned(&self, patience: Duration) -> bool {
        let mut turns = Vec::new();
        self.locked().retain_mut(|thread| {
            if thread.turn.as_mut().is_some_and(|turn| turn.try_recv() == Err(TryRecvError::Empty))
            {
                return true;
            }
            let Some(turn) = thread.post.turn() else { return false };
            thread.turn = None;
            turns.push((thread.post.clone(), turn));
            true
        });
        let deadline = Instant::now() + patience;
        let mut all = true;
        for (post, mut turn) in turns {
            // The sender is dropped, so this is always an error.
            if tokio::time::timeout_at(deadline, &mut turn).await.is_err() {
                all = false;
                let mut threads = self.locked();
                if let Some(thread) = threads.iter_mut().find(|thread| thread.post == post) {
                    thread.turn = Some(turn);
                }
            }
        }
        all
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
