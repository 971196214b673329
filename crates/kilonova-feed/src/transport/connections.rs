//! The number of open connections of every kind, and its limits.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use crate::limits::{Address, Addresses};

/// All connections of this node; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Inner>);

struct Inner {
    open: AtomicUsize,
    max: usize,
    addresses: Addresses,
    count_under: Count,
}

/// The address under which a peer's connections count.
pub(crate) type Count = Arc<dyn Fn(IpAddr) -> Option<IpAddr> + Send + Sync>;

/// The reason why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// The node has as many as it may.
    OfNode,
    /// The client's address has.
    OfAddress,
}

impl Connections {
    /// Starts without connections; admits at most `max`, and `max_per_address` of one address.
    pub(crate) fn new(max: usize, max_per_address: usize, count_under: Count) -> Connections {
        let addresses = Addresses::new(max_per_address);
        Connections(Arc::new(Inner { open: AtomicUsize::new(0), max, addresses, count_under }))
    }

    /// Counts a connection until the returned place is dropped, which also closes the receiver's
    /// channel.
    pub(crate) fn enter(
        &self,
        peer: Option<SocketAddr>,
    ) -> Result<(Held, oneshot::Receiver<()>), TooMany> {
        let inner = &self.0;
        let address = inner.addresses.enter(peer.and_then(|peer| (inner.count_under)(peer.ip())));
        let address = address.ok_or(TooMany::OfAddress)?;
        let more = |open| (open < inner.max).then_some(open + 1);
        if inner.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            inner.addresses.leave(address);
            return Err(TooMany::OfNode);
        }
        let (told, gone) = oneshot::channel();
        Ok((Held { connections: self.clone(), address, _told: told }, gone))
    }
}

/// A connection's place among the others.
pub(crate) struct Held {
    connections: Connections,
    address: Address,
    /// Dropped with the place, which wakes the receiver.
    _told: oneshot::Sender<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connections.0.addresses.leave(self.address);
        self.connections.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
