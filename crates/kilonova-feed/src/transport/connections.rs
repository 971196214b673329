//! How many connections are open, whatever they are used for.

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
    /// None yet, and at most `max` from now on.
    pub(crate) fn new(max: usize) -> Connections {
        Connections { open: Arc::default(), max }
    }

    /// Counts one more, until what is returned is dropped, which the receiver then hears of; `None`
    /// when there are enough.
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
    /// Dropped with it.
    _told: oneshot::Sender<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
