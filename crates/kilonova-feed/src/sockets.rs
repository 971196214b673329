//! All sockets of this node: how many there may be, and their end.
//!
//! Owns who is let in; WebSockets and event streams count alike. Leaves what a socket is sent to
//! its session.

mod addresses;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use self::addresses::Addresses;
use crate::limits::{Address, Rate};
use crate::{Error, Limits};

/// Those who are refused are told to come back within so many seconds, each after a time of its
/// own: those that were refused together do not return together.
const RETRY: RangeInclusive<u32> = 1..=10;

/// All sockets of this node; cheap to clone.
#[derive(Clone)]
pub struct Sockets {
    inner: Arc<Inner>,
}

struct Inner {
    open: AtomicUsize,
    max: usize,
    addresses: Addresses,
    handshakes: Rate,
    closing: AtomicBool,
    /// Told when all are to close.
    closed: Notify,
    /// Told when the last one has left.
    empty: Notify,
}

impl Sockets {
    /// No sockets yet, and at most as many as the limits allow from now on.
    pub(crate) fn new(limits: &Limits) -> Sockets {
        let addresses = Addresses::new(limits.sockets_per_address);
        let handshakes = Rate::new(limits.handshakes, Instant::now());
        Sockets::limited(limits.sockets, addresses, handshakes)
    }

    fn limited(max: usize, addresses: Addresses, handshakes: Rate) -> Sockets {
        Sockets {
            inner: Arc::new(Inner {
                open: AtomicUsize::new(0),
                max,
                addresses,
                handshakes,
                closing: AtomicBool::new(false),
                closed: Notify::new(),
                empty: Notify::new(),
            }),
        }
    }

    /// Takes a place for a socket of this peer; dropping the place frees it. 429 when the peer's
    /// address has as many as it may, 503 when the node has, or lets in no more in this second.
    ///
    /// What is refused uses up nothing: someone who knocks without end at a limit of their own
    /// takes neither a place nor a turn from others.
    pub(crate) fn enter(&self, peer: Option<SocketAddr>) -> Result<Place, Error> {
        if self.closing() {
            return Err(Error::Stopping);
        }
        let inner = &self.inner;
        let Some(address) = inner.addresses.enter(peer.map(|peer| peer.ip())) else {
            return Err(Error::TooManyOfAddress { retry_after: retry() });
        };
        let more = |open| (open < inner.max).then_some(open + 1);
        if inner.open.fetch_update(Ordering::SeqCst, Ordering::Relaxed, more).is_err() {
            inner.addresses.leave(address);
            return Err(Error::TooMany { retry_after: retry() });
        }
        let place = Place { sockets: self.clone(), address };
        // Whoever waits for all to be closed may have seen none just before this one.
        if self.closing() {
            return Err(Error::Stopping);
        }
        if inner.handshakes.admits(Instant::now()) {
            Ok(place)
        } else {
            Err(Error::TooFast { retry_after: retry() })
        }
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// How many addresses, of those that are counted, have sockets open.
    pub fn addresses(&self) -> usize {
        self.inner.addresses.count()
    }

    /// True once this node is stopping.
    pub fn closing(&self) -> bool {
        self.inner.closing.load(Ordering::SeqCst)
    }

    /// Tells every socket to close with 1001, and lets no new one in.
    pub fn close_all(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        self.inner.closed.notify_waiters();
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
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + use<> {
        let inner = Arc::clone(&self.inner);
        async move {
            // Before the look: what is told in between is heard.
            let closed = inner.closed.notified();
            if !inner.closing.load(Ordering::SeqCst) {
                closed.await;
            }
        }
    }
}

fn retry() -> u32 {
    rand::random_range(RETRY)
}

/// A socket's place among the others.
pub(crate) struct Place {
    sockets: Sockets,
    address: Address,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sockets.inner.addresses.leave(self.address);
        if self.sockets.inner.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.sockets.inner.empty.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
