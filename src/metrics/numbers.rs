//! The numbers of this node's parts at one moment, for the metrics and for the page for admins.

use std::sync::atomic::Ordering;
use std::time::Instant;

use kilonova_feed::ConnectionStats;

use super::process::Process;
use crate::db;
use crate::pubsub;
use crate::state::State;

/// The numbers at one moment.
pub struct Numbers {
    /// The feed, its sockets, its relay.
    pub feed: kilonova_feed::Stats,
    /// The process groups.
    pub groups: pubsub::Stats,
    /// The database and its writer.
    pub database: db::Stats,
    /// The site's connections; `None` before it listens.
    pub connections: Option<ConnectionStats>,
    /// The number of logged events that the search index does not contain yet.
    pub index_lag: i64,
    /// The number of logged events that the slowest other node has not sent yet.
    pub peer_lag: i64,
    /// Whether the node is stopping or about to stop.
    pub is_draining: bool,
    /// Statistics of the process from the operating system.
    pub process: Process,
}

impl Numbers {
    /// The current numbers. Reads a few system files, so do not call it on a thread that serves
    /// sockets.
    pub fn of(state: &State) -> Numbers {
        let feed = state.feed.stats();
        let indexed = state.search.indexed_position().unwrap_or(0);
        let is_draining = state.draining.load(Ordering::Relaxed) || state.feed.sockets().closing();
        Numbers {
            groups: state.feed.pubsub().stats(),
            database: state.db.stats(),
            connections: state.connections.get().map(kilonova_feed::ConnectionCount::stats),
            index_lag: feed.position.saturating_sub(indexed).max(0),
            peer_lag: state.peers.behind(feed.position, Instant::now()),
            is_draining,
            process: Process::now(),
            feed,
        }
    }

    /// The number of logged events not yet sent to this node's subscribers.
    pub fn relay_lag(&self) -> i64 {
        self.feed.position - self.feed.sent
    }

    /// The number of sockets closed because their clients read too slowly.
    pub fn slow_consumers(&self) -> u64 {
        let slow = self.feed.closed.iter().filter(|one| one.reason == "slow_consumer");
        slow.map(|one| one.count).sum()
    }
}
