//! The threads that write to sockets. Owns which they are; each calls its own sessions.

use std::sync::{Arc, Mutex, PoisonError};

use kilonova_pubsub::{Dispatcher, Post};

/// The threads of a feed's sessions; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Threads(Arc<Mutex<Vec<Post>>>);

impl Threads {
    /// Adds the current thread, which must be an arbiter's. Every session calls it at its start.
    pub(crate) fn attend(&self) {
        let dispatcher = Dispatcher::current();
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !threads.contains(dispatcher.post()) {
            threads.push(dispatcher.post().clone());
        }
    }

    /// Makes every session look at what has changed.
    pub(crate) fn rouse(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Post::rouse);
    }

    /// Waits until each thread has written what was sent before this call, and has run the tasks
    /// that this woke.
    pub(crate) async fn turned(&self) {
        let mut turns = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|thread| {
            let Ok(turn) = thread.turn() else { return false };
            // Too much waits for a thread without a turn: waiting longer is of no use.
            turns.extend(turn);
            true
        });
        for turn in turns {
            // The sender is dropped, so this is always an error.
            drop(turn.await);
        }
    }
}
