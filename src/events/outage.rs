//! Tells this node's members, and no others, whether it reaches its database: until it does they
//! hear nothing of what other nodes commit.
//!
//! It is this node's matter alone: another may well reach it, or the two see it come back at
//! different times.

use std::time::Duration;

use tokio::time::timeout;

use super::SYSTEM;
use super::words::{DATABASE, Database};
use crate::pubsub::{Payload, PubSub};
use crate::site_log::Feed;

/// How often an outage is told again while it lasts, for those who have come since.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells of outages until the feed stops.
pub async fn tell(feed: Feed) {
    let mut reachable = true;
    loop {
        let changed = feed.reachable_changed(reachable);
        let now = match reachable {
            true => changed.await,
            false => timeout(AGAIN, changed).await.unwrap_or(Some(false)),
        };
        let Some(now) = now else { return };
        reachable = now;
        if told(feed.pubsub(), reachable).await.is_none() {
            log::debug!("the process groups have stopped: nobody is left to be told");
            return;
        }
    }
}

async fn told(pubsub: &PubSub, reachable: bool) -> Option<()> {
    let told = Database { reachable, node: pubsub.node() };
    pubsub.local_broadcast(SYSTEM, DATABASE, Payload::encode(&told).ok()?).await.ok()
}
