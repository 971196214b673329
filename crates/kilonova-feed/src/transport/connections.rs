//! The number of open connections of every kind, and its limits.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::oneshot;

use crate::limits::{Address, Addresses};

/// All connections of this node; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Inner>);

struct Inner {
    open: AtomicUsize,
    accepted: AtomicU64,
    refused_by_node: AtomicU64,
    refused_by_address: AtomicU64,
    max: usize,
    addresses: Addresses,
    count_under: Count,
}

/// Counts of a server's connections; see [`Running::connections`](crate::Running::connections).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// Open connections, sockets included.
    pub open: usize,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were refused because the node had too many.
    pub refused_by_node: u64,
    /// Connections that were refused because their address had too many.
    pub refused_by_address: u64,
}

/// The address under which a peer's connections count.
pub(crate) type Count = Arc<dyn Fn(IpAddr) -> Option<IpAddr> + Send + Sync>;

/// The reason why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// The node is at its limit.
    OfNode,
    /// The client's address is at its limit.
    OfAddress,
}

impl Connections {
    /// Starts without connections. Admits at most `max`, and at most `max_per_address` of one
    /// address.
    pub(crate) fn new(max: usize, max_per_address: usize, count_under: Count) -> Connections {
        let addresses = Addresses::new(max_per_address);
        Connections(Arc::new(Inner {
            open: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            refused_by_node: AtomicU64::new(0),
            refused_by_address: AtomicU64::new(0),
            max,
            addresses,
            count_under,
        }))
    }

    /// The current counts.
    pub(crate) fn stats(&self) -> ConnectionStats {
        let Inner { open, accepted, refused_by_node, refused_by_address, .. } = &*self.0;
        ConnectionStats {
            open: open.load(Ordering::Relaxed),
            accepted: accepted.load(Ordering::Relaxed),
            refused_by_node: refused_by_node.load(Ordering::Relaxed),
            refused_by_address: refused_by_address.load(Ordering::Relaxed),
        }
    }

    /// Counts a connection until the returned place is dropped. Dropping it also closes the
    /// receiver's channel.
    pub(crate) fn enter(
        &self,
        peer: Option<SocketAddr>,
    ) -> Result<(Held, oneshot::Receiver<()>), TooMany> {
        let inner = &self.0;
        let address = inner.addresses.enter(peer.and_then(|peer| (inner.count_under)(peer.ip())));
        let Some(address) = address else {
            inner.refused_by_address.fetch_add(1, Ordering::Relaxed);
            return Err(TooMany::OfAddress);
        };
        let more = |open| (open < inner.max).then_some(open + 1);
        if inner.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            inner.addresses.leave(address);
            inner.refused_by_node.fetch_add(1, Ordering::Relaxed);
            return Err(TooMany::OfNode);
        }
        inner.accepted.fetch_add(1, Ordering::Relaxed);
        let (told, gone) = oneshot::channel();
        Ok((Held { connections: self.clone(), address, _told: told }, gone))
    }
}

/// A connection's place within the limits.
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
