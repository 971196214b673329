//! Counts of one node's process groups, for metrics. Owns the numbers and how the registry
//! publishes them: with each tick, so that reading them sends no request to its thread.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts from [`PubSub::stats`](super::PubSub::stats), up to a tenth of a second old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The other reachable nodes.
    pub peers: usize,
    /// The channels with a member on this node.
    pub channels: usize,
    /// The members on this node, each counted once.
    pub local_members: usize,
    /// The members on the other nodes, each counted once.
    pub remote_members: usize,
    /// The messages that members of this node missed because their mailboxes were full.
    pub missed: u64,
    /// The requests that are waiting for the registry.
    pub waiting: usize,
}

/// The numbers that the registry publishes.
#[derive(Debug, Default)]
pub(super) struct Published {
    peers: AtomicUsize,
    channels: AtomicUsize,
    local_members: AtomicUsize,
    remote_members: AtomicUsize,
    missed: AtomicU64,
}

impl Published {
    /// Replaces the numbers; `waiting` is not among them.
    pub(super) fn publish(&self, stats: Stats) {
        self.peers.store(stats.peers, Ordering::Relaxed);
        self.channels.store(stats.channels, Ordering::Relaxed);
        self.local_members.store(stats.local_members, Ordering::Relaxed);
        self.remote_members.store(stats.remote_members, Ordering::Relaxed);
        self.missed.store(stats.missed, Ordering::Relaxed);
    }

    /// The numbers, with this many waiting requests.
    pub(super) fn with_waiting(&self, waiting: usize) -> Stats {
        Stats {
            peers: self.peers.load(Ordering::Relaxed),
            channels: self.channels.load(Ordering::Relaxed),
            local_members: self.local_members.load(Ordering::Relaxed),
            remote_members: self.remote_members.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            waiting,
        }
    }
}
