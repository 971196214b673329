//! All sockets of this node: their number and their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use crate::error::{AppError, AppResult};

/// All sockets of this node; cheap to clone.
#[derive(Clone)]
pub struct Sockets {
    inner: Arc<Inner>,
}

struct Inner {
    open: AtomicUsize,
    max: usize,
    closing: watch::Sender<bool>,
    /// Told when the last one has left.
    empty: Notify,
}

impl Sockets {
    /// No sockets yet, and at most `max` from now on.
    pub fn new(max: usize) -> Sockets {
        let (closing, _) = watch::channel(false);
        Sockets {
            inner: Arc::new(Inner {
                open: AtomicUsize::new(0),
                max,
                closing,
                empty: Notify::new(),
            }),
        }
    }

    /// Takes a place for a socket, or 503; dropping the place frees it.
    pub fn enter(&self) -> AppResult<Place> {
        if self.closing() {
            return Err(AppError::Unavailable("stopping: try again later"));
        }
        let place = Place { sockets: self.clone() };
        // Counted first, so that two that come at once cannot both take the last place.
        let before = self.inner.open.fetch_add(1, Ordering::Relaxed);
        if before < self.inner.max {
            Ok(place)
        } else {
            Err(AppError::Unavailable("too many sockets: try again later"))
        }
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

    /// Ends when none is open.
    pub async fn all_closed(&self) {
        loop {
            let empty = self.inner.empty.notified();
            if self.open() == 0 {
                return;
            }
            empty.await;
        }
    }

    /// Ends when this node is stopping.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + use<> {
        let mut closing = self.inner.closing.subscribe();
        async move {
            // An error means that the sockets are gone, which is an end as well.
            drop(closing.wait_for(|closing| *closing).await);
        }
    }
}

/// A socket's place among the others.
pub struct Place {
    sockets: Sockets,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.sockets.inner.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.sockets.inner.empty.notify_waiters();
        }
    }
}
