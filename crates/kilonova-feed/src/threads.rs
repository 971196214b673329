//! The threads that write to sockets. Owns the list of threads; each thread calls its own sessions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kilonova_pubsub::{Dispatcher, Post};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::Instant;

use crate::stats::Frames;

/// The threads of a feed's sessions; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Threads(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    threads: Vec<Thread>,
    /// The frames of threads that have ended, live and replayed.
    ended: (u64, u64),
}

struct Thread {
    post: Post,
    /// The last turn that the thread was given, until it takes the turn.
    turn: Option<oneshot::Receiver<()>>,
    frames: Arc<Frames>,
}

impl Threads {
    /// Adds the current thread, which must be an arbiter's. Every session calls it at its start,
    /// and counts its frames in the result.
    pub(crate) fn attend(&self) -> Arc<Frames> {
        let dispatcher = Dispatcher::current();
        let threads = &mut self.locked().threads;
        let known = threads.iter().find(|thread| thread.post == *dispatcher.post());
        if let Some(thread) = known {
            return Arc::clone(&thread.frames);
        }
        let frames = Arc::<Frames>::default();
        let (post, counted) = (dispatcher.post().clone(), Arc::clone(&frames));
        threads.push(Thread { post, turn: None, frames: counted });
        frames
    }

    /// The frames that sessions have queued, live and replayed.
    pub(crate) fn frames(&self) -> (u64, u64) {
        let known = self.locked();
        let counts = known.threads.iter().map(|thread| thread.frames.count());
        counts.fold(known.ended, |all, more| (all.0 + more.0, all.1 + more.1))
    }

    /// The bytes of messages that wait for the threads.
    pub(crate) fn waiting(&self) -> usize {
        self.locked().threads.iter().map(|thread| thread.post.waiting()).sum()
    }

    /// Makes every session check whether it must close.
    pub(crate) fn rouse(&self) {
        self.locked().threads.iter().for_each(|thread| thread.post.rouse());
    }

    /// Waits until each thread has written everything that was sent before this call and has run
    /// the tasks that this woke, but at most for `patience`. True if all threads have. Does not
    /// wait again for a thread that has not taken its last turn.
    pub(crate) async fn turned(&self, patience: Duration) -> bool {
        let turns = self.locked().give_turns();
        let deadline = Instant::now() + patience;
        let mut all = true;
        for (post, mut turn) in turns {
            // The sender is dropped, so a turn always ends in an error.
            if tokio::time::timeout_at(deadline, &mut turn).await.is_err() {
                all = false;
                let threads = &mut self.locked().threads;
                if let Some(thread) = threads.iter_mut().find(|thread| thread.post == post) {
                    thread.turn = Some(turn);
                }
            }
        }
        all
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Gives a turn to each thread that has taken its last one, and forgets threads that have
    /// ended.
    fn give_turns(&mut self) -> Vec<(Post, oneshot::Receiver<()>)> {
        let mut turns = Vec::new();
        let Known { threads, ended } = self;
        threads.retain_mut(|thread| {
            if thread.turn.as_mut().is_some_and(|turn| turn.try_recv() == Err(TryRecvError::Empty))
            {
                return true;
            }
            let Some(turn) = thread.post.turn() else {
                let (live, replayed) = thread.frames.count();
                *ended = (ended.0 + live, ended.1 + replayed);
                return false;
            };
            thread.turn = None;
            turns.push((thread.post.clone(), turn));
            true
        });
        turns
    }
}
