//! The live endpoints: who may open a socket, how many there are, and what they are sent.
//!
//! One session actor per socket is a member of its channels; the registry knows it only as a
//! recipient.

pub mod frame;
pub mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use crate::config::Heartbeat;

/// All sockets of this node: their number and their end. Cheap to clone.
#[derive(Clone)]
pub struct Sockets {
    inner: Arc<Inner>,
}

struct Inner {
    open: AtomicUsize,
    max: usize,
    heartbeat: Heartbeat,
    closing: watch::Sender<bool>,
}

/// Why no further socket is opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There are as many as there may be.
    #[error("too many sockets: try again later")]
    Full,
    /// This node is stopping.
    #[error("stopping: try again later")]
    Closing,
}

impl Sockets {
    /// No sockets yet, and at most `max` from now on.
    pub fn new(max: usize, heartbeat: Heartbeat) -> Sockets {
        let (closing, _) = watch::channel(false);
        Sockets { inner: Arc::new(Inner { open: AtomicUsize::new(0), max, heartbeat, closing }) }
    }

    /// Takes a place for a socket; dropping the place frees it.
    pub fn enter(&self) -> Result<Place, Refused> {
        if self.closing() {
            return Err(Refused::Closing);
        }
        let place = Place { sockets: self.clone() };
        // Counted first, so that two that come at once cannot both take the last place.
        let before = self.inner.open.fetch_add(1, Ordering::Relaxed);
        if before < self.inner.max { Ok(place) } else { Err(Refused::Full) }
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.inner.open.load(Ordering::Relaxed)
    }

    /// True once this node is stopping.
    pub fn closing(&self) -> bool {
        *self.inner.closing.borrow()
    }

    /// Tells every socket to close with 1001, and lets no new one in.
    pub fn close_all(&self) {
        self.inner.closing.send_replace(true);
    }

    fn watch_closing(&self) -> watch::Receiver<bool> {
        self.inner.closing.subscribe()
    }
}

/// A socket's place among the others.
pub struct Place {
    sockets: Sockets,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sockets.inner.open.fetch_sub(1, Ordering::Relaxed);
    }
}
