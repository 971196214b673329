//! The number of open connections of every kind, and its limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

/// All connections of this node; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections {
    open: Arc<AtomicUsize>,
    max: usize,
}

impl Connections {
    /// Starts without connections; admits at most `max`.
    pub(crate) fn new(max: usize) -> Connections {
        Connections { open: Arc::default(), max }
    }

    /// Counts a connection until the returned place is dropped, which also closes the receiver's
    /// channel. `None` at the limit.
    pub(crate) fn enter(&self) -> Option<(Held, oneshot::Receiver<()>)> {
        let more = |open| (open < self.max).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        let (told, gone) = oneshot::channel();
        Some((Held { open: Arc::clone(&self.open), _told: told }, gone))
    }
}

/// A connection's place among the others.
pub(crate) struct Held {
    open: Arc<AtomicUsize>,
    /// Dropped with the place, which wakes the receiver.
    _told: oneshot::Sender<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
