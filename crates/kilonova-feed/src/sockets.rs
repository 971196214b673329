//! All sockets of this node: their limits and their close.
//!
//! Owns the admission of sockets; WebSockets and event streams count the same. Leaves the frames of
//! a socket to its session.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::limits::{Address, Addresses, Rate};
use crate::threads::Threads;
use crate::{Error, Limits};

/// The range of `Retry-After`, in seconds. Each refused client gets a random value, so that they do
/// not all return at once.
const RETRY: RangeInclusive<u32> = 1..=10;

/// The number of lots. A socket's lot decides in which batch the socket closes.
const LOTS: u32 = 1 << 16;

/// The distance between the lots of two consecutive sockets: the number of lots divided by the
/// golden ratio, which spreads the sockets evenly over any range of lots.
const STRIDE: u32 = 40_503;

/// The most batches in which sockets are closed.
const BATCHES: usize = 25;

/// The least number of sockets in a batch.
const BATCH: usize = 40;

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
    /// Sockets whose lot is lower must close.
    called: AtomicU32,
    /// The number of sockets so far.
    entered: AtomicU32,
    /// The number of calls of `break_all`.
    breaks: AtomicU64,
    /// The threads whose sessions are roused when sockets must close.
    threads: Threads,
    /// Notified when the last socket has closed.
    empty: Notify,
}

impl Sockets {
    /// Starts without sockets and admits as many as the limits allow.
    pub(crate) fn new(limits: &Limits, threads: Threads) -> Sockets {
        let addresses = Addresses::new(limits.sockets_per_address);
        let handshakes = Rate::new(limits.handshakes, Instant::now());
        Sockets::limited(limits.sockets, addresses, handshakes, threads)
    }

    fn limited(max: usize, addresses: Addresses, handshakes: Rate, threads: Threads) -> Sockets {
        Sockets {
            inner: Arc::new(Inner {
                open: AtomicUsize::new(0),
                max,
                addresses,
                handshakes,
                closing: AtomicBool::new(false),
                called: AtomicU32::new(0),
                entered: AtomicU32::new(0),
                breaks: AtomicU64::new(0),
                threads,
                empty: Notify::new(),
            }),
        }
    }

    /// Takes a place for a socket of this peer; dropping the place frees it. 429 if the peer's
    /// address is at its limit, 503 if the node is at its limit or its rate limit.
    ///
    /// A refused request uses up neither a place nor any of the rate limit: a client that retries
    /// at its own limit does not affect others.
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
        let number = inner.entered.fetch_add(1, Ordering::Relaxed);
        let lot = number.wrapping_mul(STRIDE) % LOTS;
        let place = Place { sockets: self.clone(), address, lot };
        // `all_closed` may have seen no socket just before this place was taken.
        if self.closing() {
            return Err(Error::Stopping);
        }
        if inner.handshakes.admits(Instant::now()) {
            Ok(place)
        } else {
            Err(Error::TooFast { retry_after: retry() })
        }
    }

    /// The number of open sockets and streams.
    pub fn open(&self) -> usize {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// The number of addresses with open sockets; loopback does not count.
    pub fn addresses(&self) -> usize {
        self.inner.addresses.count()
    }

    /// True after [`Sockets::close_all`] or [`Sockets::close_over`] was called: the node is
    /// stopping, or its feed has ended.
    pub fn closing(&self) -> bool {
        self.inner.closing.load(Ordering::SeqCst)
    }

    /// Closes every socket with 1001, and refuses new ones.
    pub fn close_all(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        self.call(LOTS);
    }

    /// Refuses new sockets, and closes every socket with 1001 in batches spread evenly over this
    /// time, so that its clients do not all reconnect to another node at once. Up to 40 sockets
    /// close in one batch. Returns after the last batch, or as soon as no socket is open.
    pub async fn close_over(&self, time: Duration) {
        self.inner.closing.store(true, Ordering::SeqCst);
        let batches = self.open().div_ceil(BATCH).clamp(1, BATCHES);
        for batch in 1..=batches {
            self.call(called_in(batch, batches));
            if batch < batches
                && tokio::time::timeout(time / batches as u32, self.all_closed()).await.is_ok()
            {
                break;
            }
        }
        self.call(LOTS);
    }

    /// Closes the sockets whose lots are below this one.
    fn call(&self, below: u32) {
        self.inner.called.fetch_max(below, Ordering::SeqCst);
        self.inner.threads.rouse();
    }

    /// True when sockets with this lot must close.
    pub(crate) fn calls(&self, lot: u32) -> bool {
        lot < self.inner.called.load(Ordering::Relaxed)
    }

    /// Closes every socket with 1013, because events were pruned before they were sent. A client
    /// that reconnects with a position gets a resync.
    pub(crate) fn break_all(&self) {
        self.inner.breaks.fetch_add(1, Ordering::SeqCst);
        self.inner.threads.rouse();
    }

    /// The number of calls of `break_all`: a socket that joined before the last one must close.
    pub(crate) fn breaks(&self) -> u64 {
        self.inner.breaks.load(Ordering::SeqCst)
    }

    /// Waits until no socket is open.
    pub async fn all_closed(&self) {
        loop {
            let empty = self.inner.empty.notified();
            if self.open() == 0 {
                return;
            }
            empty.await;
        }
    }
}

/// The upper bound (exclusive) of the lots that close in this batch and the batches before it.
fn called_in(batch: usize, batches: usize) -> u32 {
    (LOTS as usize * batch / batches) as u32
}

fn retry() -> u32 {
    rand::random_range(RETRY)
}

/// A socket's place within the limits; dropping it frees the place.
pub(crate) struct Place {
    sockets: Sockets,
    address: Address,
    lot: u32,
}

impl Place {
    /// The socket's lot, which decides when it closes among all sockets.
    pub(crate) fn lot(&self) -> u32 {
        self.lot
    }
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
