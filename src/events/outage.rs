//! Tells the members on this node whether the node reaches its database. During an outage they
//! receive no events that other nodes commit.
//!
//! Members on other nodes are not told: their nodes may reach the database, or notice its return at
//! another time.

use std::time::Duration;

use tokio::time::timeout;

use super::SYSTEM;
use super::words::{DATABASE, Database};
use crate::pubsub::{Payload, PubSub};
use crate::site_log::Feed;

/// How often an outage is announced again while it lasts, for members that have joined since.
const AGAIN: Duration = Duration::from_secs(5);

/// Announces outages and their ends until the feed stops.
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
            log::debug!("the process groups have stopped; outages are no longer announced");
            return;
        }
    }
}

async fn told(pubsub: &PubSub, reachable: bool) -> Option<()> {
    let told = Database { reachable, node: pubsub.node() };
    pubsub.local_broadcast(SYSTEM, DATABASE, Payload::encode(&told).ok()?).await.ok()
}
